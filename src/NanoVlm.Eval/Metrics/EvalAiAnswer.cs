using System.Text;

namespace NanoVlm.Evaluation.Metrics;

/// <summary>Answers as the VQA evaluation compares them (https://visualqa.org/evaluation.html): without articles and punctuation, numbers as digits, contractions as usually written.</summary>
public static class EvalAiAnswer
{
    /// <summary>The number words with their digits.</summary>
    internal static readonly IReadOnlyDictionary<string, string> Numbers = new Dictionary<string, string>
    {
        ["none"] = "0",
        ["zero"] = "0",
        ["one"] = "1",
        ["two"] = "2",
        ["three"] = "3",
        ["four"] = "4",
        ["five"] = "5",
        ["six"] = "6",
        ["seven"] = "7",
        ["eight"] = "8",
        ["nine"] = "9",
        ["ten"] = "10",
    };

    internal static readonly IReadOnlyList<string> Articles = ["a", "an", "the"];
    internal const string Punctuation = ";/[]\"{}()=+\\_-><@`,?!";

    /// <summary>Normalises an answer.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="rules">lmms-eval takes out a full stop wherever no digit follows ("10." is 10), VLMEvalKit where none precedes either ("3." keeps it), both only the
    /// first 32 of a text; <see cref="Harness.None"/> takes out all but those of numbers, and one at the end always.</param>
    /// <param name="wordTokenize">Whether "'s" becomes a word and commas and question marks go first: so in lmms-eval's TextVQA, not in its VQAv2, never in VLMEvalKit.</param>
    public static string Normalize(string answer, Rules rules, bool wordTokenize = true)
    {
        if (wordTokenize && rules.Harness != Harness.VlmEvalKit)
            answer = answer.Lower().Replace(",", "").Replace("?", "").Replace("'s", " 's").Strip();
        answer = answer.Replace('\n', ' ').Replace('\t', ' ').Strip();
        if (rules.Harness == Harness.None && answer.EndsWith('.'))
            answer = answer[..^1];
        return WithoutArticles(WithoutPunctuation(answer, rules.Harness));
    }

    /// <summary>Punctuation marks go where one stands beside a space or a number has a comma, and leave a space elsewhere; full stops then go as the rules have it.</summary>
    internal static string WithoutPunctuation(string text, Harness harness)
    {
        var hasComma = HasCommaInNumber(text, several: harness != Harness.VlmEvalKit);
        var result = text;
        foreach (var mark in Punctuation)
            result = hasComma || text.Contains($"{mark} ") || text.Contains($" {mark}") ? result.Replace(mark.ToString(), "") : result.Replace(mark, ' ');
        return WithoutFullStops(result, harness);
    }

    private static string WithoutFullStops(string text, Harness harness)
    {
        var kept = new StringBuilder(text.Length);
        var left = harness == Harness.None ? int.MaxValue : 32;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '.' && left > 0 && !IsDigit(text, i + 1) && (harness == Harness.LmmsEval || !IsDigit(text, i - 1)))
                left--;
            else
                kept.Append(text[i]);
        }

        return kept.ToString();
    }

    private static bool HasCommaInNumber(string text, bool several)
    {
        for (var i = text.IndexOf(','); i >= 0; i = text.IndexOf(',', i))
        {
            var end = i + 1;
            while (several && end < text.Length && text[end] == ',')
                end++;
            if (IsDigit(text, i - 1) && IsDigit(text, end))
                return true;
            i = end;
        }

        return false;
    }

    private static bool IsDigit(string text, int index) => index >= 0 && index < text.Length && PythonText.Digit(PythonText.WholeAt(text, index)) >= 0;

    private static string WithoutArticles(string text) => string.Join(' ', text.Lower().Words()
        .Select(word => Numbers.GetValueOrDefault(word, word))
        .Where(word => !Articles.Contains(word))
        .Select(word => Contractions.Of.TryGetValue(word, out var meant) ? meant : word));
}
