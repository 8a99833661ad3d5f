using System.Runtime.InteropServices;

namespace NanoVlm.Images;

/// <summary>
/// Reads JPEG and PNG, writes PNG. The format is found from the first bytes, not from the name. The pixels are those of
/// Pillow's <c>Image.open(...).convert("RGB")</c>: alpha is dropped, not blended; embedded profiles and the EXIF
/// orientation are ignored. Truncated files fail; nothing is filled with grey.
/// </summary>
public static unsafe class ImageCodec
{
    /// <summary>The most pixels a picture may have to be read: Pillow's limit against decompression bombs.</summary>
    public const int MaxPixels = 178_956_970;

    private const int MessageSize = 512;

    /// <summary>Decodes a JPEG or PNG file held in memory.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="name">What the message calls the picture when it cannot be read: a path, or a row of a table.</param>
    /// <returns>The picture as RGB bytes.</returns>
    /// <exception cref="NanoVlmException">The format is not supported, the data is damaged or truncated, or the picture is
    /// larger than <see cref="MaxPixels"/>.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> data, string name)
    {
        int width, height;
        var message = stackalloc byte[MessageSize];
        byte[] pixels;
        fixed (byte* bytes = data)
        {
            Check(ImageLibrary.nvlm_image_size(bytes, (nuint)data.Length, &width, &height, message, MessageSize), message, "cannot be read", name);
            pixels = GC.AllocateUninitializedArray<byte>(width * height * 3);
            fixed (byte* rgb = pixels)
                Check(ImageLibrary.nvlm_image_decode(bytes, (nuint)data.Length, rgb, (nuint)pixels.Length, message, MessageSize), message, "cannot be read", name);
        }
        return new RgbImage(width, height, pixels);
    }

    /// <summary>Reads and decodes a JPEG or PNG file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The picture as RGB bytes.</returns>
    /// <exception cref="NanoVlmException">The file cannot be read, or <see cref="Decode"/> refuses it; the message names it.</exception>
    public static RgbImage Load(string path)
    {
        byte[] data;
        try
        {
            data = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var reason = e is FileNotFoundException or DirectoryNotFoundException ? "there is no such file" : e.Message;
            throw new NanoVlmException($"The picture '{path}' cannot be read: {reason}.", e);
        }
        return Decode(data, path);
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

    private static void Check(int status, byte* message, string failure, string? name = null)
    {
        if (status != 0)
            throw new NanoVlmException($"The picture{(name == null ? "" : $" '{name}'")} {failure}: {Marshal.PtrToStringUTF8((nint)message)}.");
    }
}
