using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

/// <summary>Which keys each query of an attention sees: everything that is given must allow it. The queries are the last of the keys.</summary>
public sealed record Visibility
{
    /// <summary>Every key.</summary>
    public static readonly Visibility All = new();

    /// <summary>[B, S], integer: keys with 0 are not seen.</summary>
    public Tensor? KeyMask { get; init; }

    /// <summary>[B, S], Int64: a query sees the keys of its own document and of document 0, which all share.</summary>
    public Tensor? Documents { get; init; }

    /// <summary>[B, S], Int64: where each key stands in its own document, where that is not its place in the row. Windows count in it.</summary>
    public Tensor? Positions { get; init; }

    /// <summary>[B, S], Int64: keys of the query's own span are seen from before too, whatever the window; 0: no span. Gemma-3's images.</summary>
    public Tensor? Spans { get; init; }

    /// <summary>Whether a query sees the keys up to itself only.</summary>
    public bool Causal { get; init; }

    /// <summary>How many of the last keys, itself included, a query sees; 0: all.</summary>
    public long Window { get; init; }

    /// <summary>What the composite gives a query that may see nothing, such as padding before a text: the mean of all keys, as in transformers,
    /// or of the keys before it, as in nanoVLM. Transformers' loss takes in the last such query, which predicts the first token.</summary>
    public bool PaddingSeesAll { get; init; }

    /// <summary>[documents + 1], Int32: where each document of a packed batch begins among the B T tokens, and where the last ends; padding is a document too. Null
    /// where documents share anything, or see more than what is before them.</summary>
    public Tensor? DocumentStarts { get; init; }

    /// <summary>The length of the longest of those documents.</summary>
    public long LongestDocument { get; init; }

    /// <summary>Whether nothing but the order of the tokens hides a key.</summary>
    internal bool IsCausalAlone => this is { Causal: true, Window: 0, KeyMask: null, Documents: null, Spans: null };

    /// <summary>What is added to scores: 0 where a key is seen.</summary>
    /// <param name="queries">T.</param>
    /// <param name="keys">S.</param>
    /// <param name="device">Where it is wanted.</param>
    /// <param name="dtype">The scores' dtype.</param>
    /// <returns>[1 or B, 1, T or 1, S]; null: everything is seen.</returns>
    internal Tensor? Mask(long queries, long keys, Device device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var seen = Seen(queries, keys, device)?.unsqueeze(1); // [1 or B, 1, T, S]
        var hidden = KeyMask is null ? null : (KeyMask == scalar(0)).unsqueeze(1).unsqueeze(1); // [B, 1, 1, S]
        if (PaddingSeesAll && hidden is not null && seen is not null) (hidden, seen) = (hidden | seen.logical_not(), null);
        var mask = hidden is null ? null : hidden.to(dtype) * scalar(finfo(dtype).min);
        if (seen is not null)
        {
            var never = zeros_like(seen, dtype).masked_fill(seen.logical_not(), scalar(double.NegativeInfinity));
            mask = mask is null ? never : mask.plus(never);
        }
        return mask?.MoveToOuterDisposeScope();
    }

    /// <summary>The tensors, null where there is none, for <see cref="Of"/>.</summary>
    internal Tensor?[] Tensors => [KeyMask, Documents, Positions, Spans];

    /// <summary>The same rules of these tensors, in the order of <see cref="Tensors"/>.</summary>
    internal Visibility Of(ReadOnlySpan<Tensor?> tensors) => this with { KeyMask = tensors[0], Documents = tensors[1], Positions = tensors[2], Spans = tensors[3] };

    /// <summary>All but the key mask as one.</summary>
    /// <returns>[1 or B, T, S], Bool; null: everything is seen.</returns>
    internal Tensor? Seen(long queries, long keys, Device device)
    {
        Tensor? seen = null;
        if (Causal && (queries > 1 || Window > 0))
        {
            var key = range(keys, device: device);
            var distance = key.narrow(0, keys - queries, queries).unsqueeze(1) - key; // [T, S]
            seen = (distance >= scalar(0)).unsqueeze(0);
            if (Window > 0)
                seen = seen & ((Positions is null ? distance.unsqueeze(0) : Last(Positions, queries).unsqueeze(2) - Positions.unsqueeze(1)) < scalar(Window));
        }
        if (Spans is not null)
            seen = seen is null ? null : seen | ((Last(Spans, queries).unsqueeze(2) == Spans.unsqueeze(1)) & (Spans != scalar(0)).unsqueeze(1));
        if (Documents is not null)
        {
            var own = (Last(Documents, queries).unsqueeze(2) == Documents.unsqueeze(1)) | (Documents == scalar(0)).unsqueeze(1); // [B, T, S]
            seen = seen is null ? own : seen & own;
        }
        return seen;
    }

    /// <summary>The same rules where keys of no span stand before these.</summary>
    /// <param name="keys">How many.</param>
    internal Visibility After(long keys) => Spans is null ? this : this with { Spans = cat([zeros(Spans.shape[0], keys, Spans.dtype, Spans.device), Spans], 1) };

    private static Tensor Last(Tensor of, long queries) => of.narrow(1, of.shape[1] - queries, queries);
}
