using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

/// <summary>Both decoders of JPEGs. Where the system has no libturbojpeg, SkiaSharp's alone.</summary>
public sealed class JpegFileTests
{
    private static readonly string[] decoders = TurboJpeg.Library is null ? ["SkiaSharp"] : ["SkiaSharp", "libturbojpeg"];
    private static readonly GoldenTensors kinds = new("image-kinds"), formats = new("image-formats"), data = new("nanovlm-data");

    public static TheoryData<string> Pictures =>
        new(kinds.Names.Where(IsJpeg).Select(name => "image-kinds/" + name)
            .Concat(formats.Names.Where(IsJpeg).Select(name => "image-formats/" + name))
            .Concat(data.Names.Where(name => name.StartsWith("decoded.", StringComparison.Ordinal) && IsJpeg(name))
                .Select(name => "nanovlm-data/" + name["decoded.".Length..])));

    public static TheoryData<string> Kinds => new(kinds.Names.Where(IsJpeg).Select(name => "image-kinds/" + name));

    [Theory]
    [MemberData(nameof(Pictures))]
    public void Each_decoder_gives_Pillows_pixels(string picture)
    {
        var name = Path.GetFileName(picture);
        var expected = Path.GetDirectoryName(picture) switch
        {
            "image-kinds" => kinds.Bytes(name),
            "image-formats" => formats.Bytes(name),
            _ => data.Bytes("decoded." + name),
        };
        var file = Read(picture);
        foreach (var decoder in decoders)
            Assert.True(expected.SequenceEqual(ExifOrientation.Upright(Decode(file, decoder), ExifOrientation.Find(file)).Pixels), decoder);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_truncated_jpeg_is_refused_wherever_it_ends(string picture)
    {
        var file = Read(picture);
        foreach (var decoder in decoders)
        {
            for (var length = 1; length < file.Length; length += 1 + file.Length / 500) Refused(file.AsSpan(0, length), decoder);
            Refused(file.AsSpan(0, file.Length - 1), decoder);
        }
    }

    [Theory]
    [InlineData("444.jpg")]
    [InlineData("422.jpg")]
    [InlineData("420.jpg")]
    [InlineData("restarts.jpg")]
    [InlineData("coarse.jpg")]
    [InlineData("fine.jpg")]
    [InlineData("grey.jpg")]
    [InlineData("ink.jpg")]
    public void A_jpeg_whose_missing_end_was_papered_over_is_refused_instead_of_filled_with_grey(string picture)
    {
        var file = Read("image-kinds/" + picture);
        var data = JpegHeader.Read(file)!.Value.Data;
        foreach (var decoder in decoders)
            for (var length = data; length < data + (file.Length - data) * 9 / 10; length += 1 + file.Length / 200) // all but the last blocks
                Refused([.. file.AsSpan(0, length), 0xFF, 0xD9], decoder);
    }

    // Skia does not miss the end of the last pass, which is the smallest detail; to libturbojpeg a file cut between two passes is a whole one.
    [Theory]
    [InlineData("progressive_420.jpg")]
    [InlineData("progressive_444.jpg")]
    [InlineData("grey_progressive.jpg")]
    public void A_progressive_jpeg_is_refused_where_passes_are_missing(string picture)
    {
        var file = Read("image-kinds/" + picture);
        var last = file.AsSpan().LastIndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        for (var length = JpegHeader.Read(file)!.Value.Data; length < last; length += 1 + file.Length / 200)
            Refused([.. file.AsSpan(0, length), 0xFF, 0xD9], "SkiaSharp");
        if (decoders.Contains("libturbojpeg")) Refused([.. file.AsSpan(0, (last + file.Length) / 2), 0xFF, 0xD9], "libturbojpeg");
    }

    [Theory]
    [InlineData("420.jpg")]
    [InlineData("progressive_420.jpg")]
    public void Stray_bytes_before_a_marker_change_nothing(string picture)
    {
        var file = Read("image-kinds/" + picture);
        byte[] stray = [.. file.AsSpan(0, file.Length - 2), 1, 2, 3, 4, 5, 0xFF, 0xD9, 9, 9];
        foreach (var decoder in decoders) Assert.Equal(Decode(file, decoder).Pixels, Decode(stray, decoder).Pixels);
    }

    [Fact]
    public void Damaged_jpegs_are_read_or_refused_and_never_crash()
    {
        var random = new Random(3);
        foreach (var picture in kinds.Names.Where(IsJpeg))
        {
            var whole = Read("image-kinds/" + picture);
            for (var i = 0; i < 300; i++)
            {
                var file = whole.ToArray();
                for (var flips = random.Next(1, 5); flips > 0; flips--) file[random.Next(file.Length)] ^= (byte)(1 << random.Next(8));
                foreach (var decoder in decoders)
                    if (Record.Exception(() => JpegFile.Decode(file, "damaged", 1 << 20, Library(decoder))) is { } problem)
                        Assert.Contains("'damaged'", Assert.IsType<NanoVlmException>(problem).Message);
            }
        }
    }

    private static bool IsJpeg(string name) => name.EndsWith(".jpg", StringComparison.Ordinal);

    private static byte[] Read(string picture) => File.ReadAllBytes(Path.Combine(GoldenTensors.Folders, picture));

    private static TurboJpeg? Library(string decoder) => decoder == "SkiaSharp" ? null : TurboJpeg.Library;

    private static RgbImage Decode(ReadOnlySpan<byte> file, string decoder) => JpegFile.Decode(file, "picture", ImageCodec.MaxPixels, Library(decoder));

    private static void Refused(ReadOnlySpan<byte> file, string decoder)
    {
        try
        {
            Decode(file, decoder);
        }
        catch (NanoVlmException problem)
        {
            Assert.Contains("'picture'", problem.Message);
            return;
        }
        Assert.Fail($"{file.Length} bytes were read");
    }
}
