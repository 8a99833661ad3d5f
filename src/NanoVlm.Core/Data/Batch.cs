namespace NanoVlm.Data;

/// <summary>Samples side by side, as plain arrays ready for tensors.</summary>
/// <param name="Size">Rows, B.</param>
/// <param name="Length">Tokens of a row, T: the longest row's, rounded up to a multiple of 8.</param>
/// <param name="InputIds">Token ids, <c>[B, T]</c>, padded on the right.</param>
/// <param name="Labels">What each position has to predict, or <see cref="SampleBuilder.IgnoreLabel"/>, <c>[B, T]</c>.</param>
/// <param name="AttentionMask">1 for tokens, 0 for padding, <c>[B, T]</c>.</param>
/// <param name="Tiles">Tiles of all rows together, N.</param>
/// <param name="TileSize">Side of a tile in pixels, S.</param>
/// <param name="Pixels">The tiles in the order of the rows and of the samples in them, <c>[N, 3, S, S]</c>.</param>
/// <param name="Rows">The samples of each row, in order.</param>
/// <param name="State">Where the loader stands after this batch; null: it comes from no loader.</param>
/// <param name="Layout">Where a row holds several samples or turns that do not see each other, or null.</param>
public sealed record Batch(
    int Size, int Length, long[] InputIds, long[] Labels, long[] AttentionMask,
    int Tiles, int TileSize, float[] Pixels, IReadOnlyList<IReadOnlyList<BatchSample>> Rows, LoaderState? State = null, BatchLayout? Layout = null)
{
    private const int LengthMultiple = 8;

    /// <summary>Where each sample comes from, in the order of the rows.</summary>
    public IEnumerable<string> Origins => Rows.SelectMany(row => row).Select(sample => sample.Origin);

    /// <summary>How many samples it has.</summary>
    public int SampleCount { get; } = Rows.Sum(row => row.Count);

    /// <summary>How many positions hold a token, not padding.</summary>
    public int TokenCount { get; } = Rows.Sum(row => row.Sum(sample => sample.Tokens));

    /// <summary>How many positions have a label.</summary>
    public int LabelCount { get; } = Labels.Count(label => label != SampleBuilder.IgnoreLabel);

    /// <summary>Puts samples side by side, a row for each.</summary>
    /// <param name="samples">The samples, at least one.</param>
    /// <param name="padTokenId">Fills up short rows.</param>
    /// <param name="tileSize">Side of a tile in pixels.</param>
    /// <param name="state">Where the loader stands after them.</param>
    public static Batch Collate(IReadOnlyList<Sample> samples, int padTokenId, int tileSize, LoaderState? state = null) =>
        Collate([.. samples.Select(sample => new[] { sample })], padTokenId, tileSize, state);

    /// <summary>Puts packed rows side by side. The samples of a row are documents 1, 2, ... of its layout, each from position 0.</summary>
    /// <param name="rows">The samples of each row, at least one.</param>
    /// <param name="padTokenId">Fills up short rows.</param>
    /// <param name="tileSize">Side of a tile in pixels.</param>
    /// <param name="state">Where the loader stands after them.</param>
    /// <exception cref="ArgumentException">A sample with independent turns shares its row.</exception>
    public static Batch Collate(IReadOnlyList<IReadOnlyList<Sample>> rows, int padTokenId, int tileSize, LoaderState? state = null)
    {
        var length = (rows.Max(row => row.Sum(sample => sample.InputIds.Length)) + LengthMultiple - 1) / LengthMultiple * LengthMultiple;
        var samples = rows.SelectMany(row => row).ToArray();
        var ids = new long[rows.Count * length];
        var labels = new long[ids.Length];
        var mask = new long[ids.Length];
        Array.Fill(ids, padTokenId);
        Array.Fill(labels, SampleBuilder.IgnoreLabel);
        var pixels = GC.AllocateUninitializedArray<float>(samples.Sum(sample => sample.Pixels.Length));
        var filled = 0;
        for (var row = 0; row < rows.Count; row++)
        {
            var at = row * length;
            foreach (var sample in rows[row])
            {
                for (var i = 0; i < sample.InputIds.Length; i++, at++)
                    (ids[at], labels[at], mask[at]) = (sample.InputIds[i], sample.Labels[i], 1);
                sample.Pixels.CopyTo(pixels, filled);
                filled += sample.Pixels.Length;
            }
        }
        return new Batch(
            rows.Count, length, ids, labels, mask, samples.Sum(sample => sample.Tiles), tileSize, pixels,
            [.. rows.Select(row => row.Select(BatchSample.Of).ToArray())], state,
            BatchLayout.Of(rows, length));
    }
}

/// <summary>A sample of a batch.</summary>
/// <param name="Source">Which of the mix's sources it is from.</param>
/// <param name="Origin">Where it comes from, for messages.</param>
/// <param name="Tokens">Its length.</param>
/// <param name="Labels">Its positions with a label.</param>
/// <param name="Images">Its images.</param>
/// <param name="Tiles">Their tiles.</param>
public sealed record BatchSample(int Source, string Origin, int Tokens, int Labels, int Images, int Tiles)
{
    internal static BatchSample Of(Sample sample) =>
        new(sample.Source, sample.Origin, sample.InputIds.Length, sample.Labels.Count(label => label != SampleBuilder.IgnoreLabel), sample.Images, sample.Tiles);
}

/// <summary>How samples, or independent turns (see <see cref="SampleLayout"/>), stand in the rows of a batch without seeing each other.</summary>
/// <param name="Positions">Where each token stands in its own sample or turn, <c>[B, T]</c>.</param>
/// <param name="Documents">The sample of the row, or the turn, it belongs to, from 1; 0: the beginning that turns share; -1: padding, <c>[B, T]</c>.</param>
/// <param name="LastPosition">The largest position.</param>
public sealed record BatchLayout(long[] Positions, long[] Documents, int LastPosition)
{
    internal static BatchLayout? Of(IReadOnlyList<IReadOnlyList<Sample>> rows, int length)
    {
        if (rows.All(row => row is [{ Layout: null }])) return null;
        var positions = new long[rows.Count * length];
        var documents = new long[positions.Length];
        Array.Fill(documents, -1);
        for (var row = 0; row < rows.Count; row++)
        {
            var at = row * length;
            for (var document = 0; document < rows[row].Count; document++)
            {
                var sample = rows[row][document];
                if (sample.Layout is not null && rows[row].Count > 1)
                    throw new ArgumentException($"{sample.Origin}: a sample with independent turns cannot share a row.");
                for (var i = 0; i < sample.InputIds.Length; i++, at++)
                    (positions[at], documents[at]) = sample.Layout is { } layout ? (layout.Positions[i], layout.Documents[i]) : (i, document + 1);
            }
        }
        return new BatchLayout(positions, documents, (int)positions.Max());
    }
}
