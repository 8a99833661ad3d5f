using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Analysis;

internal static class RandomFeatures
{
    /// <summary>Normal numbers, float64.</summary>
    public static Tensor Normal(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, dtype: ScalarType.Float64, generator: generator);
    }

    /// <summary>An orthogonal matrix.</summary>
    public static Tensor Rotation(int seed, long size)
    {
        using var scope = NewDisposeScope();
        var a = Normal(seed, size, size);
        return linalg.eigh(a + a.t()).Item2.MoveToOuterDisposeScope();
    }

    public static Tensor Matrix(double[,] values) => tensor(values.Cast<double>().ToArray(), [values.GetLength(0), values.GetLength(1)]);
}
