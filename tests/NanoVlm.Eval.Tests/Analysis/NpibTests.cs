using NanoVlm.Evaluation.Analysis;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Analysis;

[Collection(TensorTests.Name)]
public sealed class NpibTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(0.001)]
    [InlineData(0.07)]
    [InlineData(1)]
    [InlineData(100)]
    public void It_is_from_0_to_1(double temperature)
    {
        for (var seed = 0; seed < 20; seed++)
            Assert.InRange(Npib.Of(RandomFeatures.Normal(seed, 9, 4), RandomFeatures.Normal(seed + 100, 9, 4), temperature), 0, 1);
    }

    [Fact]
    public void Separated_embeddings_with_their_copies_give_1_at_a_low_temperature()
    {
        Assert.Equal(1, Npib.Of(eye(8), eye(8) * 3, 0.01), 9);
        Assert.Equal(1, Npib.Of(RandomFeatures.Normal(1, 20, 64), RandomFeatures.Normal(1, 20, 64), 0.005), 9);
        Assert.InRange(Npib.Of(eye(8), eye(8), 1), 0.001, 0.2); // and less at a high one
    }

    [Fact]
    public void Embeddings_that_are_all_alike_give_0()
    {
        Assert.Equal(0, Npib.Of(ones(6, 3), ones(6, 3)), 12);
        Assert.Equal(0, Npib.Of(ones(6, 3), RandomFeatures.Normal(1, 6, 3)), 12); // p(x, y) = p(x) p(y)
        Assert.Equal(0, Npib.Of(zeros(6, 3), zeros(6, 3)), 12);
        Assert.Equal(0, Npib.Of(ones(1, 3), ones(1, 3)), 12);
        Assert.Equal(0, Npib.Of(Npib.Profiles(full(6, 3, 0.1, ScalarType.Float32)), Npib.Profiles(RandomFeatures.Normal(1, 6, 3))), 12);
    }

    [Fact]
    public void Swapping_the_sets_changes_nothing()
    {
        var (x, y) = (RandomFeatures.Normal(1, 9, 4), RandomFeatures.Normal(2, 7, 4));
        Assert.Equal(Npib.Of(x, y), Npib.Of(y, x), 12);
    }

    [Fact]
    public void The_order_of_the_items_changes_nothing()
    {
        var (x, y) = (RandomFeatures.Normal(1, 5, 4), RandomFeatures.Normal(2, 5, 4));
        var order = tensor(new long[] { 3, 0, 4, 2, 1 });
        Assert.Equal(Npib.Of(x, y), Npib.Of(x.index_select(0, order), y.index_select(0, order)), 12);
        Assert.Equal(
            Npib.Of(Npib.Profiles(x), Npib.Profiles(y)),
            Npib.Of(Npib.Profiles(x.index_select(0, order)), Npib.Profiles(y.index_select(0, order))), 12);
    }

    // Cosines 1 on the diagonal and 0 beside it, temperature 1 / log 3: p = 3/8 and 1/8, marginals 1/2.
    // I = 2 (3/8) log(3/2) + 2 (1/8) log(1/2); both entropies are log 2.
    [Fact]
    public void A_2_by_2_case_by_hand() =>
        Assert.Equal((0.75 * Math.Log(1.5) - 0.25 * Math.Log(2)) / Math.Log(2), Npib.Of(eye(2), eye(2), 1 / Math.Log(3)), 12);

    // Similarities log 1, log 2, log 3, log 4 at temperature 1: p = 0.1, 0.2, 0.3, 0.4, with marginals that differ.
    [Fact]
    public void A_2_by_2_case_with_uneven_marginals_by_hand()
    {
        var information = 0.1 * Math.Log(0.1 / (0.3 * 0.4)) + 0.2 * Math.Log(0.2 / (0.3 * 0.6)) + 0.3 * Math.Log(0.3 / (0.7 * 0.4)) + 0.4 * Math.Log(0.4 / (0.7 * 0.6));
        var entropies = (0.3 * Math.Log(0.3) + 0.7 * Math.Log(0.7)) * (0.4 * Math.Log(0.4) + 0.6 * Math.Log(0.6));
        var similarities = RandomFeatures.Matrix(new[,] { { 0, Math.Log(2) }, { Math.Log(3), Math.Log(4) } });
        Assert.Equal(information / Math.Sqrt(entropies), Npib.OfCosines(similarities, 1), 12);
    }

    [Fact]
    public void The_lowest_temperatures_stay_numbers()
    {
        foreach (var temperature in new[] { 1e-3, 1e-6, 1e-30, 1e-300 })
            Assert.Equal(1, Npib.Of(eye(5), eye(5), temperature), 12);
    }

    [Fact]
    public void Profiles_bring_turned_embeddings_together()
    {
        var x = RandomFeatures.Normal(1, 60, 40);
        var turned = x.mm(RandomFeatures.Rotation(2, 40)) * 3 + 1;
        var same = Npib.Of(Npib.Profiles(x), Npib.Profiles(x));
        Assert.Equal(same, Npib.Of(Npib.Profiles(x), Npib.Profiles(turned)), 9);
        var strange = Npib.Of(Npib.Profiles(x), Npib.Profiles(RandomFeatures.Normal(3, 60, 40)));
        var near = Npib.Of(Npib.Profiles(x), Npib.Profiles(x + RandomFeatures.Normal(3, 60, 40)));
        Assert.True(same > 0.99 && near is > 0.9 and < 0.98 && strange < 0.7, $"{same} {near} {strange}");
    }

    [Fact]
    public void Other_widths_and_temperatures_are_refused()
    {
        Assert.Contains("one width", Assert.Throws<ArgumentException>(() => Npib.Of(zeros(3, 2), zeros(3, 4))).Message);
        foreach (var temperature in new[] { 0, -1, double.NaN })
            Assert.Contains("above 0", Assert.Throws<ArgumentException>(() => Npib.Of(zeros(3, 2), zeros(3, 2), temperature)).Message);
    }
}
