namespace NanoVlm.Evaluation.Metrics;

/// <summary>MME (Fu et al. 2023, https://arxiv.org/abs/2306.13394): two yes-or-no questions about each image; points for each right answer and for both together.</summary>
public static class Mme
{
    /// <summary>The categories of perception.</summary>
    public static IReadOnlyList<string> Perception { get; } = ["existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR"];

    /// <summary>The categories of cognition.</summary>
    public static IReadOnlyList<string> Cognition { get; } = ["commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"];

    /// <summary>What an answer says: <c>yes</c>, <c>no</c> or <c>other</c>.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="rules">lmms-eval looks for yes, then no, within the first four characters; VLMEvalKit for exactly one of them among the words; for
    /// <see cref="Harness.None"/> see <see cref="YesNo"/>.</param>
    public static string Parse(string answer, Rules rules)
    {
        if (rules.Harness != Harness.LmmsEval)
            return YesNo.Of(answer, rules);
        var text = answer.Lower().Strip().Replace(".", "");
        if (text.Length() == 1)
            return text == "y" ? "yes" : text == "n" ? "no" : "other";
        var start = text.Narrow();
        start = start[..Math.Min(4, start.Length)];
        return start.Contains("yes") ? "yes" : start.Contains("no") ? "no" : "other";
    }

    /// <summary>Whether an answer is right.</summary>
    /// <param name="answer">The raw answer.</param>
    /// <param name="expected">Yes or No.</param>
    /// <param name="rules">As of <see cref="Parse"/>.</param>
    /// <returns>1 if right, else 0.</returns>
    public static double Score(string answer, string expected, Rules rules) => Parse(answer, rules) == expected.Lower().Strip().Replace(".", "") ? 1 : 0;

    /// <summary>Accuracy and accuracy+ of each category, in the order in which they come.</summary>
    /// <param name="items">Category, image and score of each question. An image without exactly two questions never has both right.</param>
    public static IReadOnlyList<MmeCategory> Of(IEnumerable<(string Category, string Image, double Score)> items) =>
    [
        .. items.GroupBy(item => item.Category).Select(category =>
        {
            var images = category.GroupBy(item => item.Image).Select(image => image.Select(item => item.Score).ToArray()).ToArray();
            return new MmeCategory(category.Key, images.Average(scores => scores.Average()), images.Average(scores => scores.Sum() == 2 ? 1.0 : 0), images.Length);
        }),
    ];
}

/// <summary>A category of MME.</summary>
/// <param name="Name">Such as <c>count</c>.</param>
/// <param name="Accuracy">The mean over images of the share of right answers.</param>
/// <param name="AccuracyPlus">The share of images both of whose questions are answered right.</param>
/// <param name="Images">How many images.</param>
public sealed record MmeCategory(string Name, double Accuracy, double AccuracyPlus, int Images)
{
    /// <summary>The score, at most 200. MME's perception is the sum of ten categories, its cognition of four.</summary>
    public double Points => 100 * (Accuracy + AccuracyPlus);
}
