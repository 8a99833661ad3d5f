using NanoVlm.Native;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    /// <summary>
    /// Attention of one new token a row to the keys that a cache holds: adds the token's key and value, in the slot of the oldest where the row's slots are full,
    /// and sees all that are there then. No gradients.
    /// </summary>
    /// <param name="q">[B, 1, H, D].</param>
    /// <param name="k">[B, 1, G, D]; H is a multiple of G.</param>
    /// <param name="v">[B, 1, G, D].</param>
    /// <param name="keys">[R, S, G, D], contiguous; added to.</param>
    /// <param name="values">As keys.</param>
    /// <param name="rows">[B], Int64: the place of each row among the R; none twice.</param>
    /// <param name="lengths">[B], Int64: the tokens that each row has had.</param>
    /// <param name="longest">The largest of them.</param>
    /// <param name="scale">Factor on the scores.</param>
    /// <returns>[B, 1, H, D].</returns>
    public static Tensor CachedAttention(Tensor q, Tensor k, Tensor v, Tensor keys, Tensor values, Tensor rows, Tensor lengths, long longest, double scale)
    {
        if (IsNative(q)) return NativeCachedAttention(q, k, v, keys, values, rows, lengths, scale);
        var slots = keys.shape[1];
        var slot = (rows * scalar(slots)).plus(lengths.remainder(scalar(slots)));
        keys.flatten(0, 1).index_copy_(0, slot, k.squeeze(1));
        values.flatten(0, 1).index_copy_(0, slot, v.squeeze(1));
        var held = Math.Min(longest + 1, slots);
        var there = range(held, device: q.device) <= lengths.unsqueeze(1); // [B, held]
        return Attention(q, Held(keys), Held(values), scale, new Visibility { KeyMask = there });

        Tensor Held(Tensor memory) => memory.narrow(1, 0, held).index_select(0, rows);
    }

    private static Tensor NativeCachedAttention(Tensor q, Tensor k, Tensor v, Tensor keys, Tensor values, Tensor rows, Tensor lengths, double scale)
    {
        var (query, key) = (q.shape, k.shape);
        if (query is not [var batch, 1, var heads, var dim] || key is not [var entries, 1, > 0 and var groups, var size] || entries != batch || size != dim || heads % groups != 0
            || keys.shape is not [var places, > 0 and var slots, var own, var width] || own != groups || width != dim || !keys.is_contiguous() || !values.is_contiguous()
            || new[] { k, v, keys, values }.Any(tensor => tensor.dtype != q.dtype))
            throw new ArgumentException($"CachedAttention: q {Shape(q)}, k {Shape(k)}, v {Shape(v)}, keys {Shape(keys)}, values {Shape(values)}; expected one dtype, [B, 1, H, D], [B, 1, G, D] twice, "
                + "[R, S, G, D] twice, contiguous.");
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        (q, k, v, rows, lengths) = (q.contiguous(), k.contiguous(), v.contiguous(), rows.contiguous(), lengths.contiguous());
        var y = Like(q, q.dtype);
        var attention = new CachedAttentionArguments
        {
            Batch = batch,
            Heads = heads,
            Groups = groups,
            Dim = dim,
            CacheRows = places,
            Slots = slots,
            Q = At(q),
            K = At(k),
            V = At(v),
            Keys = At(keys),
            Values = At(values),
            Rows = At(rows),
            Lengths = At(lengths),
            Out = At(y),
            Scale = (float)scale,
            Type = TypeOf(q),
        };
        var threads = Threads;
        var bad = KernelLibrary.AttendCached(attention, Scratch(KernelLibrary.AttendCachedScratch(attention, threads)), threads);
        if (bad >= 0) throw new ArgumentException($"CachedAttention: row {rows[bad].item<long>()} of {places} with {lengths[bad].item<long>()} tokens.");
        return y.MoveToOuterDisposeScope();
    }
}
