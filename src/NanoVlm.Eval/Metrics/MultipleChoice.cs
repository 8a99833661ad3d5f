namespace NanoVlm.Evaluation.Metrics;

/// <summary>Which choice an answer names, by each benchmark's own rule, and whether it is the right one.</summary>
/// <remarks>
/// Under <c>vlmevalkit</c> all benchmarks share <see cref="CanInfer"/>; under <c>strict</c> all share <see cref="Letter"/>. Options are the texts of the choices A, B, C ...;
/// where they are unknown, as MMStar's inside its question, they are empty and the letters are A to D.
/// </remarks>
public static class MultipleChoice
{
    /// <summary>MMStar's rule: the old one of four fixed places, or the new one of ranked candidates.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="options">The texts of the choices; lmms-eval does not look at them.</param>
    /// <param name="expected">The right letter.</param>
    /// <param name="rules">See <see cref="Rules.FixedMmstarPlaces"/>.</param>
    /// <returns>1 if right, else 0; and the letter found, null where there is none.</returns>
    public static (double Score, string? Extracted) MMStar(string answer, IReadOnlyList<string> options, string expected, Rules rules)
    {
        if (rules.Harness != Harness.LmmsEval)
            return Shared(answer, options, expected, rules);
        if (rules.FixedMmstarPlaces)
            return MmstarLetter.Fixed(answer, expected);
        var letter = MmstarLetter.Ranked(answer, "ABCD");
        return (letter == expected.Strip().ToUpperInvariant() ? 1 : 0, letter.Length == 0 ? null : letter);
    }

    /// <summary>ScienceQA's rule: the answer is the letter, in either case, or begins with a capital letter and a full stop.</summary>
    /// <inheritdoc cref="MMStar"/>
    public static (double Score, string? Extracted) ScienceQa(string answer, IReadOnlyList<string> options, string expected, Rules rules)
    {
        if (rules.Harness != Harness.LmmsEval)
            return Shared(answer, options, expected, rules);
        var (given, right) = (answer.Strip(), expected.Strip().Lower());
        if (given.Lower() == right)
            return (1, expected.Strip());
        var first = given.First();
        if (given.Length > first.Length && given[first.Length] == '.' && first.Lower() != first)
            return (first.Lower() == right ? 1 : 0, first);
        return (0, given.Length == 1 && char.IsAsciiLetter(given[0]) ? given.ToUpperInvariant() : null);
    }

    /// <summary>AI2D's rule: a capital letter and a full stop at the start, else the whole answer; compared without case and punctuation.</summary>
    /// <inheritdoc cref="MMStar"/>
    public static (double Score, string? Extracted) Ai2d(string answer, IReadOnlyList<string> options, string expected, Rules rules)
    {
        if (rules.Harness != Harness.LmmsEval)
            return Shared(answer, options, expected, rules);
        var start = 0;
        while (start < answer.Length && PythonText.IsSpace(answer[start]))
            start++;
        var letter = start + 1 < answer.Length && char.IsAsciiLetterUpper(answer[start]) && answer[start + 1] == '.' ? answer[start..(start + 1)] : null;
        return (ExactMatch.Score(letter ?? answer, [expected]), letter);
    }

    /// <summary>SEED-Bench's rule: the first character, in either case.</summary>
    /// <inheritdoc cref="MMStar"/>
    public static (double Score, string? Extracted) SeedBench(string answer, IReadOnlyList<string> options, string expected, Rules rules)
    {
        if (rules.Harness != Harness.LmmsEval)
            return Shared(answer, options, expected, rules);
        var first = answer.Strip().First();
        return (first.Lower() == expected.Strip().Lower() ? 1 : 0, first.Length == 0 ? null : first.ToUpperInvariant());
    }

    /// <summary>VLMEvalKit's rule without a judge model: one letter among the last four words, "answer is B", or one option's text.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="options">The texts of the choices.</param>
    /// <returns>The letter, Z for a refusal, or null where nothing can be told.</returns>
    public static string? CanInfer(string answer, IReadOnlyList<string> options) => InferredOption.Of(answer, options);

    /// <summary>The letter that an answer plainly names, in either case; see docs/metrics.md, <c>strict</c>.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="options">The texts of the choices.</param>
    /// <returns>The letter, or null where the answer names none or more than one.</returns>
    public static string? Letter(string answer, IReadOnlyList<string> options) => PlainLetter.Of(answer, options);

    private static (double Score, string? Extracted) Shared(string answer, IReadOnlyList<string> options, string expected, Rules rules)
    {
        if (options.Count == 0)
            options = ["", "", "", ""];
        var letter = rules.Harness == Harness.VlmEvalKit ? InferredOption.Of(answer, options) ?? "Z" : PlainLetter.Of(answer, options);
        return (letter == expected.Strip().ToUpperInvariant() ? 1 : 0, letter);
    }
}
