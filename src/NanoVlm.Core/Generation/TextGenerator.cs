using System.Runtime.CompilerServices;
using System.Threading.Channels;
using NanoVlm.Data;
using NanoVlm.Models;
using NanoVlm.Text;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>Asks a model: prompts of images and text in, texts out. Not for several threads at a time.</summary>
public sealed partial class TextGenerator
{
    private const int TilesAtOnce = 16; // what the vision tower needs for more is memory

    private readonly VisionLanguageModel model;
    private readonly Tokenizer tokenizer;
    private readonly HashSet<int> ends;

    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer. Answers end with its end-of-text token, or with what its chat template ends a turn with.</param>
    /// <exception cref="NanoVlmException">The chat template is wrong.</exception>
    public TextGenerator(VisionLanguageModel model, Tokenizer tokenizer)
    {
        (this.model, this.tokenizer) = (model, tokenizer);
        var turn = tokenizer.ChatTemplate is { } template ? tokenizer.TokenToId(ChatTemplate.Parse(template, tokenizer).EndOfTurn) : null;
        ends = [.. new[] { tokenizer.EosTokenId, turn }.OfType<int>()];
    }

    /// <summary>The most bytes of keys and values at once; prompts beyond wait for their turn.</summary>
    internal long CacheBytes { get; init; } = 2L << 30;

    /// <summary>Answers a batch of prompts of any lengths. Images that several prompts share (the same array of pixels) are encoded once.</summary>
    /// <param name="prompts">Prompts, as <see cref="SampleBuilder.Prompt(string, IReadOnlyList{Images.RgbImage})"/> makes them.</param>
    /// <param name="options">How.</param>
    /// <param name="seeds">Where each row's random numbers begin; null: at its place in the batch. Of no use to greedy answers.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>An answer a prompt, in their order. Answers are the same alone and in any batch, but for rounding where more than eight are made at once or a prompt has no more than eight tokens.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is kept.</exception>
    public IReadOnlyList<Completion> Generate(IReadOnlyList<Sample> prompts, GenerationOptions options, IReadOnlyList<int>? seeds = null, CancellationToken cancellation = default)
    {
        if (seeds is not null) ArgumentOutOfRangeException.ThrowIfNotEqual(seeds.Count, prompts.Count);
        var answers = new List<Completion>(prompts.Count);
        while (answers.Count < prompts.Count)
        {
            var rows = Enumerable.Range(answers.Count, RowsFrom(answers.Count)).ToArray();
            answers.AddRange(Run([.. rows.Select(row => prompts[row])], options, [.. rows.Select(row => seeds?[row] ?? row)], (_, _) => { }, cancellation));
        }
        return answers;

        // As many as the cache has room for, one at least.
        int RowsFrom(int first)
        {
            var config = model.Decoder.Config;
            var token = 2L * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim * (model.ComputeDtype == ScalarType.BFloat16 ? 2 : 4);
            var (count, width) = (0, 0L);
            for (; first + count < prompts.Count; count++)
            {
                width = Math.Max(width, prompts[first + count].InputIds.Length + options.MaxNewTokens);
                if (count > 0 && (count + 1) * width * token > CacheBytes) break;
            }
            return count;
        }
    }

    /// <summary>Answers a prompt, and hands out its text as it becomes certain.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="options">How.</param>
    /// <param name="onText">Gets each piece, never a part of a character.</param>
    /// <param name="seed">Where the random numbers begin.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Completion Generate(Sample prompt, GenerationOptions options, Action<string> onText, int seed = 0, CancellationToken cancellation = default) =>
        Run([prompt], options, [seed], (_, piece) => onText(piece), cancellation)[0];

    /// <summary>Answers a prompt on a thread of its own. Whoever stops reading, or cancels, frees all that it took.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="options">How.</param>
    /// <param name="seed">Where the random numbers begin.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>The answer in pieces, never a part of a character.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async IAsyncEnumerable<string> StreamAsync(Sample prompt, GenerationOptions options, int seed = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var pieces = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        // Scopes belong to a thread, so that all of it runs on one.
        var work = Task.Factory.StartNew(() =>
        {
            try
            {
                Generate(prompt, options, piece => pieces.Writer.TryWrite(piece), seed, stop.Token);
                pieces.Writer.Complete();
            }
            catch (Exception error)
            {
                pieces.Writer.Complete(error);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await foreach (var piece in pieces.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false)) yield return piece;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await work.ConfigureAwait(false);
        }
    }

    private Completion[] Run(IReadOnlyList<Sample> prompts, GenerationOptions options, IReadOnlyList<int> seeds, Action<int, string> onText, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxNewTokens, 1);
        cancellation.ThrowIfCancellationRequested();
        using var evaluating = new EvaluationMode(model);
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        using var rows = Read(prompts, options.MaxNewTokens, prompts.Count, cancellation);
        using var sampler = new Sampler(options.Sampling, seeds);
        sampler.Begin([.. prompts.Select(prompt => prompt.InputIds)], rows.Logits.shape[1], rows.Logits.device);
        var answers = prompts.Select(_ => new Answer(new AnswerText(tokenizer, options.StopStrings), [], [])).ToArray();
        var results = new Completion[prompts.Count];
        for (int[] active = [.. Enumerable.Range(0, prompts.Count)]; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var next = sampler.Next(rows.Logits);
            var ids = next.cpu().data<long>().ToArray();
            var chances = options.LogProbabilities ? rows.Logits.log_softmax(-1).gather(1, next.unsqueeze(1)).cpu().data<float>().ToArray() : null;
            var staying = new List<int>();
            for (var i = 0; i < active.Length; i++)
            {
                var (row, id) = (active[i], (int)ids[i]);
                if (Ends(answers[row], row, id, chances?[i]) is { } reason) results[row] = Finish(row, reason);
                else staying.Add(i);
            }
            if (staying.Count == 0) return results;
            if (staying.Count < active.Length)
            {
                rows.Select(staying);
                sampler.Select(staying);
                next = next.index_select(0, tensor(staying.Select(i => (long)i).ToArray(), device: next.device));
                active = [.. staying.Select(i => active[i])];
            }
            rows.Append(next);
        }

        StopReason? Ends(Answer answer, int row, int id, float? chance)
        {
            if (ends.Contains(id)) return StopReason.EndOfText;
            answer.Ids.Add(id);
            if (chance is { } value) answer.Chances.Add(value);
            Hand(row, answer.Text.Push(id));
            return answer.Text.Stopped ? StopReason.StopString : answer.Ids.Count == options.MaxNewTokens ? StopReason.MaxNewTokens : null;
        }

        Completion Finish(int row, StopReason reason)
        {
            var answer = answers[row];
            Hand(row, answer.Text.Flush());
            return new Completion(answer.Ids, answer.Text.ToString(), answer.Text.Stopped ? StopReason.StopString : reason, options.LogProbabilities ? answer.Chances : null);
        }

        void Hand(int row, string piece)
        {
            if (piece.Length > 0) onText(row, piece);
        }
    }

    // The prompts as one batch, padded behind: no token sees what comes after it.
    private Continuation Read(IReadOnlyList<Sample> prompts, int newTokens, int rows, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var device = model.Decoder.HeadWeight.device;
        for (var row = 0; row < prompts.Count; row++)
            if (prompts[row].InputIds.Length == 0) throw new NanoVlmException($"prompt {row} has no tokens; there is nothing to continue.");
        var width = prompts.Max(prompt => prompt.InputIds.Length);
        var ids = new long[prompts.Count * width];
        Array.Fill(ids, model.ImageTokenId == 0 ? 1 : 0);
        for (var row = 0; row < prompts.Count; row++)
            for (var i = 0; i < prompts[row].InputIds.Length; i++)
                ids[row * width + i] = prompts[row].InputIds[i];
        var input = tensor(ids, [prompts.Count, width], device: device);
        var embeddings = model.Embed(input, Encode(prompts, device, cancellation));
        cancellation.ThrowIfCancellationRequested();
        return new Continuation(model.Decoder, embeddings, [.. prompts.Select(prompt => (long)prompt.InputIds.Length)], newTokens, rows, model.Spans(input), cancellation: cancellation);
    }

    // [tiles, image tokens, hidden] of all prompts in their order; null where there are no images.
    private Tensor? Encode(IReadOnlyList<Sample> prompts, Device device, CancellationToken cancellation)
    {
        var first = new Dictionary<float[], int>(ReferenceEqualityComparer.Instance);
        var distinct = new List<Sample>();
        var tiles = 0;
        foreach (var prompt in prompts.Where(prompt => prompt.Tiles > 0))
        {
            if (!first.TryAdd(prompt.Pixels, tiles)) continue;
            distinct.Add(prompt);
            tiles += prompt.Tiles;
        }
        if (tiles == 0) return null;
        var features = new List<Tensor>();
        foreach (var chunk in distinct.SelectMany(prompt => Enumerable.Range(0, prompt.Tiles).Select(tile => (prompt, tile))).Chunk(TilesAtOnce))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var size = chunk[0].prompt.Pixels.Length / chunk[0].prompt.Tiles;
            var side = (long)Math.Sqrt(size / 3);
            var pixels = new float[chunk.Length * size];
            for (var i = 0; i < chunk.Length; i++) chunk[i].prompt.Pixels.AsSpan(chunk[i].tile * size, size).CopyTo(pixels.AsSpan(i * size));
            features.Add(model.EncodeImages(tensor(pixels, [chunk.Length, 3, side, side], device: device)).MoveToOuterDisposeScope());
        }
        var all = cat(features);
        var wanted = prompts.Where(prompt => prompt.Tiles > 0).SelectMany(prompt => Enumerable.Range(first[prompt.Pixels], prompt.Tiles)).Select(tile => (long)tile).ToArray();
        return all.index_select(0, tensor(wanted, device: device));
    }

    private sealed record Answer(AnswerText Text, List<int> Ids, List<float> Chances);

    private readonly struct EvaluationMode : IDisposable
    {
        private readonly VisionLanguageModel model;
        private readonly bool wasTraining;

        public EvaluationMode(VisionLanguageModel model)
        {
            (this.model, wasTraining) = (model, model.training);
            if (wasTraining) model.eval();
        }

        public void Dispose()
        {
            if (wasTraining) model.train();
        }
    }
}
