using NanoVlm.Evaluation.Analysis;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Analysis;

[Collection(TensorTests.Name)]
public sealed class LinearCkaTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Features_are_wholly_like_themselves() => Assert.Equal(1, LinearCka.Of(RandomFeatures.Normal(1, 20, 7), RandomFeatures.Normal(1, 20, 7)), 12);

    [Fact]
    public void Turning_scaling_and_shifting_change_nothing()
    {
        var (x, y) = (RandomFeatures.Normal(1, 30, 6), Related(2));
        var moved = y.mm(RandomFeatures.Rotation(3, 9)) * 7.5 + RandomFeatures.Normal(4, 1, 9) * 3;
        Assert.Equal(LinearCka.Of(x, y), LinearCka.Of(x, moved), 10);
        Assert.Equal(LinearCka.Of(x, y), LinearCka.Of(moved, x), 10);
        Assert.InRange(LinearCka.Of(x, y), 0.3, 0.99);
    }

    [Fact]
    public void Another_linear_map_changes_it()
    {
        var x = RandomFeatures.Normal(1, 200, 6);
        Assert.InRange(LinearCka.Of(x, x * tensor(new[] { 10.0, 1, 1, 1, 1, 1 })), 0.2, 0.7);
    }

    // X centred: (-1, 0, 1); Y centred: (0, -1, 1), (-1, 0, 1). Y^T X = (1, 2), so 5; X^T X = 2; Y^T Y = ((2, 1), (1, 2)), so 10.
    [Fact]
    public void A_case_by_hand()
    {
        var (x, y) = (RandomFeatures.Matrix(new double[,] { { 1 }, { 2 }, { 3 } }), RandomFeatures.Matrix(new double[,] { { 5, 0 }, { 4, 1 }, { 6, 2 } }));
        Assert.Equal(5 / (2 * Math.Sqrt(10)), LinearCka.Of(x, y), 12);
    }

    [Fact]
    public void Gram_matrices_give_the_same()
    {
        var (x, y) = (RandomFeatures.Normal(1, 30, 6), Related(2));
        Assert.Equal(LinearCka.Of(x, y), LinearCka.OfGrams(x.mm(x.t()), y.mm(y.t())), 12);
    }

    [Fact]
    public void Features_that_are_the_same_for_all_items_are_like_nothing() =>
        Assert.True(double.IsNaN(LinearCka.Of(full(5, 3, 0.1, ScalarType.Float32), RandomFeatures.Normal(1, 5, 3))));

    [Fact]
    public void Different_items_are_refused()
    {
        Assert.Contains("[5, 2] and [4, 2]", Assert.Throws<ArgumentException>(() => LinearCka.Of(zeros(5, 2), zeros(4, 2))).Message);
        Assert.Throws<ArgumentException>(() => LinearCka.OfGrams(zeros(5, 2), zeros(5, 5)));
    }

    private static Tensor Related(int seed) => RandomFeatures.Normal(1, 30, 6).mm(RandomFeatures.Normal(seed, 6, 9)) + RandomFeatures.Normal(seed + 50, 30, 9);
}
