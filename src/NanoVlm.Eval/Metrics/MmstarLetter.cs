namespace NanoVlm.Evaluation.Metrics;

/// <summary>The letter in an answer to MMStar, as lmms-eval looked for it up to v0.7.1 and since.</summary>
internal static class MmstarLetter
{
    private static readonly string[] phrases =
    [
        "the answer is", "answer is", "the correct answer is", "correct answer is", "the best answer is", "best answer is", "the correct option is", "correct option is",
        "the best option is", "best option is", "the choice is", "choice is", "the correct choice is", "correct choice is", "i choose", "i select", "i pick", "my answer is",
        "my choice is", "옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは",
    ];

    /// <summary>The old rule: the letter stands first, after a bracket, after "option " or after "the answer is ", in either case.</summary>
    public static (double Score, string? Extracted) Fixed(string answer, string expected)
    {
        var (given, right) = (Plain(answer), Plain(expected));
        string found = "";
        foreach (var lead in (string[])["", "(", "option ", "the answer is "])
        {
            if (!given.StartsWith(lead, StringComparison.Ordinal))
                continue;
            found = given[lead.Length..].First();
            if (found.Length > 0 && found == right)
                return (1, found.ToUpperInvariant());
        }

        return (0, found.Length == 0 ? null : found.ToUpperInvariant());
    }

    /// <summary>The new rule: of everything that looks like a choice's letter, the last one of the surest form. Small letters do not count, words can ("A cat").</summary>
    /// <returns>The letter, or nothing.</returns>
    public static string Ranked(string answer, string letters)
    {
        var bare = answer.Strip().Narrow();
        foreach (var mark in ",.!?;:'\"")
            bare = bare.Trim(mark);
        var text = $" {bare} ";
        var stripped = text.Strip();
        var best = (Letter: '\0', Rank: -1, Position: -1);
        void Candidate(char letter, int position, int rank)
        {
            if (position >= 0 && (rank, position).CompareTo((best.Rank, best.Position)) > 0)
                best = (letter, rank, position);
        }

        foreach (var letter in letters)
        {
            Candidate(letter, text.LastIndexOf($"({letter})", StringComparison.Ordinal), 6);
            Candidate(letter, text.LastIndexOf($"{letter}.", StringComparison.Ordinal), 5);
            Candidate(letter, text.LastIndexOf($"{letter}:", StringComparison.Ordinal), 4);
            Candidate(letter, text.LastIndexOf($"{letter})", StringComparison.Ordinal), 3);
            Candidate(letter, text.LastIndexOf($"{letter} ", StringComparison.Ordinal), 2);
            if (stripped.StartsWith(letter) && (stripped.Length == 1 || !PythonText.IsLetter(stripped[1])))
                Candidate(letter, 0, 10);
            if (stripped.EndsWith(letter) && (stripped.Length == 1 || !PythonText.IsLetter(stripped[^2])))
                Candidate(letter, text.Length - 1, 9);
        }

        var lower = text.Lower();
        foreach (var phrase in phrases)
        {
            var after = lower.IndexOf(phrase, StringComparison.Ordinal) + phrase.Length;
            if (after >= phrase.Length && after <= text.Length) // the position is of the small letters, as published
                foreach (var letter in letters)
                    Candidate(letter, text.IndexOf(letter, after), 7);
        }

        if (best.Rank < 0)
            foreach (var letter in letters)
                Candidate(letter, text.LastIndexOf(letter), 0);
        return best.Rank < 0 ? "" : best.Letter.ToString();
    }

    private static string Plain(string text) => text.Lower().Replace('\n', ' ').Strip();
}
