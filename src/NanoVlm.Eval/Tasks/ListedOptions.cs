using System.Text.RegularExpressions;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>Finds the options that a question's own text lists, as MMStar's do: <c>... Options: A: a cat, B: a dog</c>.</summary>
internal static partial class ListedOptions
{
    /// <summary>Takes a question apart.</summary>
    /// <returns>The question without the list, and the options; the whole question and none where there is no list that begins with A and B.</returns>
    public static (string Stem, IReadOnlyList<string> Options) Of(string question)
    {
        if (List().Matches(question) is not [.., var list]) return (question, []);
        var rest = question[(list.Index + list.Length)..];
        foreach (var style in (string[])["{0}: ", "({0}) ", "{0}. "])
        {
            var starts = new List<(int At, int Text)>();
            for (var letter = 'A'; letter <= 'Z'; letter++)
            {
                var mark = string.Format(null, style, letter);
                var at = starts.Count == 0 ? (rest.StartsWith(mark, StringComparison.Ordinal) ? 0 : -1) : Next(rest, mark, starts[^1].Text);
                if (at < 0) break;
                starts.Add((at, at + mark.Length));
            }
            if (starts.Count < 2) continue;
            var options = starts.Select((start, i) => rest[start.Text..(i + 1 < starts.Count ? starts[i + 1].At : rest.Length)].TrimEnd());
            return (question[..list.Index].TrimEnd(), [.. options.Select((option, i) => i + 1 < starts.Count && option.EndsWith(',') ? option[..^1] : option)]);
        }
        return (question, []);
    }

    // A mark stands at the beginning of a line or behind a comma.
    private static int Next(string text, string mark, int from)
    {
        for (var at = from; (at = text.IndexOf(mark, at, StringComparison.Ordinal)) >= 0; at++)
            if (at > 0 && (text[at - 1] == '\n' || (text[at - 1] == ' ' && text[..at].TrimEnd().EndsWith(',')))) return at;
        return -1;
    }

    [GeneratedRegex(@"(?:\A|\s)(?:Options|Choices):\s*(?=\(?A[.:)] )")]
    private static partial Regex List();
}
