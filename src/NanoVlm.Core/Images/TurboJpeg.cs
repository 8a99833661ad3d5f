using System.Runtime.InteropServices;

namespace NanoVlm.Images;

/// <summary>
/// libjpeg-turbo's own library, where the system has it (Debian: libturbojpeg0): twice as fast as the libjpeg-turbo inside SkiaSharp, with
/// the same pixels. The functions used are those that versions 2 and 3 have. The environment's <c>NANOVLM_JPEG=skia</c> leaves it out.
/// </summary>
internal sealed unsafe class TurboJpeg
{
    private const int Rgb = 0; // TJPF_RGB
    private const int LimitScans = 1 << 15; // TJFLAG_LIMITSCANS: a few bytes can ask for another pass over the picture, again and again

    // What distributions call it, Windows and macOS; Homebrew keeps it where macOS does not look.
    private static readonly string[] names =
        ["libturbojpeg.so.0", "libturbojpeg.so", "turbojpeg.dll", "libturbojpeg.dylib", "/opt/homebrew/lib/libturbojpeg.dylib"];

    private readonly delegate* unmanaged[Cdecl]<nint> tjInitDecompress;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*, CULong, byte*, int, int, int, int, int, int> tjDecompress2;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*> tjGetErrorStr2;
    private readonly delegate* unmanaged[Cdecl]<nint, int> tjDestroy;

    private TurboJpeg(nint library)
    {
        tjInitDecompress = (delegate* unmanaged[Cdecl]<nint>)Export(nameof(tjInitDecompress));
        tjDecompress2 = (delegate* unmanaged[Cdecl]<nint, byte*, CULong, byte*, int, int, int, int, int, int>)Export(nameof(tjDecompress2));
        tjGetErrorStr2 = (delegate* unmanaged[Cdecl]<nint, byte*>)Export(nameof(tjGetErrorStr2));
        tjDestroy = (delegate* unmanaged[Cdecl]<nint, int>)Export(nameof(tjDestroy));

        nint Export(string name) => NativeLibrary.GetExport(library, name);
    }

    /// <summary>Null where the system has none.</summary>
    internal static TurboJpeg? Library { get; } = Environment.GetEnvironmentVariable("NANOVLM_JPEG") == "skia" ? null : Load();

    /// <summary>Decodes a picture by the slow integer DCT and smooth chroma, the library's defaults and Pillow's.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="width">Columns, as its header says.</param>
    /// <param name="height">Rows, as its header says.</param>
    /// <param name="pixels">[height, width, 3] bytes.</param>
    /// <returns>Null where all is well; otherwise what the library has to say first, and <paramref name="pixels"/> hold anything.</returns>
    internal string? Decode(ReadOnlySpan<byte> file, int width, int height, Span<byte> pixels)
    {
        var decoder = tjInitDecompress();
        if (decoder == 0) return "not enough memory";
        try
        {
            fixed (byte* source = file, target = pixels)
            {
                var length = new CULong((nuint)file.Length);
                if (tjDecompress2(decoder, source, length, target, width, width * 3, height, Rgb, LimitScans) == 0) return null;
                return Marshal.PtrToStringUTF8((nint)tjGetErrorStr2(decoder)) ?? "no reason given";
            }
        }
        finally
        {
            tjDestroy(decoder);
        }
    }

    private static TurboJpeg? Load()
    {
        foreach (var name in names)
            if (NativeLibrary.TryLoad(name, typeof(TurboJpeg).Assembly, null, out var library))
            {
                // The youngest of the functions: version 1 has none of that name.
                if (NativeLibrary.TryGetExport(library, nameof(tjGetErrorStr2), out _)) return new TurboJpeg(library);
                NativeLibrary.Free(library);
            }
        return null;
    }
}
