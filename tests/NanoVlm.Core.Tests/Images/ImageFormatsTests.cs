using System.Buffers.Binary;
using System.Text;
using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

public sealed class ImageFormatsTests
{
    public static TheoryData<int, int, bool> PngKinds
    {
        get
        {
            var kinds = new TheoryData<int, int, bool>();
            foreach (var interlaced in new[] { false, true })
            {
                foreach (var depth in new[] { 1, 2, 4, 8, 16 }) kinds.Add(TestPng.Gray, depth, interlaced);
                foreach (var depth in new[] { 1, 2, 4, 8 }) kinds.Add(TestPng.Palette, depth, interlaced);
                foreach (var color in new[] { TestPng.Rgb, TestPng.GrayAlpha, TestPng.Rgba })
                    foreach (var depth in new[] { 8, 16 }) kinds.Add(color, depth, interlaced);
            }
            return kinds;
        }
    }

    [Theory]
    [MemberData(nameof(PngKinds))]
    public void Every_kind_of_png_becomes_rgb(int color, int depth, bool interlaced)
    {
        const int width = 19, height = 13;
        var mask = (1 << depth) - 1;
        var palette = Enumerable.Range(0, 3 << Math.Min(depth, 8)).Select(i => (byte)(i * 59)).ToArray();
        // A transparent palette entry and a transparent colour change nothing: alpha is dropped.
        (string, byte[])[] extra = color switch
        {
            TestPng.Palette => [("PLTE", palette), ("tRNS", [0, 128])],
            TestPng.Gray => [("gAMA", [0, 0, 0x27, 0x10]), ("tRNS", [0, 1])],
            TestPng.Rgb => [("tRNS", [0, 0, 0, 0, 0, 0])],
            _ => [],
        };
        var png = TestPng.Write(width, height, depth, color, interlaced, Sample, extra);

        var image = ImageCodec.Decode(png, "kind");

        Assert.Equal((width, height), (image.Width, image.Height));
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                for (var channel = 0; channel < 3; channel++)
                    Assert.Equal(Expected(x, y, channel), image.Pixels[(y * width + x) * 3 + channel]);

        int Sample(int x, int y, int channel) => (x * 977 + y * 3571 + channel * 12289) & mask;

        int Expected(int x, int y, int channel) => color switch
        {
            TestPng.Palette => palette[Sample(x, y, 0) * 3 + channel],
            TestPng.Gray or TestPng.GrayAlpha => Eight(Sample(x, y, 0)),
            _ => Eight(Sample(x, y, channel)),
        };

        int Eight(int value) => depth < 16 ? value * 255 / mask : value >> 8; // of grey, too, where Pillow cuts off at 255: docs/images.md
    }

    [Theory]
    [InlineData("gray.jpg", 24, 20)]
    [InlineData("rgb.jpg", 24, 20)]
    [InlineData("odd_420.jpg", 23, 19)]
    [InlineData("progressive.jpg", 24, 20)]
    [InlineData("cmyk.jpg", 24, 20)]
    [InlineData("ycck.jpg", 24, 20)]
    public void Every_kind_of_jpeg_becomes_rgb(string file, int width, int height)
    {
        var image = ImageCodec.Load(Path.Combine(GoldenTensors.Folders, "image-formats", file));

        Assert.Equal((width, height), (image.Width, image.Height));
        // The four-channel files hold the same colours under an ink that leaves 200 of 255.
        var light = file is "cmyk.jpg" or "ycck.jpg" ? 200 / 255.0 : 1;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                int[] colour = file == "gray.jpg" ? [10 * x, 10 * x, 10 * x] : [10 * x, 12 * y, 5 * (x + y)];
                for (var channel = 0; channel < 3; channel++)
                    Assert.Equal(colour[channel] * light, image.Pixels[(y * width + x) * 3 + channel], file is "odd_420.jpg" or "progressive.jpg" ? 24.0 : 4.0);
            }
        }
    }

    [Theory]
    [InlineData("RIFF\x10\0\0\0WAVEfmt ", "RIFF")]
    [InlineData("II*\0\x8\0\0\0", "TIFF")]
    [InlineData("MM\0*\0\0\0\x8", "TIFF")]
    [InlineData("\0\0\0\x1C" + "ftypavif", "AVIF")]
    [InlineData("\0\0\0\x18" + "ftypheic", "HEIC")]
    [InlineData("\0\0\0\x18" + "ftypmif1", "HEIC")]
    [InlineData("<svg xmlns", "SVG")]
    [InlineData("version https://git-lfs.github.com/spec/v1", "Git LFS pointer")]
    [InlineData("hello", "68 65 6C 6C 6F")]
    [InlineData("", "empty")]
    public void Another_format_is_named_with_what_is_supported(string start, string part)
    {
        var problem = Assert.Throws<NanoVlmException>(() => ImageCodec.Decode(Encoding.Latin1.GetBytes(start), "photos/7"));
        Assert.Contains("'photos/7'", problem.Message);
        Assert.Contains(part, problem.Message);
        Assert.Contains("JPEG, PNG, WebP, GIF, BMP and ICO are supported", problem.Message);
        var other = Assert.Throws<NanoVlmException>(() => ImageCodec.Size(Encoding.Latin1.GetBytes(start), "photos/7"));
        Assert.Equal(problem.Message, other.Message);
    }

    [Fact]
    public void A_truncated_file_is_refused_by_name_wherever_it_ends()
    {
        string[] names =
        [
            "nanovlm-data/image0.png", "nanovlm-data/image1.jpg", "nanovlm-data/image_gray.png", "image-formats/progressive.jpg",
            "image-formats/lossy.webp", "image-formats/lossless_alpha.webp", "image-kinds/animated.webp", "image-kinds/rgb.bmp",
            "image-kinds/palette.bmp", "image-kinds/alpha.ico", "image-kinds/bitmap.ico",
        ];
        foreach (var name in names)
        {
            var file = File.ReadAllBytes(Path.Combine(GoldenTensors.Folders, name));
            for (var length = 1; length < file.Length; length += 1 + file.Length / 200)
            {
                var problem = Assert.Throws<NanoVlmException>(() => ImageCodec.Decode(file.AsSpan(0, length), name));
                Assert.Contains(name, problem.Message);
            }
        }
    }

    [Fact]
    public void A_truncated_gif_is_refused_unless_its_first_picture_is_whole()
    {
        var file = File.ReadAllBytes(Path.Combine(GoldenTensors.Folders, "image-kinds", "animated.gif"));
        var whole = ImageCodec.Decode(file, "whole").Pixels;
        Assert.Equal(whole, ImageCodec.Decode(file.AsSpan(0, 3 * file.Length / 4), "the first is whole").Pixels);
        for (var length = 1; length < 1000; length += 7)
            Assert.Contains("cut", Assert.Throws<NanoVlmException>(() => ImageCodec.Decode(file.AsSpan(0, length), "cut")).Message);
    }

    [Fact]
    public void A_corrupt_png_on_disk_is_named()
    {
        var path = Path.GetTempFileName();
        try
        {
            var png = ImageCodec.EncodePng(new RgbImage(4, 4, new byte[48]));
            png[png.AsSpan().IndexOf("IDAT"u8) + 8] ^= 0x55;
            File.WriteAllBytes(path, png);
            Assert.Contains(path, Assert.Throws<NanoVlmException>(() => ImageCodec.Load(path)).Message);
            File.Delete(path);
            Assert.Contains(path, Assert.Throws<NanoVlmException>(() => ImageCodec.Load(path)).Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(20_000, 20_000, "20000 x 20000")]
    [InlineData(int.MaxValue, int.MaxValue, "2147483647 x 2147483647")]
    [InlineData(13_000, 13_000, "cannot hold 13000 x 13000")]
    public void A_huge_size_in_the_header_is_refused_before_any_memory_is_taken(int width, int height, string part)
    {
        var file = TestPng.Write(1, 1, 8, TestPng.Rgb, false, (_, _, _) => 0);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), height);
        TestPng.Seal(file);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var problem = Assert.Throws<NanoVlmException>(() => ImageCodec.Decode(file, "bomb"));
        Assert.Contains(part, problem.Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Mutated_files_decode_or_are_refused_and_never_crash()
    {
        string[] names =
        [
            "nanovlm-data/image0.png", "nanovlm-data/image_rgba.png", "nanovlm-data/image1.jpg", "image-formats/progressive.jpg",
            "image-formats/ycck.jpg", "image-formats/exif6.jpg", "image-formats/exif6.png", "image-formats/exif8.webp",
            "image-formats/lossy_alpha.webp", "image-formats/lossless.webp", "image-kinds/transparent_within.gif", "image-kinds/animated.gif",
            "image-kinds/animated_alpha.webp", "image-kinds/palette.bmp", "image-kinds/alpha.ico", "image-kinds/bitmap.ico",
            "image-kinds/restarts.jpg",
        ];
        var seeds = names
            .Select(name => File.ReadAllBytes(Path.Combine(GoldenTensors.Folders, name)))
            .Append(TestPng.Write(9, 7, 4, TestPng.Palette, true, (x, y, _) => (x + y) & 15, ("PLTE", new byte[48]), ("tRNS", [1, 2])))
            .ToArray();
        var random = new Random(1);
        var (decoded, refused) = (0, 0);
        for (var i = 0; i < 8000; i++)
        {
            var file = seeds[i % seeds.Length].ToArray();
            var mutations = random.Next(1, 6);
            for (var m = 0; m < mutations; m++)
            {
                var position = random.Next(random.Next(2) == 0 ? Math.Min(file.Length, 200) : file.Length);
                switch (random.Next(4))
                {
                    case 0: file[position] ^= (byte)(1 << random.Next(8)); break;
                    case 1: file[position] = (byte)random.Next(256); break;
                    case 2: file = [.. file.AsSpan(0, position), .. file.AsSpan(Math.Min(file.Length, position + random.Next(1, 9)))]; break;
                    default: file = [.. file.AsSpan(0, position), (byte)random.Next(256), .. file.AsSpan(position)]; break;
                }
                if (file.Length == 0) break;
            }
            if (random.Next(2) == 0) TestPng.Seal(file);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ImageCodec.Decode(file, "mutant", i % 3 == 0 ? new DecodeOptions { Background = (1, 2, 3), MaxPixels = 1 << 20 } : new DecodeOptions { MaxPixels = 1 << 20 });
                decoded++;
            }
            catch (NanoVlmException)
            {
                refused++;
            }
            // The pixels, once more over a background or upright, and the message.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 12 << 20);
        }
        Assert.InRange(decoded, 100, 7900);
        Assert.InRange(refused, 100, 7900);
    }
}
