using System.Globalization;
using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace NanoVlm.Data.Sources;

/// <summary>The files that a user means by a path: a file, a folder, or a pattern with <c>*</c>, <c>?</c>, <c>**</c>, <c>{a,b}</c> and <c>{000..012}</c>.</summary>
internal static partial class DataFiles
{
    private const int MaxPatterns = 100_000;

    /// <summary>Whether a path means files here: it exists, or it is a pattern.</summary>
    public static bool IsLocal(string path) => File.Exists(path) || Directory.Exists(path) || IsPattern(path);

    /// <summary>Finds the files.</summary>
    /// <param name="path">A file, a folder that is searched with those in it, or a pattern.</param>
    /// <param name="extensions">The kinds of files to look for in a folder, such as <c>.tar</c>; the first kind that is there is taken.</param>
    /// <param name="subset">The folder within; null takes all.</param>
    /// <param name="split">As for <see cref="DataSplit.Select"/>.</param>
    /// <returns>Their paths in ordinal order; those that a pattern's braces list, in the order of the list.</returns>
    /// <exception cref="NanoVlmException">There is no such file, or nothing matches.</exception>
    public static IReadOnlyList<string> Find(string path, IReadOnlyList<string> extensions, string? subset = null, string? split = null)
    {
        try
        {
            if (Directory.Exists(path))
            {
                var names = Walk(path).Select(file => Path.GetRelativePath(path, file).Replace('\\', '/')).ToList();
                return [.. DataSplit.Select(path, names, extensions, subset, split, oneSubset: false).Select(name => Path.Combine(path, name))];
            }
            if (subset is not null || split is not null)
                throw new NanoVlmException($"{path}: {(subset is null ? "a split" : "a subset")} is given, which goes with a folder or a data set of the Hub, not with {(IsPattern(path) ? "a pattern" : "a file")}.");
            if (File.Exists(path)) return [path];
            return IsPattern(path) ? Matches(path)
                : throw new NanoVlmException($"{path}: no such file or folder; expected a file, a folder, a pattern or org/name of a data set on the Hub.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be searched: {error.Message}", error);
        }
    }

    private static bool IsPattern(string path) => path.AsSpan().ContainsAny("*?") || Braces().IsMatch(path);

    private static List<string> Matches(string pattern)
    {
        var files = new List<string>();
        foreach (var one in Expand(pattern))
        {
            if (!one.AsSpan().ContainsAny("*?"))
            {
                files.Add(File.Exists(one) ? one : throw new NanoVlmException($"{pattern}: there is no file {one}."));
                continue;
            }
            // What stands before the first wildcard is a folder; the rest is held against the files below it.
            var fixedEnd = one.AsSpan(0, one.AsSpan().IndexOfAny("*?")).LastIndexOf('/') + 1;
            var root = fixedEnd == 0 ? "." : one[..fixedEnd];
            var rest = one[fixedEnd..].Split('/');
            if (!Directory.Exists(root)) throw new NanoVlmException($"{pattern}: there is no folder {root}.");
            var found = Walk(root).Where(file => Fits(Path.GetRelativePath(root, file).Replace('\\', '/').Split('/'), rest));
            files.AddRange(found.Select(file => fixedEnd == 0 ? Path.GetRelativePath(root, file) : file).Order(StringComparer.Ordinal));
        }
        return files.Count > 0 ? [.. files.Distinct()] : throw new NanoVlmException($"{pattern}: no file matches.");
    }

    private static IEnumerable<string> Walk(string folder) => Directory.EnumerateFiles(folder, "*", new EnumerationOptions
    {
        RecurseSubdirectories = true,
        IgnoreInaccessible = false,
        AttributesToSkip = FileAttributes.System,
    }).Where(file => !Path.GetRelativePath(folder, file).Split('/', '\\').Any(part => part.StartsWith('.')));

    private static bool Fits(ReadOnlySpan<string> path, ReadOnlySpan<string> pattern)
    {
        if (pattern.Length == 0) return path.Length == 0;
        if (pattern[0] == "**") // any number of folders, as does a ** at the end for files
            return pattern.Length == 1 ? path.Length > 0 : Fits(path, pattern[1..]) || (path.Length > 1 && Fits(path[1..], pattern));
        return path.Length > 0 && FileSystemName.MatchesSimpleExpression(pattern[0], path[0], ignoreCase: false) && Fits(path[1..], pattern[1..]);
    }

    // The innermost braces first; the outermost leftmost alternative leads in the order.
    private static List<string> Expand(string pattern)
    {
        var match = Braces().Match(pattern);
        if (!match.Success) return [pattern];
        var all = new List<string>();
        foreach (var choice in Choices(match.Groups[1].Value, pattern))
        {
            all.AddRange(Expand(pattern[..match.Index] + choice + pattern[(match.Index + match.Length)..]));
            if (all.Count > MaxPatterns) throw new NanoVlmException($"{pattern}: the braces list more than {MaxPatterns} files.");
        }
        return all;
    }

    private static IEnumerable<string> Choices(string braces, string pattern)
    {
        if (Span().Match(braces) is not { Success: true } span) return braces.Split(',');
        string first = span.Groups[1].Value, last = span.Groups[2].Value;
        if (!int.TryParse(first, CultureInfo.InvariantCulture, out var from) || !int.TryParse(last, CultureInfo.InvariantCulture, out var to) || from > to || to - from >= MaxPatterns)
            throw new NanoVlmException($"{pattern}: {{{braces}}} must go from a number to a larger one, over at most {MaxPatterns} files.");
        return Enumerable.Range(from, to - from + 1).Select(number => number.ToString($"D{first.Length}", CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"\{([^{}]*(?:,|\.\.)[^{}]*)\}")]
    private static partial Regex Braces();

    [GeneratedRegex(@"\A(\d+)\.\.(\d+)\z")]
    private static partial Regex Span();
}
