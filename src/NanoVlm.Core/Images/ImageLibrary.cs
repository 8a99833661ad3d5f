using System.Runtime.InteropServices;

namespace NanoVlm.Images;

/// <summary>libnanovlm_image, as native/include/nanovlm_image.h declares it.</summary>
internal static unsafe partial class ImageLibrary
{
    private const string Name = "nanovlm_image";

    [LibraryImport(Name)]
    internal static partial int nvlm_image_size(byte* data, nuint length, int* width, int* height, byte* message, nuint messageSize);

    [LibraryImport(Name)]
    internal static partial int nvlm_image_decode(byte* data, nuint length, byte* rgb, nuint rgbSize, byte* message, nuint messageSize);

    [LibraryImport(Name)]
    internal static partial int nvlm_image_encode_png(byte* rgb, int width, int height, byte** png, nuint* pngSize, byte* message, nuint messageSize);

    [LibraryImport(Name)]
    internal static partial void nvlm_image_free(byte* memory);
}
