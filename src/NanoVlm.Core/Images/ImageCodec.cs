namespace NanoVlm.Images;

/// <summary>
/// Reads JPEG, PNG, WebP, GIF, BMP and ICO, writes PNG. The format is found from the first bytes, not from the name; of an animation the
/// first picture is read. The pixels are those of Pillow's <c>ImageOps.exif_transpose(Image.open(...)).convert("RGB")</c>: turned upright
/// as the EXIF orientation says; alpha is dropped, unless <see cref="DecodeOptions.Background"/> says what is under it; embedded profiles
/// are ignored. Truncated files fail; nothing is filled with grey.
/// </summary>
public static class ImageCodec
{
    /// <summary>The most pixels a picture may have to be read: Pillow's limit against decompression bombs.</summary>
    public const int MaxPixels = 178_956_970;

    /// <summary>What decodes JPEGs here: libturbojpeg or SkiaSharp.</summary>
    internal static string JpegDecoder => TurboJpeg.Library is null ? "SkiaSharp" : "libturbojpeg";

    /// <summary>Decodes a picture file held in memory.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="name">What the message calls the picture when it cannot be read: a path, or a row of a table.</param>
    /// <param name="options">Null: alpha is dropped, and <see cref="MaxPixels"/> is the limit.</param>
    /// <returns>The picture as RGB bytes.</returns>
    /// <exception cref="NanoVlmException">The format is not supported, the data is damaged or truncated, or the picture is
    /// larger than allowed.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> data, string name, DecodeOptions? options = null)
    {
        var format = PictureFormat.Find(data, name);
        var image = format == PictureFormat.Jpeg
            ? JpegFile.Decode(data, name, Limit(options), TurboJpeg.Library)
            : SkiaDecoder.Decode(data, format, name, Limit(options), options?.Background);
        return ExifOrientation.Upright(image, ExifOrientation.Find(data));
    }

    /// <summary>Reads and decodes a picture file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The picture as RGB bytes.</returns>
    /// <exception cref="NanoVlmException">The file cannot be read, or <see cref="Decode"/> refuses it; the message names it.</exception>
    public static RgbImage Load(string path) => Load(path, null);

    /// <summary>Reads and decodes a picture file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">As for <see cref="Decode"/>.</param>
    /// <returns>The picture as RGB bytes.</returns>
    /// <exception cref="NanoVlmException">The file cannot be read, or <see cref="Decode"/> refuses it; the message names it.</exception>
    public static RgbImage Load(string path, DecodeOptions? options) => Decode(ReadFile(path), path, options);

    /// <summary>The size of a picture as <see cref="Decode"/> gives it, upright, from its header alone.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="name">What the message calls the picture when it cannot be read.</param>
    /// <param name="options">As for <see cref="Decode"/>.</param>
    /// <exception cref="NanoVlmException">The format is not supported, the header is damaged, or the picture is larger than allowed.</exception>
    public static (int Width, int Height) Size(ReadOnlySpan<byte> data, string name, DecodeOptions? options = null)
    {
        var format = PictureFormat.Find(data, name);
        var size = format == PictureFormat.Jpeg
            ? JpegFile.Size(data, name, Limit(options))
            : SkiaDecoder.Size(data, format, name, Limit(options));
        return Turned(size, ExifOrientation.Find(data));
    }

    /// <summary>Reads a stream to its end and decodes what it held.</summary>
    /// <param name="stream">A picture file; left open.</param>
    /// <param name="name">What the message calls the picture when it cannot be read.</param>
    /// <param name="options">As for <see cref="Decode"/>.</param>
    /// <returns>The picture as RGB bytes.</returns>
    /// <exception cref="NanoVlmException">The stream cannot be read, or <see cref="Decode"/> refuses it; the message has the name.</exception>
    public static RgbImage Read(Stream stream, string name, DecodeOptions? options = null)
    {
        using var file = new MemoryStream();
        try
        {
            stream.CopyTo(file);
        }
        catch (IOException e)
        {
            throw new NanoVlmException($"The picture '{name}' cannot be read: {e.Message}.", e);
        }
        return Decode(file.GetBuffer().AsSpan(0, (int)file.Length), name, options);
    }

    /// <summary>Encodes a picture as an 8-bit RGB PNG.</summary>
    /// <param name="image">The picture.</param>
    /// <returns>The bytes of the PNG file; <see cref="Decode"/> gives the same pixels back.</returns>
    /// <exception cref="NanoVlmException">There is not enough memory.</exception>
    public static byte[] EncodePng(RgbImage image) => SkiaEncoder.EncodePng(image);

    internal static byte[] ReadFile(string path) => ReadFile(path, () => File.ReadAllBytes(path));

    /// <summary>Reads a stretch of a file.</summary>
    /// <exception cref="NanoVlmException">It cannot be read, or ends before; has the name.</exception>
    internal static byte[] ReadFile(string name, string path, long offset, int length) => ReadFile(name, () =>
    {
        using var file = File.OpenHandle(path);
        var bytes = GC.AllocateUninitializedArray<byte>(length);
        for (int done = 0, read; done < length; done += read)
            if ((read = RandomAccess.Read(file, bytes.AsSpan(done), offset + done)) == 0)
                throw new EndOfStreamException("the file ends within it; it was whole when it was opened");
        return bytes;
    });

    /// <summary>The size as <see cref="Size"/> gives it, of a JPEG whose segments up to the image data are here; null where these bytes do
    /// not tell, as with other formats, which may have the orientation at their end.</summary>
    internal static (int Width, int Height)? SizeFromHead(ReadOnlySpan<byte> head, DecodeOptions? options)
    {
        if (head is not [0xFF, 0xD8, ..] || JpegHeader.Read(head) is not { } header) return null;
        if ((long)header.Width * header.Height > Limit(options)) return null; // for the whole file's refusal
        return Turned((header.Width, header.Height), ExifOrientation.Find(head));
    }

    /// <summary>Refuses a picture of more pixels than are allowed.</summary>
    internal static void CheckSize(int width, int height, long limit, string name)
    {
        if ((long)width * height > limit)
            throw Unreadable(name, $"it is {width} x {height} pixels, more than the {limit} pixels that are read");
    }

    internal static NanoVlmException Unreadable(string name, string reason) => new($"The picture '{name}' cannot be read: {reason}.");

    internal static NanoVlmException Truncated(string name, string format) =>
        Unreadable(name, $"its {format} data ends before the picture does; the file is truncated");

    internal static NanoVlmException TooShort(string name, string format, int length, int width, int height) =>
        Unreadable(name, $"its {format} data ends before the picture does; {length} bytes cannot hold {width} x {height} pixels");

    private static byte[] ReadFile(string name, Func<byte[]> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException) // a name with a NUL is an ArgumentException
        {
            var reason = e is FileNotFoundException or DirectoryNotFoundException ? "there is no such file" : e.Message;
            throw new NanoVlmException($"The picture '{name}' cannot be read: {reason.TrimEnd('.')}.", e);
        }
    }

    private static long Limit(DecodeOptions? options) => Math.Clamp(options?.MaxPixels ?? MaxPixels, 0, MaxPixels);

    private static (int Width, int Height) Turned((int Width, int Height) size, int orientation) =>
        orientation >= 5 ? (size.Height, size.Width) : size;
}
