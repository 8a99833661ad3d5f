namespace NanoVlm.Evaluation.Metrics;

/// <summary>Answers to MMMU as its authors read them (https://github.com/MMMU-Benchmark/MMMU), with the guess seeded.</summary>
public static class MmmuAnswer
{
    /// <summary>The letter that an answer to a multiple-choice question names; if it names none, one is guessed, as published.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="options">The texts of the choices.</param>
    /// <param name="id">The question's id, which seeds the guess: the same at every scoring.</param>
    /// <param name="rules">VLMEvalKit does not guess, and answers Z; <see cref="Harness.None"/> does not either, and reads a letter as <see cref="MultipleChoice.Letter"/> does.</param>
    /// <returns>The letter; empty where there is none.</returns>
    public static string MultipleChoice(string answer, IReadOnlyList<string> options, string id, Rules rules)
    {
        if (rules.Harness == Harness.VlmEvalKit)
            return InferredOption.Of(answer, options) ?? "Z";
        if (rules.Harness == Harness.None)
            return PlainLetter.Of(answer, options) ?? "";
        if (options.Count == 0)
            return "";
        var text = answer;
        foreach (var mark in ",.!?;:'")
            text = text.Trim(mark);
        text = $" {text} ";
        foreach (var (form, standing) in (ReadOnlySpan<(string, string)>)[("({0})", "({0})"), ("{0} ", " {0} "), ("{0}.", " {0} ")])
            if (LastOf(options.Count, i => text.Contains(string.Format(form, Choice(i))), i => text.LastIndexOf(string.Format(standing, Choice(i)), StringComparison.Ordinal)) is { } letter)
                return letter;
        var lower = text.Lower();
        var named = text.Words().Count > 5
            ? LastOf(options.Count, i => lower.Contains(options[i].Lower(), StringComparison.Ordinal), i => lower.LastIndexOf(options[i].Lower(), StringComparison.Ordinal))
            : null;
        return named ?? Choice((int)(Seed(id) % (uint)options.Count));
    }

    /// <summary>Whether an answer to an open question is right: a right answer is part of one of the phrases, or equal to one of the numbers, in which it may be given.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="answers">The right answers.</param>
    /// <param name="rules">Always wrong under <see cref="Rules.OpenMmmuIsWrong"/>; VLMEvalKit asks instead whether the answer names the first of two hidden choices, the right
    /// answer and "Other Answers".</param>
    /// <returns>1 if right, else 0.</returns>
    public static double Open(string answer, IReadOnlyList<string> answers, Rules rules)
    {
        if (rules.Harness == Harness.VlmEvalKit)
            return answers.Any(right => InferredOption.Of(answer, [right, "Other Answers"]) == "A") ? 1 : 0;
        if (rules.OpenMmmuIsWrong)
            return 0;
        var (texts, numbers) = Normalize(answers);
        var (phrases, values) = Normalize(OpenCandidates.Of(answer));
        return values.Any(numbers.Contains) || texts.Any(text => phrases.Any(phrase => phrase.Contains(text, StringComparison.Ordinal))) ? 1 : 0;
    }

    /// <summary>Numbers to two places, and texts in small letters; one character alone must have a space beside it.</summary>
    private static (List<string> Texts, HashSet<double> Numbers) Normalize(IEnumerable<string> candidates)
    {
        var texts = new List<string>();
        var numbers = new HashSet<double>();
        foreach (var candidate in candidates.Select(candidate => candidate.Strip()))
        {
            if (PythonText.Float(candidate.Replace(",", "")) is { } number)
            {
                if (!double.IsNaN(number)) // equal to nothing
                    numbers.Add(PythonText.RoundToHundredths(number));
            }
            else
            {
                var text = candidate.Lower();
                texts.AddRange(text.Length() == 1 ? [$" {text}", $"{text} "] : [text]);
            }
        }

        return (texts, numbers);
    }

    /// <summary>The only choice that is present, or of several the one that stands last; the first of those that stand nowhere. Null of none.</summary>
    private static string? LastOf(int count, Func<int, bool> present, Func<int, int> position)
    {
        var candidates = Enumerable.Range(0, count).Where(present).ToArray();
        return candidates.Length == 0 ? null : Choice(candidates.MaxBy(position));
    }

    private static string Choice(int index) => ((char)('A' + index)).ToString();

    /// <summary>FNV-1a of an id.</summary>
    private static uint Seed(string id) => id.Aggregate(2166136261u, (hash, c) => (hash ^ c) * 16777619);
}
