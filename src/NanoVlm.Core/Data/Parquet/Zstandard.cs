using System.Runtime.InteropServices;

namespace NanoVlm.Data.Parquet;

/// <summary>Zstandard, by the system's libzstd: .NET has none before version 11.</summary>
internal static unsafe class Zstandard
{
    // What distributions call it, Windows (vcpkg's name is the last) and macOS; Homebrew keeps it where macOS does not look.
    private static readonly string[] names =
        ["libzstd.so.1", "libzstd.dll", "zstd.dll", "libzstd.1.dylib", "/opt/homebrew/lib/libzstd.1.dylib"];

    private static readonly delegate* unmanaged[Cdecl]<byte*, nuint, byte*, nuint, nuint> decompress = Find();

    /// <summary>Whether the bytes are a page of just that size.</summary>
    /// <exception cref="InvalidDataException">The system has no libzstd.</exception>
    internal static bool Decompress(ReadOnlySpan<byte> packed, Span<byte> page)
    {
        if (decompress == null)
            throw new InvalidDataException(
                "it is compressed with ZSTD, and libzstd is not installed; install it "
                + "(Debian: apt-get install libzstd1; macOS: brew install zstd)");
        // An error comes back as a number no page is as long as.
        fixed (byte* from = packed, to = page)
            return decompress(to, (nuint)page.Length, from, (nuint)packed.Length) == (nuint)page.Length;
    }

    private static delegate* unmanaged[Cdecl]<byte*, nuint, byte*, nuint, nuint> Find()
    {
        foreach (var name in names)
            if (NativeLibrary.TryLoad(name, typeof(Zstandard).Assembly, null, out var library)
                && NativeLibrary.TryGetExport(library, "ZSTD_decompress", out var export))
                return (delegate* unmanaged[Cdecl]<byte*, nuint, byte*, nuint, nuint>)export;
        return null;
    }
}
