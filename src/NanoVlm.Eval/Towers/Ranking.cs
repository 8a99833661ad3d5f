using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Towers;

/// <summary>Where the right answer stands among all when they are ordered by their scores. Equal scores count against it, so that a model whose vectors are all the
/// same finds nothing.</summary>
internal static class Ranking
{
    /// <summary>The rank of each row's best right column.</summary>
    /// <param name="scores">[rows, columns].</param>
    /// <param name="right">The columns that are right in each row; a row with none gets the last rank plus one.</param>
    /// <returns>From 1.</returns>
    public static int[] Of(Tensor scores, IReadOnlyList<IReadOnlyList<int>> right)
    {
        var (rows, columns) = ((int)scores.shape[0], (int)scores.shape[1]);
        using var scope = NewDisposeScope();
        var values = scores.to(ScalarType.Float32).contiguous().data<float>().ToArray();
        var ranks = new int[rows];
        Parallel.For(0, rows, row =>
        {
            var own = values.AsSpan(row * columns, columns);
            var best = float.NegativeInfinity;
            foreach (var column in right[row]) best = Math.Max(best, own[column]);
            var before = 0;
            foreach (var value in own)
                if (!(value < best)) before++; // not a number stands before everything
            foreach (var column in right[row])
                if (!(own[column] < best)) before--; // other right ones are not in the way
            ranks[row] = right[row].Count == 0 ? columns + 1 : before + 1;
        });
        return ranks;
    }
}
