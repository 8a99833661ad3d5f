using System.Security.Cryptography;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

public sealed class ResampleTests
{
    private static readonly GoldenTensors golden = new("image-resample");

    public static TheoryData<string> Resized => new(golden.Names.Where(n => !n.EndsWith(".input")));

    [Theory]
    [MemberData(nameof(Resized))]
    public void Resizing_gives_Pillows_bytes(string name)
    {
        var parts = name.Split('.'); // source.filter.HxW
        var image = Image(parts[0] + ".input");
        var size = parts[2].Split('x').Select(int.Parse).ToArray();

        var resized = Resample.Resize(image, size[1], size[0], Enum.Parse<ResampleFilter>(parts[1], ignoreCase: true));

        Assert.True(golden.Bytes(name).SequenceEqual(resized.Pixels));
    }

    [Fact]
    public void Larger_pictures_of_any_shape_give_Pillows_bytes()
    {
        foreach (var row in JsonDocument.Parse(File.ReadAllBytes(golden.PathOf("sizes.json"))).RootElement.EnumerateArray())
        {
            var (width, height) = (row.GetProperty("width").GetInt32(), row.GetProperty("height").GetInt32());
            var pixels = new byte[width * height * 3];
            for (var i = 0; i < pixels.Length; i++)
            {
                var (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
                pixels[i] = (byte)(x * 7 + y * 13 + c * 29 + x * y * (c + 1) / 3);
            }
            var filter = Enum.Parse<ResampleFilter>(row.GetProperty("filter").GetString()!, ignoreCase: true);
            var resized = Resample.Resize(new RgbImage(width, height, pixels), row.GetProperty("new_width").GetInt32(), row.GetProperty("new_height").GetInt32(), filter);
            Assert.True(row.GetProperty("sha256").GetString() == Convert.ToHexStringLower(SHA256.HashData(resized.Pixels)), row.ToString());
        }
    }

    [Fact]
    public void A_picture_of_one_colour_stays_that_colour()
    {
        var cases =
            from width in Gen.Choose(1, 90)
            from height in Gen.Choose(1, 90)
            from newWidth in Gen.Choose(1, 90)
            from newHeight in Gen.Choose(1, 90)
            from filter in Gen.Elements(Enum.GetValues<ResampleFilter>())
            from colour in Gen.Choose(0, 255).ArrayOf(3)
            select (width, height, newWidth, newHeight, filter, colour);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var pixels = Enumerable.Range(0, c.width * c.height * 3).Select(i => (byte)c.colour[i % 3]).ToArray();
            var resized = Resample.Resize(new RgbImage(c.width, c.height, pixels), c.newWidth, c.newHeight, c.filter);
            return resized.Pixels.Select((p, i) => p == c.colour[i % 3]).All(same => same);
        }).QuickCheckThrowOnFailure();
    }

    private static RgbImage Image(string name) => new(golden.Shape(name)[1], golden.Shape(name)[0], golden.Bytes(name).ToArray());
}
