using NanoVlm.Data;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Text;

namespace NanoVlm.Evaluation;

/// <summary>
/// Asks a model questions and collects its greedy answers. Images are encoded once for all their questions, and questions of
/// the same length go together, so that nothing is padded.
/// </summary>
public sealed class AnswerEvaluator
{
    private readonly VisionLanguageModel model;
    private readonly TextGenerator generator;
    private readonly SampleBuilder builder;
    private readonly int batchSize;
    private readonly int maxNewTokens;

    /// <param name="model">The model to ask.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="builder">Makes its prompts.</param>
    /// <param name="batchSize">Images at a time.</param>
    /// <param name="maxNewTokens">The longest answer.</param>
    public AnswerEvaluator(VisionLanguageModel model, Tokenizer tokenizer, SampleBuilder builder, int batchSize, int maxNewTokens = 16)
    {
        this.model = model;
        generator = new TextGenerator(model, tokenizer);
        this.builder = builder;
        this.batchSize = batchSize;
        this.maxNewTokens = maxNewTokens;
    }

    /// <summary>The model's answers, in the order of the questions.</summary>
    /// <param name="questions">The questions; those about one image side by side are cheapest.</param>
    /// <param name="blind">Whether the model sees a flat grey picture in place of every image.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="NanoVlmException">An image cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<Prediction> Ask(IReadOnlyList<Question> questions, bool blind = false, CancellationToken cancellation = default)
    {
        var wasTraining = model.training;
        model.eval();
        try
        {
            var answers = new Prediction[questions.Count];
            // Runs of questions about the same images stay together; a chunk holds at most batchSize runs.
            var runs = Runs(questions);
            foreach (var chunk in runs.Chunk(batchSize))
            {
                cancellation.ThrowIfCancellationRequested();
                AskChunk(questions, chunk, blind, answers);
            }
            return answers;
        }
        finally
        {
            model.train(wasTraining);
        }
    }

    private void AskChunk(IReadOnlyList<Question> questions, (int Start, int Count)[] chunk, bool blind, Prediction[] answers)
    {
        var prompts = new List<Sample>();
        foreach (var (start, count) in chunk)
        {
            var images = questions[start].Images.Select(image => Seen(image, blind)).ToArray();
            for (var i = start; i < start + count; i++)
            {
                var prompt = builder.Prompt(questions[i].Text, images);
                prompts.Add(i == start ? prompt : prompt with { Pixels = prompts[^1].Pixels }); // shared: encoded once
            }
        }
        var made = generator.Generate(prompts, new GenerationOptions { MaxNewTokens = maxNewTokens });
        var question = chunk.SelectMany(run => Enumerable.Range(run.Start, run.Count)).ToArray();
        for (var i = 0; i < made.Count; i++) answers[question[i]] = new Prediction(questions[question[i]], made[i].Text.Trim());
    }

    private static RgbImage Seen(StoredImage stored, bool blind)
    {
        var image = stored.Decode();
        if (!blind) return image;
        var flat = new byte[image.Pixels.Length];
        Array.Fill(flat, (byte)128);
        return new RgbImage(image.Width, image.Height, flat);
    }

    private static List<(int Start, int Count)> Runs(IReadOnlyList<Question> questions)
    {
        var runs = new List<(int Start, int Count)>();
        for (var i = 0; i < questions.Count; i++)
        {
            if (runs.Count > 0 && questions[runs[^1].Start].Images.SequenceEqual(questions[i].Images)) runs[^1] = (runs[^1].Start, runs[^1].Count + 1);
            else runs.Add((i, 1));
        }
        return runs;
    }
}
