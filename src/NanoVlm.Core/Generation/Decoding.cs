using NanoVlm.Language;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>The decode loop: one pass over the prompt, then one token at a time on cached keys and values.</summary>
public static class Decoding
{
    /// <summary>Continues a batch of prompts.</summary>
    /// <param name="model">The model, in evaluation mode.</param>
    /// <param name="inputIds">[B, T], Int64; shorter prompts are padded on the left.</param>
    /// <param name="pixelValues">[N, 3, H, W] in the order of the placeholders, or null.</param>
    /// <param name="attentionMask">[B, T], 0 where padding is, or null.</param>
    /// <param name="maxNewTokens">The most tokens to add.</param>
    /// <param name="sampler">How the next token is chosen.</param>
    /// <param name="endOfText">A row that made it is filled with it; when all rows have, the loop ends. Null: never.</param>
    /// <returns>[B, new tokens], Int64.</returns>
    public static Tensor Generate(
        VisionLanguageModel model, Tensor inputIds, Tensor? pixelValues, Tensor? attentionMask, int maxNewTokens, Sampler sampler, long? endOfText = null)
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var features = pixelValues is null ? null : model.EncodeImages(pixelValues);
        var embeddings = model.Embed(inputIds, features);
        return Continue(model.Decoder, embeddings, attentionMask, model.ComputeDtype, maxNewTokens, sampler, endOfText, model.Spans(inputIds)).MoveToOuterDisposeScope();
    }

    /// <summary>Continues a batch of prompts given as embeddings.</summary>
    /// <param name="decoder">The language model.</param>
    /// <param name="embeddings">[B, T, hidden].</param>
    /// <param name="attentionMask">[B, T], 0 where padding is, or null.</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <param name="maxNewTokens">The most tokens to add.</param>
    /// <param name="sampler">How the next token is chosen.</param>
    /// <param name="endOfText">As for <see cref="Generate"/>.</param>
    /// <param name="spans">[B, T], which tokens see each other in both directions; see <see cref="CausalLanguageModel.forward"/>.</param>
    /// <returns>[B, new tokens], Int64.</returns>
    public static Tensor Continue(
        CausalLanguageModel decoder, Tensor embeddings, Tensor? attentionMask, ScalarType dtype, int maxNewTokens, Sampler sampler, long? endOfText, Tensor? spans = null)
    {
        using var scope = NewDisposeScope();
        var made = new List<Tensor>();
        foreach (var token in Steps(decoder, embeddings, attentionMask, dtype, maxNewTokens, sampler, spans))
        {
            var next = token;
            if (endOfText is { } end && made.Count > 0)
                next = where(made[^1] == end, made[^1], token);
            made.Add(next);
            if (endOfText is { } last && (next == last).all().ToBoolean()) break;
        }
        var result = made.Count == 0 ? empty(embeddings.shape[0], 0, ScalarType.Int64, embeddings.device) : cat(made, 1);
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Continues one prompt token by token, until the end of text.</summary>
    /// <param name="model">The model, in evaluation mode.</param>
    /// <param name="inputIds">[1, T], Int64.</param>
    /// <param name="pixelValues">[N, 3, H, W], or null.</param>
    /// <param name="maxNewTokens">The most tokens to add.</param>
    /// <param name="sampler">How the next token is chosen.</param>
    /// <param name="endOfText">Ends the text; it is not given out.</param>
    /// <param name="onToken">Gets each token's id as it is made.</param>
    /// <returns>Whether the end of the text was reached.</returns>
    public static bool Stream(
        VisionLanguageModel model, Tensor inputIds, Tensor? pixelValues, int maxNewTokens, Sampler sampler, long? endOfText, Action<int> onToken)
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var features = pixelValues is null ? null : model.EncodeImages(pixelValues);
        foreach (var token in Steps(model.Decoder, model.Embed(inputIds, features), null, model.ComputeDtype, maxNewTokens, sampler, model.Spans(inputIds)))
        {
            var id = token.ToInt64();
            if (id == endOfText) return true;
            onToken((int)id);
        }
        return false;
    }

    // The next token of every row, [B, 1], as often as asked for.
    private static IEnumerable<Tensor> Steps(CausalLanguageModel decoder, Tensor embeddings, Tensor? attentionMask, ScalarType dtype, int maxNewTokens, Sampler sampler, Tensor? spans)
    {
        using var cache = new KvCache(decoder.Layers, embeddings.shape[1] + maxNewTokens);
        var input = embeddings;
        var mask = attentionMask;
        for (var step = 0; step < maxNewTokens; step++)
        {
            var hidden = decoder.forward(input, mask, cache, spans: step == 0 ? spans : null);
            var token = sampler.Next(decoder.Logits(hidden.narrow(1, hidden.shape[1] - 1, 1)).squeeze(1));
            yield return token;
            input = decoder.Embed(token, dtype);
            if (mask is not null) mask = cat([mask, ones_like(token)], 1);
        }
    }
}
