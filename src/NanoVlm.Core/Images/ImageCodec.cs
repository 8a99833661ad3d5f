using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace NanoVlm.Images;

/// <summary>
/// Reads JPEG, PNG and WebP, writes PNG. The format is found from the first bytes, not from the name. The pixels are those of
/// Pillow's <c>ImageOps.exif_transpose(Image.open(...)).convert("RGB")</c>: turned upright as the EXIF orientation says; alpha is
/// dropped, unless <see cref="DecodeOptions.Background"/> says what is under it; embedded profiles are ignored. Truncated files
/// fail; nothing is filled with grey.
/// </summary>
public static unsafe class ImageCodec
{
    /// <summary>The most pixels a picture may have to be read: Pillow's limit against decompression bombs.</summary>
    public const int MaxPixels = 178_956_970;

    private const int MessageSize = 512;

    /// <summary>Decodes a picture file held in memory.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="name">What the message calls the picture when it cannot be read: a path, or a row of a table.</param>
    /// <param name="options">Null: alpha is dropped, and <see cref="MaxPixels"/> is the limit.</param>
    /// <returns>The picture as RGB bytes.</returns>
    /// <exception cref="NanoVlmException">The format is not supported, the data is damaged or truncated, or the picture is
    /// larger than allowed.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> data, string name, DecodeOptions? options = null)
    {
        ImageLibrary.Info info;
        var message = stackalloc byte[MessageSize];
        byte[] pixels;
        fixed (byte* bytes = data)
        {
            Check(ImageLibrary.nvlm_image_read_info(bytes, (nuint)data.Length, Limit(options), &info, message, MessageSize), message, "cannot be read", name);
            var channels = info.HasAlpha != 0 && options?.Background is not null ? 4 : 3;
            pixels = GC.AllocateUninitializedArray<byte>(checked(info.Width * info.Height * channels));
            fixed (byte* target = pixels)
                Check(ImageLibrary.nvlm_image_decode(bytes, (nuint)data.Length, channels, target, (nuint)pixels.Length, message, MessageSize), message, "cannot be read", name);
            if (channels == 4) pixels = Composed(pixels, options!.Background!.Value);
        }
        return ExifOrientation.Upright(new RgbImage(info.Width, info.Height, pixels), ExifOrientation.Find(data));
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
        ImageLibrary.Info info;
        var message = stackalloc byte[MessageSize];
        fixed (byte* bytes = data)
            Check(ImageLibrary.nvlm_image_read_info(bytes, (nuint)data.Length, Limit(options), &info, message, MessageSize), message, "cannot be read", name);
        return ExifOrientation.Find(data) >= 5 ? (info.Height, info.Width) : (info.Width, info.Height);
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
    public static byte[] EncodePng(RgbImage image)
    {
        var message = stackalloc byte[MessageSize];
        byte* png;
        nuint size;
        fixed (byte* rgb = image.Pixels)
            Check(ImageLibrary.nvlm_image_encode_png(rgb, image.Width, image.Height, &png, &size, message, MessageSize), message, "cannot be encoded");
        try
        {
            return new ReadOnlySpan<byte>(png, checked((int)size)).ToArray();
        }
        finally
        {
            ImageLibrary.nvlm_image_free(png);
        }
    }

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

    /// <summary>The size as <see cref="Size"/> gives it, of a JPEG whose segments up to the image data are here; null where these bytes do not tell,
    /// as with other formats, which may have the orientation at their end.</summary>
    internal static (int Width, int Height)? SizeFromHead(ReadOnlySpan<byte> head, DecodeOptions? options)
    {
        if (!IsJpegHeader(head)) return null;
        ImageLibrary.Info info;
        var message = stackalloc byte[MessageSize];
        fixed (byte* bytes = head)
            if (ImageLibrary.nvlm_image_read_info(bytes, (nuint)head.Length, Limit(options), &info, message, MessageSize) != 0)
                return null;
        return ExifOrientation.Find(head) >= 5 ? (info.Height, info.Width) : (info.Width, info.Height);
    }

    private static bool IsJpegHeader(ReadOnlySpan<byte> head)
    {
        if (head is not [0xFF, 0xD8, ..]) return false;
        for (var at = 2; at <= head.Length - 4 && head[at] == 0xFF;)
        {
            if (head[at + 1] == 0xDA) return true;
            at += head[at + 1] == 0xFF ? 1 : 2 + BinaryPrimitives.ReadUInt16BigEndian(head[(at + 2)..]);
        }
        return false;
    }

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

    private static ulong Limit(DecodeOptions? options) => (ulong)Math.Clamp(options?.MaxPixels ?? MaxPixels, 0, MaxPixels);

    // Pillow's Image.alpha_composite over an opaque colour, with its seven extra bits.
    private static byte[] Composed(ReadOnlySpan<byte> rgba, (byte Red, byte Green, byte Blue) background)
    {
        var rgb = GC.AllocateUninitializedArray<byte>(rgba.Length / 4 * 3);
        for (int p = 0, q = 0; p < rgba.Length; p += 4, q += 3)
        {
            var over = rgba[p + 3] << 7;
            rgb[q] = Mix(rgba[p], background.Red, over);
            rgb[q + 1] = Mix(rgba[p + 1], background.Green, over);
            rgb[q + 2] = Mix(rgba[p + 2], background.Blue, over);
        }
        return rgb;

        static byte Mix(int colour, int under, int over)
        {
            var sum = colour * over + under * ((255 << 7) - over) + (128 << 7);
            return (byte)(((sum >> 8) + sum) >> 8 >> 7);
        }
    }

    private static void Check(int status, byte* message, string failure, string? name = null)
    {
        if (status != 0)
            throw new NanoVlmException($"The picture{(name == null ? "" : $" '{name}'")} {failure}: {Marshal.PtrToStringUTF8((nint)message)}.");
    }
}
