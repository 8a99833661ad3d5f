using NanoVlm.Data;
using NanoVlm.Images;

namespace NanoVlm.Evaluation;

/// <summary>A question about an image, asked alone.</summary>
/// <param name="Images">The images.</param>
/// <param name="Text">What is asked.</param>
/// <param name="Answer">The right answer.</param>
/// <param name="Kind">What sort of question it is.</param>
public sealed record Question(IReadOnlyList<StoredImage> Images, string Text, string Answer, string Kind)
{
    /// <summary>The questions of conversations, each on its own: no earlier turn gives an answer away.</summary>
    /// <param name="samples">The conversations.</param>
    /// <param name="limit">The most questions, taken in order; null for all.</param>
    public static IReadOnlyList<Question> Of(IEnumerable<RawSample> samples, int? limit = null)
    {
        var questions = samples.SelectMany(sample => sample.Turns.Select((turn, i) =>
            new Question(sample.Images, turn.User, turn.Assistant, i < sample.Kinds.Count ? sample.Kinds[i] : "all")));
        return [.. limit is { } most ? questions.Take(most) : questions];
    }
}

/// <summary>What a model answered.</summary>
/// <param name="Question">The question.</param>
/// <param name="Answer">The model's answer.</param>
public sealed record Prediction(Question Question, string Answer)
{
    /// <summary>Whether it is the right answer, apart from case and outer white space.</summary>
    public bool Correct => string.Equals(Answer.Trim(), Question.Answer.Trim(), StringComparison.OrdinalIgnoreCase);
}
