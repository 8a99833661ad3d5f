namespace NanoVlm.Evaluation.Metrics;

/// <summary>The phrases and numbers of an answer to an open MMMU question among which its result is looked for.</summary>
internal static class OpenCandidates
{
    private static readonly string[] indicators = ["could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "="];

    /// <summary>What follows the last "so", "is", "answer" ... of each line (of the last line also "="), or the whole answer; then all numbers in those.</summary>
    public static List<string> Of(string answer)
    {
        var text = answer.Strip().Trim('.').Lower();
        // The published split at a full stop before a capital never happens: the text is in small letters by then.
        var lines = text.Split('\n');
        var candidates = new List<string>();
        for (var i = 0; i < lines.Length; i++)
        {
            var shortest = "";
            foreach (var indicator in indicators[..^(i == lines.Length - 1 ? 0 : 1)])
            {
                var at = lines[i].LastIndexOf(indicator, StringComparison.Ordinal);
                if (at < 0)
                    continue;
                var tail = lines[i][(at + indicator.Length)..].Strip();
                if (shortest.Length == 0 || tail.Length() < shortest.Length())
                    shortest = tail;
            }

            if (shortest.Length > 0 && !(shortest.Length == 1 && ":,.!?;'".Contains(shortest)))
                candidates.Add(shortest);
        }

        if (candidates.Count == 0)
            candidates.Add(text);
        candidates.AddRange(candidates.ToArray().SelectMany(Numerals.In));
        return candidates;
    }
}
