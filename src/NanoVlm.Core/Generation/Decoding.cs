using NanoVlm.Language;
using NanoVlm.Models;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>Continues batches of tokens, as tensors: see <see cref="TextGenerator"/> for texts and images.</summary>
internal static class Decoding
{
    /// <summary>Continues a batch of prompts.</summary>
    /// <param name="model">The model, in evaluation mode.</param>
    /// <param name="inputIds">[B, T], Int64; shorter prompts are padded, on the left as nanoVLM does or on the right.</param>
    /// <param name="pixelValues">[N, 3, H, W] in the order of the placeholders, or null.</param>
    /// <param name="attentionMask">[B, T], 0 where padding is, or null.</param>
    /// <param name="maxNewTokens">The most tokens to add.</param>
    /// <param name="sampling">How the next token is chosen; null: the most likely one.</param>
    /// <param name="endOfText">A row that made it is filled with it; when all rows have, that is the end. Null: never.</param>
    /// <returns>[B, new tokens], Int64.</returns>
    public static Tensor Generate(
        VisionLanguageModel model, Tensor inputIds, Tensor? pixelValues, Tensor? attentionMask, int maxNewTokens, Sampling? sampling = null, long? endOfText = null)
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var features = pixelValues is null ? null : model.EncodeImages(pixelValues);
        return Continue(model.Decoder, model.Embed(inputIds, features), attentionMask, maxNewTokens, sampling, endOfText, model.Spans(inputIds)).MoveToOuterDisposeScope();
    }

    /// <summary>Continues a batch of prompts given as embeddings.</summary>
    /// <param name="decoder">The language model.</param>
    /// <param name="embeddings">[B, T, hidden].</param>
    /// <param name="attentionMask">[B, T], 0 where padding is, or null.</param>
    /// <param name="maxNewTokens">The most tokens to add.</param>
    /// <param name="sampling">As for <see cref="Generate"/>.</param>
    /// <param name="endOfText">As for <see cref="Generate"/>.</param>
    /// <param name="spans">[B, T], which tokens see each other in both directions; see <see cref="CausalLanguageModel.forward"/>.</param>
    /// <returns>[B, new tokens], Int64.</returns>
    public static Tensor Continue(
        CausalLanguageModel decoder, Tensor embeddings, Tensor? attentionMask, int maxNewTokens, Sampling? sampling = null, long? endOfText = null, Tensor? spans = null)
    {
        using var scope = NewDisposeScope();
        var (batch, width) = (embeddings.shape[0], embeddings.shape[1]);
        var lengths = Enumerable.Repeat(width, (int)batch).ToArray();
        var layout = new RowLayout(range(width, device: embeddings.device).expand(batch, width), null, width - 1) { LastPositions = [.. lengths.Select(length => length - 1)] };
        if (attentionMask is not null)
        {
            // The tokens move to the left, and keep the positions that they had among the padding.
            var order = (attentionMask == scalar(0)).to(ScalarType.Int64).mul(scalar(width)).plus(layout.Positions).argsort(1);
            lengths = (attentionMask != scalar(0)).to(ScalarType.Int64).sum(1).cpu().data<long>().ToArray();
            if (Array.IndexOf(lengths, 0) is >= 0 and var row) throw new NanoVlmException($"attention_mask: row {row} is all padding; there is nothing to continue.");
            embeddings = embeddings.gather(1, order.unsqueeze(-1).expand_as(embeddings));
            spans = spans?.gather(1, order);
            var ends = tensor(lengths.Select(length => length - 1).ToArray(), [batch, 1], device: order.device);
            layout = layout with { Positions = order, LastPositions = order.gather(1, ends).cpu().data<long>().ToArray() };
        }
        if (maxNewTokens == 0) return empty(batch, 0, ScalarType.Int64, embeddings.device).MoveToOuterDisposeScope();
        using var sampler = new Sampler(sampling ?? Sampling.Greedy, [.. Enumerable.Range(0, (int)batch)]);
        using var rows = new Continuation(decoder, embeddings, lengths, maxNewTokens, spans: spans, layout: layout);
        var made = new List<Tensor>();
        var ended = zeros(batch, ScalarType.Bool, embeddings.device);
        while (true)
        {
            var next = sampler.Next(rows.Logits);
            if (endOfText is { } end)
            {
                next = next.masked_fill(ended, scalar(end));
                ended = next == scalar(end);
            }
            made.Add(next.unsqueeze(1));
            if (made.Count == maxNewTokens || (endOfText is not null && ended.all().item<bool>())) break;
            rows.Append(next);
        }
        return cat(made, 1).MoveToOuterDisposeScope();
    }
}
