using static TorchSharp.torch;

namespace NanoVlm.Language;

/// <summary>
/// How several texts stand in one row without seeing each other: a query sees the keys of its own document and of document 0,
/// which all share, such as an image before independent questions. Packed rows share nothing: their documents count from 1.
/// </summary>
/// <param name="Positions">[B, T], Int64: where each token stands in its own text.</param>
/// <param name="Documents">[B, T], Int64: which text it belongs to; 0: to all. Null: each row is one text.</param>
/// <param name="LastPosition">The largest position.</param>
public sealed record RowLayout(Tensor Positions, Tensor? Documents, long LastPosition)
{
    /// <summary>The largest position of each row, where rotary angles that depend on a text's length go by the row's own; null: by the longest.</summary>
    public IReadOnlyList<long>? LastPositions { get; init; }

    /// <summary>[documents + 1], Int32: where each document begins among the B T tokens, and where the last one ends; padding is a document too. With it CUDA attends
    /// within documents without a mask. Null where documents share anything.</summary>
    public Tensor? DocumentStarts { get; init; }

    /// <summary>The length of the longest of those documents.</summary>
    public long LongestDocument { get; init; }
}
