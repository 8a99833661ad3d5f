using System.Runtime.CompilerServices;

namespace NanoVlm.Tests;

internal static class RepositoryFiles
{
    private static readonly string Root = FindRoot();

    public static string Golden(string relative) => Path.Combine(Root, "tests", "goldens", relative);

    public static string At(string relative) => Path.Combine(Root, relative);

    private static string FindRoot([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
