using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

public sealed class StoredImageTests
{
    private static readonly GoldenTensors golden = new("image-formats");

    [Theory]
    [InlineData("rgb.jpg")]
    [InlineData("exif6.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("exif6.png")]
    [InlineData("exif8.webp")]
    [InlineData("lossy.webp")]
    public void A_picture_within_a_larger_file_is_that_of_a_file_of_its_own(string name)
    {
        using var folder = new TemporaryFolder();
        var picture = File.ReadAllBytes(golden.PathOf(name));
        var within = new StoredImage("in a.bin", folder.Write("a.bin", [.. new byte[1000], .. picture, .. new byte[100_000]]), 1000, picture.Length);
        var alone = new StoredImage(golden.PathOf(name));
        Assert.Equal(picture, within.Read());
        Assert.Equal(alone.Decode().Pixels, within.Decode().Pixels);
        Assert.Equal((alone.Decode().Width, alone.Decode().Height), within.Size());
        Assert.Equal(alone.Size(), within.Size());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)] // the orientation before a long header
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 0)] // and after one, beyond what is read first
    [InlineData(2, 1)]
    public void The_size_of_a_long_picture_is_upright_wherever_the_orientation_stands(int before, int after)
    {
        using var folder = new TemporaryFolder();
        var jpeg = File.ReadAllBytes(golden.PathOf("exif6.jpg"));
        var exif = jpeg.AsSpan().IndexOf("Exif\0\0"u8) - 4;
        byte[] filler = [0xFF, 0xE5, 0xEA, 0x60, .. new byte[59_998]]; // an application's segment, which nothing reads
        byte[] picture = [.. jpeg[..exif], .. Fillers(before), .. jpeg[exif..(exif + 2 + (jpeg[exif + 2] << 8 | jpeg[exif + 3]))], .. Fillers(after), .. jpeg[(exif + 2 + (jpeg[exif + 2] << 8 | jpeg[exif + 3]))..], .. new byte[100_000]];
        var path = folder.Write("a.bin", picture);
        var upright = ImageCodec.Size(picture, "a");
        Assert.Equal(ImageCodec.Size(jpeg, "a"), upright);
        Assert.NotEqual(upright.Width, upright.Height);
        Assert.Equal(upright, new StoredImage(path).Size());
        Assert.Equal(upright, new StoredImage("a", path, 0, picture.Length).Size());

        IEnumerable<byte> Fillers(int count) => Enumerable.Repeat(filler, count).SelectMany(part => part);
    }

    [Fact]
    public void A_size_does_not_read_the_whole_of_a_long_picture()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("long.jpg", File.ReadAllBytes(golden.PathOf("exif6.jpg")));
        using (var file = File.OpenWrite(path)) file.SetLength(100_000_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(new StoredImage(golden.PathOf("exif6.jpg")).Size(), new StoredImage(path).Size());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_file_that_is_gone_or_has_become_shorter_is_named()
    {
        using var folder = new TemporaryFolder();
        var picture = File.ReadAllBytes(golden.PathOf("rgb.jpg"));
        var path = folder.Write("a.bin", picture);
        Refused(new StoredImage("a.bin, 0.jpg", path, 10, picture.Length), "'a.bin, 0.jpg' cannot be read: the file ends within it");
        Refused(new StoredImage("a.bin, 0.jpg", path, 10, 1_000_000), "'a.bin, 0.jpg' cannot be read: the file ends within it");
        File.Delete(path);
        Refused(new StoredImage("a.bin, 0.jpg", path, 0, picture.Length), "'a.bin, 0.jpg' cannot be read: there is no such file");
        Refused(new StoredImage("a.bin, 0.jpg", path, 0, 1_000_000), "'a.bin, 0.jpg' cannot be read: there is no such file");
        Refused(new StoredImage(path), $"'{path}' cannot be read: there is no such file");
        Refused(new StoredImage("a\0.png"), "cannot be read: Null character in path");

        static void Refused(StoredImage image, string said)
        {
            foreach (var act in (Action[])[() => image.Read(), () => image.Size(), () => image.Decode()])
                Assert.Contains(said, Assert.Throws<NanoVlmException>(act).Message);
        }
    }
}
