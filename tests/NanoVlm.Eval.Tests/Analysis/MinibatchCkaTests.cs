using NanoVlm.Data;
using NanoVlm.Evaluation.Analysis;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Analysis;

[Collection(TensorTests.Name)]
public sealed class MinibatchCkaTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // The definition before it is worked out: means of products over distinct indices.
    [Fact]
    public void The_estimate_is_the_sum_over_distinct_items()
    {
        const int n = 6;
        var (k, l) = (Values(1), Values(2));
        double pairs = 0, chains = 0, quads = 0;
        for (var i = 0; i < n; i++)
            for (var j = 0; j < n; j++)
                for (var q = 0; q < n; q++)
                    for (var r = 0; r < n; r++)
                        if (new[] { i, j, q, r }.Distinct().Count() == 4)
                            (pairs, chains, quads) = (pairs + k[i, j] * l[i, j], chains + k[i, j] * l[i, q], quads + k[i, j] * l[q, r]);
        var all = n * (n - 1) * (n - 2) * (n - 3);
        var estimate = UnbiasedHsic.Of(RandomFeatures.Matrix(k).unsqueeze(0), RandomFeatures.Matrix(l).unsqueeze(0)).item<double>();
        Assert.Equal((pairs + quads - 2 * chains) / all, estimate, 12);

        static double[,] Values(int seed)
        {
            var x = RandomFeatures.Normal(seed, n, 3);
            var gram = x.mm(x.t()).data<double>().ToArray();
            var values = new double[n, n];
            for (var i = 0; i < gram.Length; i++) values[i / n, i % n] = gram[i];
            return values;
        }
    }

    [Fact]
    public void The_mean_over_many_minibatches_is_the_value_of_all_items()
    {
        const int items = 400;
        var (x, y) = Related(items, 1);
        var whole = UnbiasedHsic.Of(UnbiasedHsic.Grams([x]), UnbiasedHsic.Grams([y])).item<double>();
        var order = Enumerable.Range(0, items).Select(i => (long)i).ToArray();
        var random = new RandomStream(5);
        var estimates = new List<double>();
        for (var epoch = 0; epoch < 40; epoch++)
        {
            random.Shuffle<long>(order);
            foreach (var batch in order.Chunk(20))
            {
                using var inner = NewDisposeScope();
                var rows = tensor(batch);
                estimates.Add(UnbiasedHsic.Of(UnbiasedHsic.Grams([x.index_select(0, rows)]), UnbiasedHsic.Grams([y.index_select(0, rows)])).item<double>());
            }
        }
        var mean = estimates.Average();
        var error = Math.Sqrt(estimates.Sum(e => (e - mean) * (e - mean)) / estimates.Count / estimates.Count);
        Assert.True(error < 0.05 * whole, $"{error} of {whole}");
        Assert.InRange(mean, whole - 4 * error, whole + 4 * error);
    }

    [Fact]
    public void Minibatches_agree_with_all_items_at_once()
    {
        var (x, y) = Related(600, 7);
        using var whole = new MinibatchCka();
        whole.Add([x], [y]);
        using var parts = new MinibatchCka();
        for (var i = 0; i < 600; i += 30) parts.Add([x.narrow(0, i, 30)], [y.narrow(0, i, 30)]);
        Assert.InRange(parts.Result()[0, 0] - whole.Result()[0, 0], -0.05, 0.05);
        Assert.InRange(LinearCka.Of(x, y) - whole.Result()[0, 0], -0.02, 0.02); // with many items the two estimators meet
    }

    [Fact]
    public void Independent_features_have_nothing_in_common_even_where_items_are_few()
    {
        using var cka = new MinibatchCka();
        var plain = 0.0;
        for (var i = 0; i < 40; i++)
        {
            using var inner = NewDisposeScope();
            var (x, y) = (RandomFeatures.Normal(100 + i, 16, 64), RandomFeatures.Normal(500 + i, 16, 64));
            cka.Add([x], [y]);
            plain += LinearCka.Of(x, y) / 40;
        }
        Assert.InRange(cka.Result()[0, 0], -0.05, 0.05);
        Assert.True(plain > 0.7, $"{plain}"); // which is why
    }

    [Fact]
    public void All_pairs_of_layers_are_those_of_each_pair_alone()
    {
        Tensor[] x = [RandomFeatures.Normal(1, 12, 3), RandomFeatures.Normal(2, 12, 5)];
        Tensor[] y = [x[1] + RandomFeatures.Normal(3, 12, 5), RandomFeatures.Normal(4, 12, 2), x[0] * 2];
        using var together = new MinibatchCka();
        together.Add(x, y);
        together.Add(y[..2], [y[2], x[0], x[1]]);
        for (var i = 0; i < 2; i++)
            for (var j = 0; j < 3; j++)
            {
                using var alone = new MinibatchCka();
                alone.Add([x[i]], [y[j]]);
                alone.Add([y[i]], [new[] { y[2], x[0], x[1] }[j]]);
                Assert.Equal(alone.Result()[0, 0], together.Result()[i, j], 12);
            }
    }

    [Fact]
    public void A_layer_is_wholly_like_itself_and_one_that_never_changes_like_nothing()
    {
        using var cka = new MinibatchCka();
        Tensor[] layers = [RandomFeatures.Normal(1, 8, 3), ones(8, 3)];
        cka.Add(layers, layers);
        Assert.Equal(1, cka.Result()[0, 0], 12);
        Assert.True(double.IsNaN(cka.Result()[0, 1]));
    }

    [Fact]
    public void Three_items_are_too_few()
    {
        using var cka = new MinibatchCka();
        Assert.Contains("4 items or more, not 3", Assert.Throws<ArgumentException>(() => cka.Add([zeros(3, 2)], [zeros(3, 2)])).Message);
        Assert.Throws<InvalidOperationException>(() => cka.Result());
    }

    [Fact]
    public void Nothing_is_left_alive() => LeakCheck.AssertNone(() =>
    {
        using var inner = NewDisposeScope();
        using var cka = new MinibatchCka();
        var x = RandomFeatures.Normal(1, 8, 3);
        for (var i = 0; i < 3; i++) cka.Add([x], [x]);
        cka.Result();
    });

    private static (Tensor X, Tensor Y) Related(long items, int seed)
    {
        var x = RandomFeatures.Normal(seed, items, 8);
        return (x, x.mm(RandomFeatures.Normal(seed + 1, 8, 5)) + RandomFeatures.Normal(seed + 2, items, 5) * 2);
    }
}
