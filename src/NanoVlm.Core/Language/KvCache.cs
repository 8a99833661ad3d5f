using static TorchSharp.torch;

namespace NanoVlm.Language;

/// <summary>
/// Keys and values of the tokens seen so far, for every layer, in memory of a fixed capacity: decoding appends without
/// copying what is there.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly (Tensor Keys, Tensor Values)?[] layers;
    private readonly long capacity;

    /// <param name="layers">The decoder's number of layers.</param>
    /// <param name="capacity">The most tokens it will hold.</param>
    public KvCache(int layers, long capacity)
    {
        this.layers = new (Tensor, Tensor)?[layers];
        this.capacity = capacity;
    }

    /// <summary>Tokens held: the position of the next one.</summary>
    public long Length { get; private set; }

    /// <summary>Adds a layer's keys and values and returns all of that layer's so far.</summary>
    /// <param name="layer">The layer's number.</param>
    /// <param name="keys">[B, T, G, D], rotated.</param>
    /// <param name="values">[B, T, G, D].</param>
    /// <returns>Two views [B, length, G, D].</returns>
    /// <exception cref="InvalidOperationException">The capacity is exceeded.</exception>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        var shape = keys.shape;
        var length = Length + shape[1];
        if (length > capacity) throw new InvalidOperationException($"The cache holds {capacity} tokens; {length} are asked for.");
        if (layers[layer] is not { } memory)
        {
            long[] full = [shape[0], capacity, shape[2], shape[3]];
            memory = (empty(full, keys.dtype, keys.device).DetachFromDisposeScope(), empty(full, keys.dtype, keys.device).DetachFromDisposeScope());
            layers[layer] = memory;
        }
        memory.Keys.narrow(1, Length, shape[1]).copy_(keys);
        memory.Values.narrow(1, Length, shape[1]).copy_(values);
        if (layer == layers.Length - 1) Length = length;
        return (memory.Keys.narrow(1, 0, length), memory.Values.narrow(1, 0, length));
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (var layer in layers)
        {
            layer?.Keys.Dispose();
            layer?.Values.Dispose();
        }
        Array.Clear(layers);
    }
}
