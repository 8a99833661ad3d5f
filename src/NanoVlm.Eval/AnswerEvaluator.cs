using NanoVlm.Data;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Text;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation;

/// <summary>
/// Asks a model questions and collects its greedy answers. Images are encoded once for all their questions, and questions of
/// the same length go together, so that nothing is padded.
/// </summary>
public sealed class AnswerEvaluator
{
    private readonly VisionLanguageModel model;
    private readonly Tokenizer tokenizer;
    private readonly SampleBuilder builder;
    private readonly Device device;
    private readonly int batchSize;
    private readonly int maxNewTokens;

    /// <param name="model">The model to ask.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="builder">Makes its prompts.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="batchSize">Images at a time.</param>
    /// <param name="maxNewTokens">The longest answer.</param>
    public AnswerEvaluator(VisionLanguageModel model, Tokenizer tokenizer, SampleBuilder builder, Device device, int batchSize, int maxNewTokens = 16)
    {
        this.model = model;
        this.tokenizer = tokenizer;
        this.builder = builder;
        this.device = device;
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
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var prompts = new List<(int Question, int[] Ids, int FirstTile, int Tiles)>();
        var pixels = new List<float[]>();
        var tiles = 0;
        foreach (var (start, count) in chunk)
        {
            var images = questions[start].Images.Select(image => Seen(image, blind)).ToArray();
            Sample? prompt = null;
            for (var i = start; i < start + count; i++)
            {
                prompt = builder.Prompt(questions[i].Text, images);
                prompts.Add((i, prompt.InputIds, tiles, prompt.Tiles));
            }
            pixels.Add(prompt!.Pixels);
            tiles += prompt.Tiles;
        }
        var features = tiles == 0 ? null : model.EncodeImages(
            tensor(pixels.SelectMany(p => p).ToArray(), [tiles, 3, builder.TileSize, builder.TileSize], device: device)); // [N, image tokens, hidden]

        foreach (var group in prompts.GroupBy(p => p.Ids.Length))
        {
            using var inner = NewDisposeScope();
            var rows = group.ToArray();
            var ids = tensor(rows.SelectMany(r => r.Ids.Select(id => (long)id)).ToArray(), [rows.Length, group.Key], device: device);
            var needed = rows.SelectMany(r => Enumerable.Range(r.FirstTile, r.Tiles).Select(t => (long)t)).ToArray();
            var selected = needed.Length == 0 ? null : features!.index_select(0, tensor(needed, device: device));
            using var sampler = Sampler.Greedy();
            var made = Decoding.Continue(
                model.Decoder, model.Embed(ids, selected), null, model.ComputeDtype, maxNewTokens, sampler, tokenizer.EosTokenId).cpu();
            var (flat, length) = (made.data<long>().ToArray(), (int)made.shape[1]);
            for (var row = 0; row < rows.Length; row++)
            {
                var answer = flat[(row * length)..((row + 1) * length)].TakeWhile(id => id != tokenizer.EosTokenId).Select(id => (int)id).ToArray();
                answers[rows[row].Question] = new Prediction(questions[rows[row].Question], tokenizer.Decode(answer, skipSpecialTokens: true).Trim());
            }
        }
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
