using NanoVlm.Kernels;
using System.Globalization;
using NanoVlm.Configuration;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Language;

/// <summary>
/// Keys and values of the tokens that each row has seen, for every layer, in memory of a fixed capacity: decoding appends without copying what is
/// there. Rows have lengths of their own, and hold no padding. Sliding-window layers keep their window alone.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly LanguageConfig config;
    private readonly long capacity;
    private readonly (Tensor Keys, Tensor Values)[] layers; // [places, slots, G, D]; token i is in slot i mod slots
    private readonly int places;
    private int[] placeOf; // of each row
    private long[] lengths;
    private long[] coming = [];
    private (Tensor Places, Tensor Lengths)? tensors;

    /// <param name="config">The decoder's architecture.</param>
    /// <param name="rows">The most rows at a time.</param>
    /// <param name="capacity">The most tokens a row will hold.</param>
    public KvCache(LanguageConfig config, int rows, long capacity)
    {
        (this.config, this.capacity, places) = (config, capacity, rows);
        layers = new (Tensor, Tensor)[config.NumHiddenLayers];
        placeOf = [.. Enumerable.Range(0, rows)];
        lengths = new long[rows];
    }

    /// <summary>Tokens that each row holds.</summary>
    public IReadOnlyList<long> Lengths => lengths;

    /// <summary>Bytes of memory taken.</summary>
    public long Bytes => layers.Sum(layer => layer.Keys is null ? 0 : 2 * layer.Keys.numel() * layer.Keys.element_size());

    /// <summary>Stops a pass between layers.</summary>
    internal CancellationToken Cancellation { get; init; }

    /// <summary>Goes on with some of the rows, in another order if need be, and frees the places of the others. A row that is wanted twice is copied to a
    /// free place.</summary>
    /// <param name="rows">Which of the rows now.</param>
    /// <exception cref="InvalidOperationException">There are more rows than places.</exception>
    public void Select(IReadOnlyList<int> rows)
    {
        if (rows.Count > places) throw new InvalidOperationException($"The cache has places for {places} rows; {rows.Count} are asked for.");
        using var scope = NewDisposeScope();
        var free = new Queue<int>(Enumerable.Range(0, places).Except(rows.Select(row => placeOf[row])));
        var taken = new HashSet<int>();
        var selected = new int[rows.Count];
        for (var i = 0; i < selected.Length; i++)
        {
            selected[i] = placeOf[rows[i]];
            if (taken.Add(selected[i])) continue;
            var copy = free.Dequeue();
            foreach (var (keys, values) in layers)
                foreach (var memory in new[] { keys, values })
                    memory?.select(0, copy).copy_(memory.select(0, selected[i]));
            selected[i] = copy;
        }
        lengths = [.. rows.Select(row => lengths[row])];
        placeOf = selected;
        Forget();
    }

    /// <summary>Says how many tokens of each row come now, before the first layer.</summary>
    /// <exception cref="InvalidOperationException">A row has no room for them.</exception>
    internal void Begin(IReadOnlyList<long> counts)
    {
        if (counts.Count != lengths.Length) throw new InvalidOperationException($"The cache holds {lengths.Length} rows; {counts.Count} come.");
        for (var row = 0; row < lengths.Length; row++)
            if (lengths[row] + counts[row] > capacity)
                throw new InvalidOperationException($"The cache holds {capacity} tokens a row; row {row} would have {lengths[row] + counts[row]}.");
        coming = [.. counts];
    }

    /// <summary>The tokens are there, after the last layer.</summary>
    internal void End()
    {
        for (var row = 0; row < lengths.Length; row++) lengths[row] += coming[row];
        Forget();
    }

    /// <summary>Adds a layer's keys and values, and attends to all that the layer holds.</summary>
    /// <param name="layer">The layer's number.</param>
    /// <param name="q">[B, T, H, D], rotated.</param>
    /// <param name="k">[B, T, G, D], rotated; what stands behind a row's tokens is padding.</param>
    /// <param name="v">[B, T, G, D].</param>
    /// <param name="scale">As for <see cref="Operators.Attention"/>.</param>
    /// <param name="seen">What the tokens see of each other and of those before.</param>
    /// <returns>[B, T, H, D].</returns>
    internal Tensor Attend(int layer, Tensor q, Tensor k, Tensor v, double scale, Visibility seen)
    {
        Cancellation.ThrowIfCancellationRequested();
        if (layers[layer].Keys is null)
        {
            if (layer == 0) CheckMemory(k);
            long[] shape = [places, Slots(layer), k.shape[2], k.shape[3]];
            // Zeros: the composite multiplies what it masks.
            layers[layer] = (zeros(shape, k.dtype, k.device).DetachFromDisposeScope(), zeros(shape, k.dtype, k.device).DetachFromDisposeScope());
        }
        var (keys, values) = layers[layer];
        var before = lengths[0];
        if (k.shape[1] == 1 && lengths.All(length => length > 0))
        {
            var (rows, held) = tensors ??= (tensor(placeOf.Select(place => (long)place).ToArray(), device: k.device).DetachFromDisposeScope(), tensor(lengths, device: k.device).DetachFromDisposeScope());
            return Operators.CachedAttention(q, k, v, keys, values, rows, held, lengths.Max(), scale);
        }
        if (lengths.Any(length => length != before)) throw new InvalidOperationException("Several tokens at a time are added to rows of one length only.");
        var attended = before == 0 ? Operators.Attention(q, k, v, scale, seen)
            : Operators.Attention(q, cat([Held(keys), k], 1), cat([Held(values), v], 1), scale, seen.After(Math.Min(before, keys.shape[1])));
        Store(keys, k);
        Store(values, v);
        return attended;

        // What the layer holds in the order of the tokens, [B, held, G, D].
        Tensor Held(Tensor memory)
        {
            var slots = memory.shape[1];
            var ordered = memory.index_select(0, tensor(placeOf.Select(place => (long)place).ToArray(), device: memory.device));
            var first = before % slots;
            return before <= slots ? ordered.narrow(1, 0, before) : cat([ordered.narrow(1, first, slots - first), ordered.narrow(1, 0, first)], 1);
        }

        void Store(Tensor memory, Tensor added)
        {
            var slots = memory.shape[1];
            for (var row = 0; row < placeOf.Length; row++)
                for (var token = Math.Max(0, coming[row] - slots); token < coming[row];)
                {
                    var slot = (before + token) % slots;
                    var count = Math.Min(coming[row] - token, slots - slot);
                    memory.select(0, placeOf[row]).narrow(0, slot, count).copy_(added.select(0, row).narrow(0, token, count));
                    token += count;
                }
        }
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Forget();
        foreach (var (keys, values) in layers)
        {
            keys?.Dispose();
            values?.Dispose();
        }
        Array.Clear(layers);
    }

    private long Slots(int layer) => config.Window(layer) is > 0 and var window ? Math.Min(window, capacity) : capacity;

    // Nobody would look for the cause of a killed process in the longest answer.
    private void CheckMemory(Tensor k)
    {
        var wanted = Enumerable.Range(0, layers.Length).Sum(layer => 2.0 * places * Slots(layer) * k.shape[2] * k.shape[3] * k.element_size());
        var there = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (k.device_type == DeviceType.CPU && wanted > there)
            throw new NanoVlmException(string.Create(CultureInfo.InvariantCulture,
                $"Keys and values of {places} rows of up to {capacity} tokens take {wanted / (1 << 30):F1} GiB; there are {there / (double)(1 << 30):F1}. Ask for fewer new tokens, or for fewer answers at once."));
    }

    private void Forget()
    {
        tensors?.Places.Dispose();
        tensors?.Lengths.Dispose();
        tensors = null;
    }
}
