namespace NanoVlm.Data;

/// <summary>Samples side by side, as plain arrays ready for tensors.</summary>
/// <param name="Size">Rows, B.</param>
/// <param name="Length">Tokens of a row, T: the longest sample's, rounded up to a multiple of 8.</param>
/// <param name="InputIds">Token ids, <c>[B, T]</c>, padded on the right.</param>
/// <param name="Labels">What each position has to predict, or <see cref="SampleBuilder.IgnoreLabel"/>, <c>[B, T]</c>.</param>
/// <param name="AttentionMask">1 for tokens, 0 for padding, <c>[B, T]</c>.</param>
/// <param name="Tiles">Tiles of all rows together, N.</param>
/// <param name="TileSize">Side of a tile in pixels, S.</param>
/// <param name="Pixels">The tiles in the order of the rows, <c>[N, 3, S, S]</c>.</param>
/// <param name="Origins">Where each row comes from, for messages.</param>
/// <param name="State">Where the loader stands after this batch; null: it comes from no loader.</param>
/// <param name="Layout">Where the turns of a row are independent of each other, or null.</param>
public sealed record Batch(
    int Size, int Length, long[] InputIds, long[] Labels, long[] AttentionMask,
    int Tiles, int TileSize, float[] Pixels, IReadOnlyList<string> Origins, LoaderState? State = null, BatchLayout? Layout = null)
{
    private const int LengthMultiple = 8;

    /// <summary>How many positions have a label.</summary>
    public int LabelCount { get; } = Labels.Count(label => label != SampleBuilder.IgnoreLabel);

    /// <summary>Puts samples side by side.</summary>
    /// <param name="samples">The samples, at least one.</param>
    /// <param name="padTokenId">Fills up short rows.</param>
    /// <param name="tileSize">Side of a tile in pixels.</param>
    /// <param name="state">Where the loader stands after them.</param>
    public static Batch Collate(IReadOnlyList<Sample> samples, int padTokenId, int tileSize, LoaderState? state = null)
    {
        var length = (samples.Max(sample => sample.InputIds.Length) + LengthMultiple - 1) / LengthMultiple * LengthMultiple;
        var ids = new long[samples.Count * length];
        var labels = new long[ids.Length];
        var mask = new long[ids.Length];
        Array.Fill(ids, padTokenId);
        Array.Fill(labels, SampleBuilder.IgnoreLabel);
        var pixels = GC.AllocateUninitializedArray<float>(samples.Sum(sample => sample.Pixels.Length));
        var filled = 0;
        for (var row = 0; row < samples.Count; row++)
        {
            var sample = samples[row];
            for (int i = 0, at = row * length; i < sample.InputIds.Length; i++, at++)
                (ids[at], labels[at], mask[at]) = (sample.InputIds[i], sample.Labels[i], 1);
            sample.Pixels.CopyTo(pixels, filled);
            filled += sample.Pixels.Length;
        }
        return new Batch(
            samples.Count, length, ids, labels, mask, samples.Sum(sample => sample.Tiles), tileSize, pixels, [.. samples.Select(sample => sample.Origin)], state,
            BatchLayout.Of(samples, length));
    }
}

/// <summary>How independent turns stand in the rows of a batch; see <see cref="SampleLayout"/>.</summary>
/// <param name="Positions">Where each token stands in its own turn, <c>[B, T]</c>.</param>
/// <param name="Documents">The turn it belongs to; 0: the shared beginning; -1: padding, <c>[B, T]</c>.</param>
/// <param name="LastPosition">The largest position.</param>
public sealed record BatchLayout(long[] Positions, long[] Documents, int LastPosition)
{
    internal static BatchLayout? Of(IReadOnlyList<Sample> samples, int length)
    {
        if (samples.All(sample => sample.Layout is null)) return null;
        var positions = new long[samples.Count * length];
        var documents = new long[positions.Length];
        Array.Fill(documents, -1);
        for (var row = 0; row < samples.Count; row++)
            for (int i = 0, at = row * length; i < samples[row].InputIds.Length; i++, at++)
                (positions[at], documents[at]) = samples[row].Layout is { } layout ? (layout.Positions[i], layout.Documents[i]) : (i, 1);
        return new BatchLayout(positions, documents, (int)positions.Max());
    }
}
