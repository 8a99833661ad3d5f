namespace NanoVlm.Weights.Hub;

/// <summary>A lock between processes, which holds as long as a file is open: Python's <c>filelock</c> takes the same one.</summary>
internal static class FileLock
{
    private static readonly TimeSpan pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits for the lock; disposing the stream gives it back, and so does the end of the process.</summary>
    /// <param name="path">The lock's file, which stays.</param>
    /// <param name="waiting">Called once if somebody else holds it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static async Task<FileStream> Acquire(string path, Action waiting, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        for (var first = true; ; first = false)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (IsHeld(e))
            {
                if (first) waiting();
            }
            await Task.Delay(pause, cancellation);
        }
    }

    // A sharing violation on Windows; elsewhere flock's EWOULDBLOCK, which is 11 on Linux and 35 on macOS.
    private static bool IsHeld(IOException e) =>
        e.HResult == (OperatingSystem.IsWindows() ? unchecked((int)0x80070020) : OperatingSystem.IsMacOS() ? 35 : 11);
}
