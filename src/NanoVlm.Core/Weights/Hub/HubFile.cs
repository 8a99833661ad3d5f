using System.Text.RegularExpressions;

namespace NanoVlm.Weights.Hub;

/// <summary>A file as the Hub announces it.</summary>
/// <param name="Name">Its name in the repository, with '/' between folders.</param>
/// <param name="Commit">The commit it belongs to.</param>
/// <param name="Etag">The name of its content: a SHA-256, a git blob's SHA-1, or anything else.</param>
/// <param name="Size">Its length in bytes.</param>
internal sealed partial record HubFile(string Name, string Commit, string Etag, long Size)
{
    /// <summary>Refuses a name that could leave the folder it is written to.</summary>
    /// <exception cref="NanoVlmException">The name is not a plain relative path.</exception>
    public static string CheckName(HubRepository repository, string name)
    {
        var safe = name.Length > 0 && !name.Contains('\\') && !name.Any(char.IsControl)
            && !(OperatingSystem.IsWindows() && name.Contains(':'))
            && name.Split('/').All(part => part is not ("" or "." or ".."));
        return safe ? name : throw new NanoVlmException($"{repository}: the file name '{HubRefusal.Printable(name)}' is refused: it is not a plain path inside the repository");
    }

    /// <summary>Whether a content's name can be a file's name in the cache.</summary>
    public static bool IsEtag(string etag) => EtagRule().IsMatch(etag);

    [GeneratedRegex(@"\A[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\z")]
    private static partial Regex EtagRule();
}
