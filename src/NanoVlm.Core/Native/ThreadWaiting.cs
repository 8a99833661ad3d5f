using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace NanoVlm.Native;

/// <summary>
/// How OpenMP's idle threads wait. By default they spin for milliseconds, which on a busy or small machine takes the processor from the
/// thread they wait for: a training step was over ten times slower beside other work. A short spin costs nothing when idle. OpenMP reads
/// this once, when libtorch is loaded, and from the C environment, which <see cref="Environment.SetEnvironmentVariable(string, string)"/>
/// does not reach. What the user sets stays.
/// </summary>
internal static partial class ThreadWaiting
{
#pragma warning disable CA2255 // a library has no other moment before its user's first tensor
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Limit()
    {
        if (!OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
            _ = setenv("GOMP_SPINCOUNT", "10000", overwrite: 0);
    }

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
