using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace NanoVlm.Training.Distributed;

/// <summary>The entry points of <c>nanovlm_gloo</c>; native/gloo/gloo.cpp says what each does.</summary>
internal static unsafe partial class GlooLibrary
{
    private const string Name = "nanovlm_gloo";

    internal const int Float32 = 0, Float64 = 1, Int64 = 2;

    /// <summary>Why the library is not there, and what to do; null where it is.</summary>
    internal static string? Missing { get; } = Find();

    private static string? Find()
    {
        if (!OperatingSystem.IsLinux()) return "several processes need gloo, which this program has on Linux alone";
        try
        {
            NativeLibrary.Load(Name, typeof(GlooLibrary).Assembly, null);
            return null;
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            // Built with gloo, on another machine or before gloo was removed.
            var built = File.Exists(Path.Combine(AppContext.BaseDirectory, $"lib{Name}.so"));
            return built && error.Message.Contains("libgloo", StringComparison.Ordinal)
                ? "several processes need gloo, which this machine lacks: Debian: apt-get install libgloo-dev"
                : "several processes need gloo, which this build lacks: Debian: apt-get install g++ libgloo-dev, then build again";
        }
    }

    /// <summary>What the library said last to this thread.</summary>
    [SupportedOSPlatform("linux")]
    internal static IOException Error() => new(Marshal.PtrToStringUTF8(nanovlm_gloo_error())?.ReplaceLineEndings(" "));

    /// <summary>Where ranks tell each other their addresses.</summary>
    internal readonly struct Store(nint context)
    {
        public readonly nint Context = context;
        public readonly delegate* unmanaged[Cdecl]<nint, nint, byte*, long, int> Set = &SetKey;
        public readonly delegate* unmanaged[Cdecl]<nint, nint, long, int> Wait = &WaitForKey;
        public readonly delegate* unmanaged[Cdecl]<nint, nint, byte*, long, long> Get = &GetKey;
    }

    private static GlooRendezvous Rendezvous(nint context) => (GlooRendezvous)GCHandle.FromIntPtr(context).Target!;

    private static string Text(nint text) => Marshal.PtrToStringUTF8(text)!;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int SetKey(nint context, nint key, byte* value, long bytes) =>
        Rendezvous(context).Set(Text(key), new ReadOnlySpan<byte>(value, (int)bytes)) ? 0 : -1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int WaitForKey(nint context, nint key, long milliseconds) =>
        Rendezvous(context).Wait(Text(key), TimeSpan.FromMilliseconds(milliseconds)) ? 0 : -1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static long GetKey(nint context, nint key, byte* value, long capacity)
    {
        if (Rendezvous(context).Get(Text(key)) is not { } found) return -1;
        if (found.Length <= capacity) found.CopyTo(new Span<byte>(value, found.Length));
        return found.Length;
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport(Name)]
    private static partial nint nanovlm_gloo_error();

    [SupportedOSPlatform("linux")]
    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint nanovlm_gloo_join(int rank, int size, string address, long milliseconds, in Store store);

    [SupportedOSPlatform("linux")]
    [LibraryImport(Name)]
    internal static partial void nanovlm_gloo_leave(nint group);

    [SupportedOSPlatform("linux")]
    [LibraryImport(Name)]
    internal static partial int nanovlm_gloo_all_reduce(nint group, nint data, long count, int type);

    [SupportedOSPlatform("linux")]
    [LibraryImport(Name)]
    internal static partial int nanovlm_gloo_broadcast(nint group, nint data, long bytes, int from);

    [SupportedOSPlatform("linux")]
    [LibraryImport(Name)]
    internal static partial int nanovlm_gloo_all_gather(nint group, nint input, nint output, long bytes);
}
