using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Native;

/// <summary>
/// How OpenMP's idle threads wait. By default they spin for milliseconds, which on a busy or small machine takes the processor
/// from the thread they wait for: a training step was 20 times slower beside other work. A short spin costs nothing when idle.
/// Set before libtorch is loaded, because OpenMP reads it once; what the user sets stays.
/// </summary>
internal static partial class ThreadWaiting
{
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);

#pragma warning disable CA2255 // a library's module initializer: there is no other moment before the native library loads
    [ModuleInitializer]
    internal static void Limit()
    {
        if (!OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null) _ = setenv("GOMP_SPINCOUNT", "10000", 0);
    }
#pragma warning restore CA2255
}
