using System.Runtime.CompilerServices;

namespace NanoVlm.Training.Tests;

internal static class RepositoryFiles
{
    private static readonly string root = FindRoot();

    public static string At(string relative) => Path.Combine(root, relative);

    private static string FindRoot([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
