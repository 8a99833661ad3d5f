using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>Tensors and plain numbers, side by side.</summary>
internal static class Numbers
{
    internal static Tensor Of(params double[] values) => tensor(values);

    internal static Tensor Of(long[] shape, params double[] values) => tensor(values, shape);

    internal static Tensor Integers(params long[] values) => tensor(values);

    internal static double[] ToDoubles(this Tensor tensor)
    {
        using var converted = tensor.to(ScalarType.Float64);
        return converted.data<double>().ToArray();
    }

    internal static long[] ToLongs(this Tensor tensor)
    {
        using var converted = tensor.to(ScalarType.Int64);
        return converted.data<long>().ToArray();
    }

    internal static void AssertValues(Tensor actual, params double[] expected) => AssertClose(expected, actual.ToDoubles(), 1e-9);

    internal static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        if (Difference(expected, actual, tolerance) is { } difference) Assert.Fail(difference);
    }

    internal static string? Difference(double[] expected, double[] actual, double tolerance)
    {
        if (expected.Length != actual.Length) return $"{actual.Length} values, expected {expected.Length}";
        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i].Equals(actual[i])) continue;
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance * (1 + Math.Abs(expected[i])))) return $"value {i} is {actual[i]:R}, expected {expected[i]:R}";
        }
        return null;
    }

    /// <summary>Fails with the names of all cases whose values are off, and of those that throw.</summary>
    internal static void AssertAll(IEnumerable<(string Name, Func<Tensor> Actual, double[] Expected)> cases, double tolerance = 1e-9)
    {
        var faults = new List<string>();
        foreach (var (name, actual, expected) in cases)
        {
            using var scope = NewDisposeScope();
            try
            {
                if (Difference(expected, actual().ToDoubles(), tolerance) is { } difference) faults.Add($"{name}: {difference}");
            }
            catch (Exception exception)
            {
                faults.Add($"{name}: {exception.GetType().Name}: {exception.Message}");
            }
        }
        Assert.True(faults.Count == 0, string.Join("\n", faults));
    }
}
