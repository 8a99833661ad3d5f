namespace NanoVlm.Images;

/// <summary>What a picture file is, by its first bytes. Its name may say anything.</summary>
internal static class PictureFormat
{
    internal const string Jpeg = "JPEG", Png = "PNG", WebP = "WebP", Gif = "GIF", Bmp = "BMP", Ico = "ICO";

    private const string Supported = "JPEG, PNG, WebP, GIF, BMP and ICO are supported";

    private static readonly (string Name, int Offset, byte[] Bytes)[] supported =
    [
        (Jpeg, 0, [0xFF, 0xD8, 0xFF]),
        (Png, 0, [0x89, .. "PNG\r\n\x1A\n"u8]),
        (WebP, 8, [.. "WEBP"u8]),
        (Gif, 0, [.. "GIF8"u8]),
        (Bmp, 0, [.. "BM"u8]),
        (Ico, 0, [0, 0, 1, 0]),
    ];

    // These are known only so that a refusal can name them.
    private static readonly (string Name, int Offset, byte[] Bytes)[] unsupported =
    [
        ("TIFF", 0, [.. "II*\0"u8]),
        ("TIFF", 0, [.. "MM\0*"u8]),
        ("AVIF", 4, [.. "ftypavi"u8]),
        ("HEIC", 4, [.. "ftyphe"u8]),
        ("HEIC", 4, [.. "ftypmif1"u8]),
        ("HEIC", 4, [.. "ftypmsf1"u8]),
        ("JPEG 2000", 4, [.. "jP  "u8]),
        ("JPEG XL", 4, [.. "JXL "u8]),
        ("JPEG XL", 0, [0xFF, 0x0A]),
        ("RIFF", 0, [.. "RIFF"u8]),
        ("PDF", 0, [.. "%PDF"u8]),
        ("SVG", 0, [.. "<svg"u8]),
        ("XML", 0, [.. "<?xml"u8]),
        ("HTML", 0, [.. "<!DOCTYPE"u8]),
        ("HTML", 0, [.. "<html"u8]),
        ("Git LFS pointer", 0, [.. "version https://git-lfs"u8]),
    ];

    /// <summary>The format of a picture that can be read.</summary>
    /// <param name="file">The file, or its beginning.</param>
    /// <param name="name">What the message calls the picture.</param>
    /// <exception cref="NanoVlmException">It is of another format.</exception>
    internal static string Find(ReadOnlySpan<byte> file, string name)
    {
        if (file.IsEmpty) throw ImageCodec.Unreadable(name, $"it is empty; {Supported}");
        if (Match(file, supported) is { } format) return format;
        var first = string.Join(' ', file[..Math.Min(8, file.Length)].ToArray().Select(value => value.ToString("X2")));
        var what = Match(file, unsupported) ?? "unknown";
        throw ImageCodec.Unreadable(name, $"its format is {what} (first bytes {first}); {Supported}");
    }

    private static string? Match(ReadOnlySpan<byte> file, (string Name, int Offset, byte[] Bytes)[] signatures)
    {
        foreach (var (name, offset, bytes) in signatures)
            if (file.Length >= offset && file[offset..].StartsWith(bytes))
                return name;
        return null;
    }
}
