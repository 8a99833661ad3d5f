using System.Runtime.InteropServices;

namespace NanoVlm.Training;

/// <summary>What .NET has no call for.</summary>
internal static partial class Posix
{
    private const int ReadOnly = 0;

    /// <summary>Waits until a folder's entries are on the disk: a rename is not safe from a power cut before.</summary>
    internal static void Flush(string folder)
    {
        var descriptor = open(folder, ReadOnly);
        if (descriptor < 0) return; // a file system that folders cannot be opened on
        _ = fsync(descriptor);
        _ = close(descriptor);
    }

    /// <summary>Gives the calling thread some 6 % of a processor that others want too, and all of an idle one. A thread has a priority of its own on Linux alone.</summary>
    internal static void YieldToOthers()
    {
        const int process = 0, self = 0, nice = 12;
        if (OperatingSystem.IsLinux()) _ = setpriority(process, self, nice);
    }

    [LibraryImport("libc")]
    private static partial int setpriority(int which, int who, int value);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int descriptor);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
