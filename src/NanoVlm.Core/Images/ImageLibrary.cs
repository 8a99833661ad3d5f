using System.Runtime.InteropServices;

namespace NanoVlm.Images;

/// <summary>libnanovlm_image, as native/include/nanovlm_image.h declares it.</summary>
internal static unsafe partial class ImageLibrary
{
    private const string Name = "nanovlm_image";

    /// <summary><c>nvlm_image_info</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Info
    {
        internal int Width;
        internal int Height;
        internal int HasAlpha;
    }

    [LibraryImport(Name)]
    internal static partial int nvlm_image_read_info(byte* data, nuint length, ulong maxPixels, Info* info, byte* message, nuint messageSize);

    [LibraryImport(Name)]
    internal static partial int nvlm_image_decode(byte* data, nuint length, int channels, byte* pixels, nuint size, byte* message, nuint messageSize);

    [LibraryImport(Name)]
    internal static partial int nvlm_image_encode_png(byte* rgb, int width, int height, byte** png, nuint* pngSize, byte* message, nuint messageSize);

    [LibraryImport(Name)]
    internal static partial void nvlm_image_free(byte* memory);
}
