using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace NanoVlm.Training;

/// <summary>What .NET has no call for. A call does nothing, or is no one's to make, where the system has no such function.</summary>
internal static partial class Posix
{
    private const int ReadOnly = 0;

    /// <summary>
    /// Waits until a folder's entries are on the disk: a rename is not safe from a power cut before. Windows opens no folder for this.
    /// </summary>
    internal static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = open(folder, ReadOnly);
        if (descriptor < 0) return; // a file system that folders cannot be opened on
        _ = fsync(descriptor);
        _ = close(descriptor);
    }

    /// <summary>
    /// Gives the calling thread some 6 % of a processor that others want too, and all of an idle one. A thread has a priority of its own on
    /// Linux alone.
    /// </summary>
    internal static void YieldToOthers()
    {
        const int process = 0, self = 0, nice = 12;
        if (OperatingSystem.IsLinux()) _ = setpriority(process, self, nice);
    }

    /// <summary>Asks a process to end.</summary>
    [UnsupportedOSPlatform("windows")]
    internal static void Terminate(int process) => _ = kill(process, 15);

    /// <summary>
    /// Puts a file, folder or link in the place of another of its kind, in one step: <see cref="File.Move(string, string)"/> refuses a link
    /// to a folder.
    /// </summary>
    /// <exception cref="IOException">It cannot.</exception>
    [UnsupportedOSPlatform("windows")]
    internal static void Replace(string from, string to)
    {
        if (rename(from, to) != 0) throw new IOException($"{to}: cannot be replaced (error {Marshal.GetLastPInvokeError()}).");
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc")]
    private static partial int setpriority(int which, int who, int value);

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int descriptor);

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
