using NanoVlm.Data;
using NanoVlm.Models;
using NanoVlm.Text;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>Asks a model: prompts of images and text in, texts out.</summary>
public sealed class TextGenerator
{
    private readonly VisionLanguageModel model;
    private readonly Tokenizer tokenizer;

    /// <param name="model">The model, in evaluation mode.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    public TextGenerator(VisionLanguageModel model, Tokenizer tokenizer) => (this.model, this.tokenizer) = (model, tokenizer);

    /// <summary>Answers a batch of prompts of any lengths. Images that several prompts share (the same array of pixels) are encoded once.</summary>
    /// <param name="prompts">Prompts, as <see cref="SampleBuilder.Prompt(string, IReadOnlyList{Images.RgbImage})"/> makes them.</param>
    /// <param name="options">How.</param>
    /// <param name="seeds">Where each row's random numbers begin; null: at its place in the batch. Of no use to greedy answers.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>An answer a prompt, in their order. Greedy answers are the same alone and in any batch.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is kept.</exception>
    public IReadOnlyList<Completion> Generate(IReadOnlyList<Sample> prompts, GenerationOptions options, IReadOnlyList<int>? seeds = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var device = model.Decoder.HeadWeight.device;
        var results = new Completion[prompts.Count];
        for (var row = 0; row < prompts.Count; row++)
        {
            cancellation.ThrowIfCancellationRequested();
            var prompt = prompts[row];
            var side = (int)Math.Sqrt(prompt.Tiles == 0 ? 0 : prompt.Pixels.Length / 3 / prompt.Tiles);
            var pixels = prompt.Tiles == 0 ? null : tensor(prompt.Pixels, [prompt.Tiles, 3, side, side], device: device);
            var ids = tensor(prompt.InputIds.Select(id => (long)id).ToArray(), [1, prompt.InputIds.Length], device: device);
            var made = new List<int>();
            using var sampler = Sampler.Greedy();
            var ended = Decoding.Stream(model, ids, pixels, options.MaxNewTokens, sampler, tokenizer.EosTokenId, made.Add);
            results[row] = new Completion(made, tokenizer.Decode([.. made], skipSpecialTokens: true), ended ? StopReason.EndOfText : StopReason.MaxNewTokens);
        }
        return results;
    }
}
