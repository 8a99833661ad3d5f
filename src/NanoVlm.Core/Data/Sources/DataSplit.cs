using System.Text.RegularExpressions;
using NanoVlm.Configuration;

namespace NanoVlm.Data.Sources;

/// <summary>
/// Subsets and splits of a data set by the names of its files, as the Hub lays them out: <c>subset/train-00000-of-00002.parquet</c>,
/// <c>data/validation-00000-of-00001.parquet</c>, <c>subset/test/0000.parquet</c>, <c>train.jsonl</c>.
/// </summary>
internal static partial class DataSplit
{
    /// <summary>The split that is meant when none is named.</summary>
    public const string Default = "train";

    private static readonly Dictionary<string, string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        ["train"] = "train",
        ["training"] = "train",
        ["validation"] = "validation",
        ["valid"] = "validation",
        ["val"] = "validation",
        ["dev"] = "validation",
        ["test"] = "test",
        ["testing"] = "test",
        ["eval"] = "test",
        ["evaluation"] = "test",
    };

    private static readonly HashSet<string> Descriptions = ["dataset_infos.json", "dataset_dict.json", "dataset_info.json", "state.json", "config.json"];

    /// <summary>Chooses the files of a subset and a split.</summary>
    /// <param name="set">What messages call the set.</param>
    /// <param name="files">Its files, with '/' between folders.</param>
    /// <param name="extensions">The kinds of files that are wanted; the first kind that is there is taken.</param>
    /// <param name="subset">The folder of the subset; null where there is one only.</param>
    /// <param name="split">The split; null is <see cref="Default"/>, and all files of a set whose names tell no splits.</param>
    /// <param name="oneSubset">Whether a set of several subsets is refused when none is named, instead of taken whole.</param>
    /// <returns>The files in ordinal order.</returns>
    /// <exception cref="NanoVlmException">There is no such subset or split; lists those that there are.</exception>
    public static IReadOnlyList<string> Select(string set, IReadOnlyList<string> files, IReadOnlyList<string> extensions, string? subset, string? split, bool oneSubset)
    {
        List<string> chosen = [];
        foreach (var extension in extensions)
        {
            chosen = [.. files.Where(file => file.EndsWith(extension, StringComparison.OrdinalIgnoreCase) && !Descriptions.Contains(Path.GetFileName(file))).Order(StringComparer.Ordinal)];
            if (chosen.Count > 0) break;
        }
        if (chosen.Count == 0)
            throw new NanoVlmException($"{set}: has no {string.Join(" or ", extensions.Select(extension => $"*{extension}"))} files; it has {(files.Count == 0 ? "no files at all" : Listed("", files.Select(file => Path.GetExtension(file) is { Length: > 0 } kind ? $"*{kind}" : Path.GetFileName(file))))}.");

        var subsets = chosen.Select(SubsetOf).Distinct().ToList();
        if (subset is null && oneSubset && subsets.Count > 1)
            subset = subsets.Contains("default") ? "default" : throw new NanoVlmException($"{set}: has {subsets.Count} subsets; name one of them: {Listed("", subsets)}.");
        if (subset is not null)
        {
            var wanted = subset.Trim('/');
            var within = chosen.Where(file => SubsetOf(file) == wanted || file.StartsWith(wanted + "/", StringComparison.Ordinal)).ToList();
            chosen = within.Count > 0 ? within : throw new NanoVlmException($"{set}: has no subset '{subset}'{Suggestion(subset, subsets)}; its subsets are {Listed(subset, subsets)}.");
        }

        var splits = chosen.Select(SplitOf).OfType<string>().Distinct().ToList();
        if (splits.Count == 0 && split is null) return chosen;
        var named = split ?? Default;
        // A set can have both 'dev' and 'validation'; where a split is called just as asked for, others that mean the same are not of it.
        if (chosen.Where(file => Literal(file) == named).ToList() is { Count: > 0 } exact) return exact;
        if (Words.TryGetValue(named, out var usual)) named = usual;
        var of = chosen.Where(file => SplitOf(file) == named).ToList();
        if (of.Count == 0) of = [.. chosen.Where(file => Word(Path.GetFileName(file)) == named)]; // train_sft serves for train
        if (of.Count > 0) return of;
        var where = subset is null ? set : $"{set}: {subset}";
        throw new NanoVlmException(splits.Count == 0 ? $"{where}: its files name no splits, and the split '{named}' is asked for; leave it out to take them all."
            : $"{where}: has no split '{named}'{Suggestion(named, splits)}; its splits are {Listed(named, splits)}.");
    }

    /// <summary>Chooses the files of a published subset and split in a copy of the set, as far as the names tell: files of one subset are taken to be
    /// of the published one, and files whose names tell no split to be of the published split.</summary>
    /// <param name="set">What messages call the set.</param>
    /// <param name="files">Its files, with '/' between folders.</param>
    /// <param name="extensions">The kinds of files that are wanted; the first kind that is there is taken.</param>
    /// <param name="subset">The folder of the subset; empty: files outside of such folders; null: there is one only.</param>
    /// <param name="split">The split.</param>
    /// <returns>The files in ordinal order.</returns>
    /// <exception cref="NanoVlmException">There is no such subset or split; lists those that there are.</exception>
    public static IReadOnlyList<string> SelectPublished(string set, IReadOnlyList<string> files, IReadOnlyList<string> extensions, string? subset, string split)
    {
        List<string> of = [.. files.Where(file => extensions.Any(extension => file.EndsWith(extension, StringComparison.OrdinalIgnoreCase)))];
        var subsets = of.Select(SubsetOf).Distinct().Count();
        var within = subsets > 1 ? subset : null;
        var tellsSplits = of.Any(file => (within is null || SubsetOf(file) == within) && SplitOf(file) is not null);
        return Select(set, files, extensions, within, tellsSplits ? split : null, oneSubset: true);
    }

    // The folders, without those of the layout: 'data', and one named like a split.
    private static string SubsetOf(string file)
    {
        var folders = file.Split('/')[..^1].ToList();
        if (folders is ["data", ..]) folders.RemoveAt(0);
        if (folders.Count > 0 && Word(folders[^1]) is not null) folders.RemoveAt(folders.Count - 1);
        return string.Join('/', folders);
    }

    // The split as a numbered file writes it.
    private static string? Literal(string file) => Numbered().Match(file[(file.LastIndexOf('/') + 1)..]) is { Success: true } numbered ? numbered.Groups[1].Value : null;

    private static string? SplitOf(string file)
    {
        var parts = file.Split('/');
        if (Literal(file) is { } literal) return Words.GetValueOrDefault(literal, literal);
        return Word(parts[^1]) ?? (parts.Length > 1 ? Word(parts[^2]) : null);
    }

    // A word for a split that stands by itself at the beginning or the end of a name.
    private static string? Word(string name)
    {
        var words = Separators().Split(name.Split('.')[0]).Where(word => word.Length > 0).ToList();
        return words.Count == 0 ? null : Words.GetValueOrDefault(words[0]) ?? Words.GetValueOrDefault(words[^1]);
    }

    private static string Suggestion(string written, List<string> names) => NearestName.Suggestion(NearestName.Of(written, names));

    private static string Listed(string written, IEnumerable<string> names)
    {
        const int shown = 30;
        var all = names.Distinct().Order(StringComparer.Ordinal).ToList();
        if (NearestName.Of(written, all) is { } nearest && written.Length > 0) all = [nearest, .. all.Where(name => name != nearest)];
        return string.Join(", ", all.Take(shown).Select(name => name.Length == 0 ? "(none: files outside of folders)" : name)) + (all.Count > shown ? $" and {all.Count - shown} more" : "");
    }

    [GeneratedRegex(@"\A(\w+(?:\.\w+)*?)-\d+-of-\d+(?:-\w+)?\.\w+\z")]
    private static partial Regex Numbered();

    [GeneratedRegex(@"[-_ ]|(?<=[A-Za-z])(?=\d)")]
    private static partial Regex Separators();
}
