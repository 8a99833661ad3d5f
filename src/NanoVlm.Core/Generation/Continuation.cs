using NanoVlm.Language;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>A batch of texts that are being continued: each row's keys and values, and what comes next in it. Rows can leave, and be taken twice.</summary>
internal sealed class Continuation : IDisposable
{
    private readonly CausalLanguageModel decoder;
    private readonly KvCache cache;
    private long[] positions; // of each row's next token
    private Tensor logits;

    /// <summary>Reads the prompts.</summary>
    /// <param name="decoder">The language model.</param>
    /// <param name="embeddings">[B, T, hidden]; prompts stand on the left, padding behind them.</param>
    /// <param name="lengths">Tokens of each prompt.</param>
    /// <param name="newTokens">The most tokens to come.</param>
    /// <param name="rows">The most rows there will be; null: as many as prompts.</param>
    /// <param name="spans">As for <see cref="CausalLanguageModel.forward"/>.</param>
    /// <param name="layout">Where prompts do not stand at 0, 1, ..., each row's positions and the last of them.</param>
    /// <param name="cancellation">Stops between layers.</param>
    public Continuation(
        CausalLanguageModel decoder, Tensor embeddings, IReadOnlyList<long> lengths, long newTokens, int? rows = null, Tensor? spans = null, RowLayout? layout = null,
        CancellationToken cancellation = default)
    {
        this.decoder = decoder;
        cache = new KvCache(decoder.Config, Math.Max(rows ?? 0, lengths.Count), lengths.Max() + newTokens) { Cancellation = cancellation };
        positions = [.. lengths.Select((length, row) => (layout?.LastPositions?[row] ?? length - 1) + 1)];
        try
        {
            if (lengths.Count < (rows ?? 0)) cache.Select([.. Enumerable.Range(0, lengths.Count)]);
            using var scope = NewDisposeScope();
            var width = embeddings.shape[1];
            layout ??= new RowLayout(range(width, device: embeddings.device).expand(lengths.Count, width), null, width - 1) { LastPositions = [.. lengths.Select(length => length - 1)] };
            var last = tensor(lengths.Select((length, row) => row * width + length - 1).ToArray(), device: embeddings.device);
            var hidden = decoder.forward(embeddings, cache: cache, layout: layout, rows: last, spans: spans, lengths: lengths); // [B, hidden]
            logits = decoder.Logits(hidden).DetachFromDisposeScope();
        }
        catch
        {
            cache.Dispose();
            throw;
        }
    }

    /// <summary>How many rows there are.</summary>
    public int Rows => positions.Length;

    /// <summary>[B, vocabulary], float32: of the token that comes next.</summary>
    public Tensor Logits => logits;

    /// <summary>Appends a token to every row.</summary>
    /// <param name="tokens">[B], Int64.</param>
    public void Append(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var place = tensor(positions, [Rows, 1], device: tokens.device);
        var hidden = decoder.forward(decoder.Embed(tokens.unsqueeze(1)), cache: cache, layout: new RowLayout(place, null, positions.Max()) { LastPositions = positions }); // [B, 1, hidden]
        for (var row = 0; row < positions.Length; row++) positions[row]++;
        Give(decoder.Logits(hidden.squeeze(1)));
    }

    /// <summary>The hidden states of texts that might come next, one a row; nothing is kept of them but their keys and values.</summary>
    /// <param name="tokens">[B, T], Int64; padding behind them.</param>
    /// <returns>[B, T, hidden], after the final norm.</returns>
    public Tensor Read(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        // Angles that depend on the length are of a token's own place, as they are when it is decoded: not of what comes behind it.
        var piece = decoder.AnglesDependOnLength(positions.Max() + tokens.shape[1] - 1) ? 1 : tokens.shape[1];
        var states = new List<Tensor>();
        for (long start = 0; start < tokens.shape[1]; start += piece)
        {
            var lasts = positions.Select(position => position + start + piece - 1).ToArray();
            var places = tensor(positions, [Rows, 1], device: tokens.device).plus(range(start, start + piece, device: tokens.device));
            states.Add(decoder.forward(decoder.Embed(tokens.narrow(1, start, piece)), cache: cache, layout: new RowLayout(places, null, lasts.Max()) { LastPositions = lasts }));
        }
        return cat(states, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Goes on with these rows.</summary>
    public void Select(IReadOnlyList<int> rows)
    {
        using var scope = NewDisposeScope();
        cache.Select(rows);
        positions = [.. rows.Select(row => positions[row])];
        Give(logits.index_select(0, tensor(rows.Select(row => (long)row).ToArray(), device: logits.device)));
    }

    public void Dispose()
    {
        cache.Dispose();
        logits.Dispose();
    }

    private void Give(Tensor next)
    {
        logits.Dispose();
        logits = next.DetachFromDisposeScope();
    }
}
