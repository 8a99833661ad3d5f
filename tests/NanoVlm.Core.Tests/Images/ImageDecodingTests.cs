using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

/// <summary>Pictures of every kind against Pillow (make.py in tests/goldens/image-formats and image-kinds); streams, limits and threads.</summary>
public sealed class ImageDecodingTests
{
    private static readonly GoldenTensors golden = new("image-formats");
    private static readonly GoldenTensors kinds = new("image-kinds");

    public static TheoryData<string> Decoded =>
        new(golden.Names.Where(name => !IsDeepGrey(name)).Select(name => "image-formats/" + name)
            .Concat(kinds.Names.Select(name => "image-kinds/" + name)));

    public static TheoryData<string> DeepGrey => new(golden.Names.Where(IsDeepGrey));

    [Theory]
    [MemberData(nameof(Decoded))]
    public void Pictures_are_what_Pillow_shows_upright_and_over_a_colour(string picture)
    {
        var (name, expected) = (Path.GetFileName(picture), picture.StartsWith("image-kinds/", StringComparison.Ordinal) ? kinds : golden);
        var parts = name.Split('.');
        DecodeOptions? options = parts.Length == 2 ? null : new() { Background = parts[2] == "white" ? ((byte)255, (byte)255, (byte)255) : ((byte)90, (byte)20, (byte)200) };

        var image = ImageCodec.Load(expected.PathOf($"{parts[0]}.{parts[1]}"), options);

        Assert.Equal(expected.Shape(name), new[] { image.Height, image.Width, 3 });
        Assert.True(expected.Bytes(name).SequenceEqual(image.Pixels));
    }

    [Theory]
    [MemberData(nameof(DeepGrey))]
    public void Of_16_bit_grey_the_high_byte_is_kept_where_Pillow_cuts_off_at_255(string name)
    {
        var image = ImageCodec.Load(golden.PathOf(string.Join('.', name.Split('.')[..2])));
        var differs = 0;
        for (var i = 0; i < image.Pixels.Length; i++)
        {
            var (x, y) = (i / 3 % image.Width, i / 3 / image.Width);
            var value = x % 3 == 0 ? 300 : x % 3 == 1 ? 20 * x + 7 * y : 2500 * x + 31 * y; // make.py's
            Assert.Equal(value >> 8 & 0xFF, image.Pixels[i]);
            if (golden.Bytes(name)[i] != image.Pixels[i]) differs++;
        }
        Assert.True(differs > image.Pixels.Length / 2);
    }

    private static bool IsDeepGrey(string name) => name.StartsWith("deep0", StringComparison.Ordinal);

    [Fact]
    public void Threads_decode_at_once()
    {
        var names = kinds.Names.Where(name => name.Split('.').Length == 2).ToArray();
        Parallel.For(0, 40 * names.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var name = names[i % names.Length];
            Assert.True(kinds.Bytes(name).SequenceEqual(ImageCodec.Load(kinds.PathOf(name)).Pixels), name);
        });
    }

    [Fact]
    public void A_background_changes_nothing_where_there_is_no_alpha()
    {
        foreach (var name in new[] { "rgb.jpg", "lossy.webp", "exif6.png" })
        {
            var file = golden.PathOf(name);
            Assert.Equal(ImageCodec.Load(file).Pixels, ImageCodec.Load(file, new DecodeOptions { Background = (9, 9, 9) }).Pixels);
        }
    }

    [Fact]
    public void A_stream_gives_the_picture_of_its_file()
    {
        var path = golden.PathOf("lossy.webp");
        using var stream = File.OpenRead(path);
        Assert.Equal(ImageCodec.Load(path).Pixels, ImageCodec.Read(stream, "a stream").Pixels);
        var problem = Assert.Throws<NanoVlmException>(() => ImageCodec.Read(stream, "its end"));
        Assert.Contains("'its end'", problem.Message);
    }

    [Theory]
    [InlineData("rgb.jpg")]
    [InlineData("alpha.png")]
    [InlineData("lossy_alpha.webp")]
    [InlineData("../image-kinds/palette.gif")]
    [InlineData("../image-kinds/rgb.bmp")]
    [InlineData("../image-kinds/alpha.ico")]
    public void A_picture_over_the_limit_is_refused_by_size(string name)
    {
        var path = golden.PathOf(name);
        var image = ImageCodec.Load(path);
        var pixels = image.Width * image.Height;
        ImageCodec.Load(path, new DecodeOptions { MaxPixels = pixels });
        var problem = Assert.Throws<NanoVlmException>(() => ImageCodec.Load(path, new DecodeOptions { MaxPixels = pixels - 1 }));
        Assert.Contains($"{image.Width} x {image.Height} pixels", problem.Message);
        Assert.Contains(path, problem.Message);
    }

    [Fact]
    public void A_jpeg_header_that_promises_more_than_its_data_holds_takes_no_memory()
    {
        var file = File.ReadAllBytes(golden.PathOf("rgb.jpg"));
        var frame = file.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        new byte[] { 0x30, 0, 0x30, 0 }.CopyTo(file, frame + 5); // 12288 x 12288
        var before = GC.GetAllocatedBytesForCurrentThread();
        var problem = Assert.Throws<NanoVlmException>(() => ImageCodec.Decode(file, "bomb"));
        Assert.Contains("cannot hold 12288 x 12288", problem.Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Theory]
    [InlineData("II*\0", 3, 1, 6, true)]
    [InlineData("MM\0*", 3, 1, 6, true)]
    [InlineData("II*\0", 4, 1, 6, true)]
    [InlineData("MM\0*", 4, 1, 6, true)]  // LONG
    [InlineData("II*\0", 3, 2, 6, true)]  // the first of two
    [InlineData("II*\0", 4, 1, 0x10006, false)]
    [InlineData("XX*\0", 3, 1, 6, false)] // no byte order
    [InlineData("IM*\0", 3, 1, 6, false)]
    [InlineData("II\0\0", 3, 1, 6, false)] // not TIFF
    [InlineData("II*\0", 1, 1, 6, false)]  // BYTE
    [InlineData("II*\0", 2, 2, 6, false)]  // text
    [InlineData("II*\0", 3, 0, 6, false)]
    [InlineData("II*\0", 4, 2, 6, false)]  // two, which stand elsewhere
    public void An_orientation_is_what_Pillow_takes_for_one(string start, int type, int count, int value, bool turned)
    {
        var tiff = new byte[26];
        var little = start[0] != 'M';
        System.Text.Encoding.Latin1.GetBytes(start).CopyTo(tiff, 0);
        Put(4, 4, 8);
        Put(8, 2, 1);
        Put(10, 2, 0x0112);
        Put(12, 2, type);
        Put(14, 4, count);
        Put(18, type == 3 ? 2 : 4, value);
        var jpeg = File.ReadAllBytes(golden.PathOf("rgb.jpg"));
        byte[] file = [0xFF, 0xD8, 0xFF, 0xE1, 0, (byte)(tiff.Length + 8), .. "Exif\0\0"u8, .. tiff, .. jpeg.AsSpan(2)];
        var (stored, image) = (ImageCodec.Decode(jpeg, "plain"), ImageCodec.Decode(file, "turned"));
        Assert.Equal(turned ? (stored.Height, stored.Width) : (stored.Width, stored.Height), (image.Width, image.Height));

        void Put(int at, int bytes, int number)
        {
            for (var i = 0; i < bytes; i++)
                tiff[at + i] = (byte)(number >> (8 * (little ? i : bytes - 1 - i)));
        }
    }

    [Fact]
    public void A_chunk_of_odd_length_before_the_orientation_does_not_hide_it()
    {
        var webp = File.ReadAllBytes(golden.PathOf("exif8.webp"));
        var exif = webp.AsSpan().LastIndexOf("EXIF"u8);
        byte[] file = [.. webp.AsSpan(0, exif), .. "odd \x03\0\0\0abc\0"u8, .. webp.AsSpan(exif)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(4), file.Length - 8);
        Assert.Equal(ImageCodec.Decode(webp, "plain").Pixels, ImageCodec.Decode(file, "padded").Pixels);
    }
}
