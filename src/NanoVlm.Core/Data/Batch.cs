using System.Runtime.InteropServices;

namespace NanoVlm.Data;

/// <summary>A place in the endless order of samples: the next to read. Written into a checkpoint, it resumes exactly there.</summary>
/// <param name="Epoch">Passes over the set completed, from 0.</param>
/// <param name="Index">Samples of this pass already read.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct LoaderPosition(int Epoch, int Index);

/// <summary>Samples side by side, as plain arrays ready for tensors.</summary>
/// <param name="Size">Rows, B.</param>
/// <param name="Length">Tokens of a row, T: the longest row's, rounded up to a multiple of 8.</param>
/// <param name="InputIds">Token ids, <c>[B, T]</c>, padded on the right.</param>
/// <param name="Labels">What each position has to predict, or <see cref="SampleBuilder.IgnoreLabel"/>, <c>[B, T]</c>.</param>
/// <param name="AttentionMask">1 for tokens, 0 for padding, <c>[B, T]</c>.</param>
/// <param name="Tiles">Tiles of all rows together, N.</param>
/// <param name="TileSize">Side of a tile in pixels, S.</param>
/// <param name="Pixels">The tiles in the order of the rows and of the samples in them, <c>[N, 3, S, S]</c>.</param>
/// <param name="Origins">Where each sample comes from, in the same order, for messages.</param>
/// <param name="Next">The position after this batch.</param>
/// <param name="Layout">Where a row holds several samples or turns that do not see each other, or null.</param>
public sealed record Batch(
    int Size, int Length, long[] InputIds, long[] Labels, long[] AttentionMask,
    int Tiles, int TileSize, float[] Pixels, IReadOnlyList<string> Origins, LoaderPosition Next, BatchLayout? Layout = null)
{
    private const int LengthMultiple = 8;

    /// <summary>How many positions have a label.</summary>
    public int LabelCount { get; } = Labels.Count(label => label != SampleBuilder.IgnoreLabel);

    /// <summary>Puts samples side by side, a row for each.</summary>
    /// <param name="samples">The samples, at least one.</param>
    /// <param name="padTokenId">Fills up short rows.</param>
    /// <param name="tileSize">Side of a tile in pixels.</param>
    /// <param name="next">The position after them.</param>
    public static Batch Collate(IReadOnlyList<Sample> samples, int padTokenId, int tileSize, LoaderPosition next) =>
        Collate([.. samples.Select(sample => new[] { sample })], padTokenId, tileSize, next);

    /// <summary>Puts packed rows side by side. The samples of a row are documents 1, 2, ... of its layout, each from position 0.</summary>
    /// <param name="rows">The samples of each row, at least one.</param>
    /// <param name="padTokenId">Fills up short rows.</param>
    /// <param name="tileSize">Side of a tile in pixels.</param>
    /// <param name="next">The position after them.</param>
    /// <exception cref="ArgumentException">A sample with independent turns shares its row.</exception>
    public static Batch Collate(IReadOnlyList<IReadOnlyList<Sample>> rows, int padTokenId, int tileSize, LoaderPosition next)
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
            rows.Count, length, ids, labels, mask, samples.Sum(sample => sample.Tiles), tileSize, pixels, [.. samples.Select(sample => sample.Origin)], next,
            BatchLayout.Of(rows, length));
    }
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
