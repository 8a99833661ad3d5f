using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

public sealed class ImageCodecTests
{
    private static readonly GoldenTensors golden = new("nanovlm-data");

    public static TheoryData<string> Decoded => new(golden.Names.Where(n => n.StartsWith("decoded.")).Select(n => n["decoded.".Length..]));

    [Theory]
    [MemberData(nameof(Decoded))]
    public void Pictures_decode_to_Pillows_pixels(string file)
    {
        var image = ImageCodec.Load(golden.PathOf(file));
        var expected = golden.Bytes("decoded." + file);

        Assert.Equal(golden.Shape("decoded." + file), new[] { image.Height, image.Width, 3 });
        var farthest = 0;
        for (var i = 0; i < expected.Length; i++)
            farthest = Math.Max(farthest, Math.Abs(expected[i] - image.Pixels[i]));
        Assert.Equal(0, farthest);
    }

    [Fact]
    public void Png_round_trips_any_picture()
    {
        var images =
            from width in Gen.Choose(1, 70)
            from height in Gen.Choose(1, 70)
            from pixels in Gen.Choose(0, 255).ArrayOf(width * height * 3)
            select new RgbImage(width, height, [.. pixels.Select(p => (byte)p)]);
        Prop.ForAll(images.ToArbitrary(), image =>
        {
            var decoded = ImageCodec.Decode(ImageCodec.EncodePng(image), "round trip");
            return decoded.Width == image.Width && decoded.Height == image.Height && decoded.Pixels.AsSpan().SequenceEqual(image.Pixels);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_picture_of_another_librarys_pixels_holds_a_copy_of_them()
    {
        Span<byte> pixels = stackalloc byte[2 * 3 * 3];
        pixels.Fill(7);
        var image = new RgbImage(2, 3, pixels);
        pixels.Clear();
        Assert.All(image.Pixels, value => Assert.Equal(7, value));
        Assert.Throws<ArgumentException>(() => new RgbImage(2, 2, new ReadOnlySpan<byte>(new byte[13])));
    }

    [Fact]
    public void A_png_is_the_same_bytes_each_time()
    {
        var image = ImageCodec.Load(golden.PathOf("image0.png"));
        var first = ImageCodec.EncodePng(image);
        Parallel.For(0, 50, _ => Assert.Equal(first, ImageCodec.EncodePng(image)));
    }
}
