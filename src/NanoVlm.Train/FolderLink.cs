namespace NanoVlm.Training;

/// <summary>
/// A name for a folder beside it: a relative link, or, where the system allows none (Windows without its developer mode), a copy.
/// </summary>
internal static class FolderLink
{
    /// <summary>Points a name at a folder; what it stood for before it lets go of.</summary>
    /// <param name="link">The name's path.</param>
    /// <param name="target">The folder's name, in the same parent.</param>
    /// <param name="links">Whether links may be made; false makes a copy.</param>
    /// <exception cref="IOException">It cannot.</exception>
    internal static void Point(string link, string target, bool links = true)
    {
        var temporary = link + ".partial"; // RunFolder deletes what is left of it
        Remove(temporary);
        if (!links || !TryLink(temporary, target)) Copy(Path.Combine(Path.GetDirectoryName(link)!, target), temporary);
        if (IsLink(temporary) && !OperatingSystem.IsWindows())
        {
            if (!IsLink(link)) Remove(link); // a copy, made where there were no links
            Posix.Replace(temporary, link);
        }
        else
        {
            Remove(link);
            Directory.Move(temporary, link);
        }
    }

    private static bool TryLink(string link, string target)
    {
        try
        {
            Directory.CreateSymbolicLink(link, target);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            return false;
        }
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    // Of a link only itself; a link to a folder that is gone is no folder, but on Unix a file.
    private static void Remove(string path)
    {
        if (IsLink(path) && !OperatingSystem.IsWindows()) File.Delete(path);
        else if (IsLink(path)) Directory.Delete(path);
        else if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
    }

    private static bool IsLink(string path) => new DirectoryInfo(path).LinkTarget is not null;
}
