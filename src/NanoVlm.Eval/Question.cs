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

    /// <summary>The questions of conversations that a model can be asked: rows and images that cannot be read, and questions that are too long, are left
    /// out. A question whose own image marks are not as many as its conversation's images is asked after all of them.</summary>
    /// <param name="samples">The conversations.</param>
    /// <param name="builder">Makes the prompts.</param>
    /// <param name="limit">The most questions, taken in order; null for all.</param>
    /// <param name="leftOut">Hears of what is left out, and why.</param>
    /// <exception cref="NanoVlmException">None is left.</exception>
    public static IReadOnlyList<Question> Askable(IReadOnlyList<RawSample> samples, SampleBuilder builder, int? limit, Action<string> leftOut)
    {
        var questions = new List<Question>();
        for (var i = 0; i < samples.Count && questions.Count < (limit ?? int.MaxValue); i++)
            try
            {
                var sample = samples[i];
                foreach (var image in sample.Images) image.Decode();
                foreach (var question in Of([sample]).Select(question => question with { Text = Marked(question) }))
                    try
                    {
                        builder.Plan(new RawSample(sample.Origin, sample.Images, [new Turn(question.Text, question.Answer)], []));
                        questions.Add(question);
                    }
                    catch (NanoVlmException error)
                    {
                        leftOut(error.Message);
                    }
            }
            catch (NanoVlmException error)
            {
                leftOut(error.Message);
            }
        if (questions.Count == 0) throw new NanoVlmException($"None of the {samples.Count} conversations to evaluate on can be asked; see the warnings before.");
        return limit is { } most ? [.. questions.Take(most)] : questions;
    }

    private static string Marked(Question question) => (question.Text.Length - question.Text.Replace(SampleBuilder.ImageMark, "", StringComparison.Ordinal).Length) / SampleBuilder.ImageMark.Length == question.Images.Count
        ? question.Text : question.Text.Replace(SampleBuilder.ImageMark + "\n", "", StringComparison.Ordinal).Replace(SampleBuilder.ImageMark, "", StringComparison.Ordinal);
}

/// <summary>What a model answered.</summary>
/// <param name="Question">The question.</param>
/// <param name="Answer">The model's answer.</param>
public sealed record Prediction(Question Question, string Answer)
{
    /// <summary>Whether it is the right answer, apart from case and outer white space.</summary>
    public bool Correct => string.Equals(Answer.Trim(), Question.Answer.Trim(), StringComparison.OrdinalIgnoreCase);
}
