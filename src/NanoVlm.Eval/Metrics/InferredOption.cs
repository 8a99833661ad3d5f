using System.Text.RegularExpressions;

namespace NanoVlm.Evaluation.Metrics;

/// <summary>The option that VLMEvalKit reads from an answer without asking a judge model.</summary>
internal static partial class InferredOption
{
    private static readonly string[] refusals =
    [
        "Sorry, I can't help with images of people yet.", "I can't process this file.", "I'm sorry, but without the image provided", "Cannot determine the answer",
    ];

    /// <summary>The letter, Z for a refusal, or null.</summary>
    public static string? Of(string answer, IReadOnlyList<string> options) => ByLetter(answer, options.Count) ?? ByText(answer, options);

    private static string? ByLetter(string answer, int count)
    {
        if (answer.Contains("Failed to obtain answer via API"))
            return null;
        if (refusals.Any(refusal => answer.Contains(refusal)))
            return "Z";
        var text = answer;
        foreach (var mark in ".()[],:;!*#{}")
            text = text.Replace(mark, ' ');
        var words = text.Words();
        var letters = Enumerable.Range(0, count).Select(Choice).ToArray();
        var present = letters.Where(words.Contains).ToArray();
        if (present.Length == 1 && words.IndexOf(present[0]) > words.Count - 5)
            return present[0];
        if (present.Length == 0 && words.Contains("Z"))
            return "Z";
        // Python takes these letters for s and i where case is ignored.
        var said = AnswerIs().Match(answer.Replace('\u017F', 's').Replace('\u0131', 'i').Replace('\u0130', 'i'));
        var letter = said.Groups[1].Value.ToUpperInvariant();
        return said.Success && letters.Contains(letter) ? letter : null;
    }

    private static string? ByText(string answer, IReadOnlyList<string> options)
    {
        var text = answer.Lower();
        if (text.Length() > 2L * options.Sum(option => (long)option.Length()))
            return null;
        var contained = Enumerable.Range(0, options.Count).Where(i => text.Contains(options[i].Lower(), StringComparison.Ordinal)).Take(2).ToArray();
        return contained.Length == 1 ? Choice(contained[0]) : null;
    }

    private static string Choice(int index) => ((char)('A' + index)).ToString();

    [GeneratedRegex(@"answer[\s\x1c-\x1f]+is[\s\x1c-\x1f]+\**([ABCD])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex AnswerIs();
}
