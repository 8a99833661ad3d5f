using NanoVlm.Evaluation.Tests.Analysis;
using NanoVlm.Evaluation.Towers;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Towers;

[Collection(TensorTests.Name)]
public sealed class ProbeTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // Softmax over two classes with one feature, -1 or 1, half of each class right: the weights' difference w solves sigmoid(-w) = penalty w / 2.
    [Fact]
    public void A_case_by_hand_is_solved()
    {
        const double penalty = 0.3;
        using var probe = LinearProbe.Fit(RandomFeatures.Matrix(new double[,] { { 3 }, { 3 }, { 7 }, { 7 } }), [0, 0, 1, 1], 2, penalty);
        var logits = probe.Logits(RandomFeatures.Matrix(new double[,] { { 7 } })).data<double>().ToArray();
        var w = logits[1] - logits[0];
        Assert.InRange(w, 1, 3);
        Assert.Equal(1 / (1 + Math.Exp(w)), penalty * w / 2, 5);
    }

    [Fact]
    public void The_gradient_is_autograd_s()
    {
        var (x, penalty) = (RandomFeatures.Normal(1, 10, 3), 0.2);
        var targets = nn.functional.one_hot(tensor(new long[] { 0, 1, 2, 3, 0, 1, 2, 3, 0, 0 }), 4).to(ScalarType.Float64);
        var parameters = RandomFeatures.Normal(2, 16).requires_grad_();
        var (weights, biases) = (parameters.narrow(0, 0, 12).view(3, 4), parameters.narrow(0, 12, 4));
        var loss = -(((x.mm(weights) + biases).log_softmax(1) * targets).sum() / 10) + weights.square().sum() * (penalty / 2);
        loss.backward();
        using var mode = no_grad();
        var (value, gradient) = LinearProbe.Loss(x, targets, parameters, penalty);
        Assert.Equal(loss.item<double>(), value, 12);
        Assert.True((gradient - parameters.grad!).abs().max().item<double>() < 1e-12);
    }

    [Fact]
    public void The_minimum_of_a_skewed_bowl_is_found()
    {
        var (scales, centre) = (tensor(new[] { 1e-2, 1, 1e3 }), tensor(new double[] { 4, -5, 6 }));
        var least = Lbfgs.Minimize(x => (((x - centre).square() * scales).sum().item<double>() / 2, (x - centre) * scales), zeros(3, dtype: ScalarType.Float64), tolerance: 1e-9);
        Assert.True((least - centre).abs().max().item<double>() < 1e-4);
    }

    [Fact]
    public void Classes_that_lie_apart_are_told_apart_and_noise_is_not()
    {
        var (features, labels) = Clusters(300, 4, noise: 0.3, seed: 1);
        using var probe = LinearProbe.FitBest(features, labels, 4);
        var (more, right) = Clusters(200, 4, noise: 0.3, seed: 1, from: 300);
        Assert.InRange(Share(probe.Logits(more), right), 0.97, 1);
        using var lost = LinearProbe.FitBest(RandomFeatures.Normal(5, 300, 8), labels, 4);
        Assert.InRange(Share(lost.Logits(RandomFeatures.Normal(6, 200, 8)), right), 0.1, 0.4);
    }

    [Fact]
    public void A_strong_penalty_is_taken_where_features_are_many_and_items_few()
    {
        var (features, labels) = Clusters(60, 3, noise: 2.5, seed: 2, size: 100);
        using var probe = LinearProbe.FitBest(features, labels, 3);
        Assert.True(probe.Penalty >= 1e-2, $"{probe.Penalty}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_probe()
    {
        var (features, labels) = Clusters(80, 3, noise: 1, seed: 3);
        using var one = LinearProbe.FitBest(features, labels, 3, seed: 4);
        using var two = LinearProbe.FitBest(features, labels, 3, seed: 4);
        Assert.Equal(one.Penalty, two.Penalty);
        Assert.True(one.Logits(features).bytes.SequenceEqual(two.Logits(features).bytes));
    }

    [Fact]
    public void A_feature_that_never_changes_does_no_harm()
    {
        var (features, labels) = Clusters(60, 3, noise: 0.3, seed: 4);
        using var probe = LinearProbe.Fit(cat([features, full(60, 1, 0.1, ScalarType.Float64)], 1), labels, 3, 0.01);
        Assert.Equal(1, Share(probe.Logits(cat([features, full(60, 1, 0.1, ScalarType.Float64)], 1)), labels));
    }

    // Cosines to the query 1, 0.8, 0.6; k = 2 leaves the third out; votes exp((cosine - 1) / 0.1).
    [Fact]
    public void Votes_by_hand()
    {
        var known = RandomFeatures.Matrix(new double[,] { { 2, 0 }, { 8, 6 }, { 3, 4 } });
        var votes = NearestNeighbours.Votes(known, [0, 1, 1], RandomFeatures.Matrix(new double[,] { { 5, 0 } }), 3, count: 2, temperature: 0.1).data<float>().ToArray();
        Assert.Equal([1, Math.Exp(-2), 0], votes.Select(vote => Math.Round(vote, 5)), (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void Two_of_a_class_outvote_one_that_is_a_little_nearer()
    {
        var known = RandomFeatures.Matrix(new double[,] { { 1, 0 }, { 1, 0.1 }, { 1, -0.1 } });
        var query = RandomFeatures.Matrix(new double[,] { { 1, 0 } });
        Assert.Equal(1, NearestNeighbours.Votes(known, [0, 1, 1], query, 2).argmax(1).item<long>());
        Assert.Equal(0, NearestNeighbours.Votes(known, [0, 1, 1], query, 2, temperature: 1e-4).argmax(1).item<long>());
        Assert.Equal(0, NearestNeighbours.Votes(known, [0, 1, 1], query, 2, count: 1).argmax(1).item<long>());
        Assert.Throws<ArgumentException>(() => NearestNeighbours.Votes(known, [0, 1], query, 2));
    }

    [Fact]
    public void Many_queries_are_those_asked_one_by_one()
    {
        var (features, labels) = Clusters(700, 5, noise: 2, seed: 6);
        var votes = NearestNeighbours.Votes(features, labels, features, 5);
        foreach (var i in new[] { 0, 255, 256, 699 })
            Assert.True(votes.narrow(0, i, 1).allclose(NearestNeighbours.Votes(features, labels, features.narrow(0, i, 1), 5), 1e-4, 1e-6));
    }

    [Fact]
    public void Equal_scores_count_against_the_right_answer()
    {
        var scores = RandomFeatures.Matrix(new double[,] { { 1, 3, 2 }, { 2, 2, 2 }, { 5, 1, 4 }, { 5, 1, 4 }, { double.NaN, 1, 0 } });
        Assert.Equal([2, 3, 1, 4, 2], Ranking.Of(scores, [[2], [0], [2, 0], [], [1]]));
    }

    private static double Share(Tensor scores, int[] right) => scores.argmax(1).data<long>().ToArray().Zip(right).Average(pair => pair.First == pair.Second ? 1.0 : 0);

    private static (Tensor Features, int[] Labels) Clusters(int count, int classes, double noise, int seed, int size = 8, int from = 0)
    {
        var centres = RandomFeatures.Normal(seed, classes, size);
        var labels = Enumerable.Range(0, count).Select(i => i % classes).ToArray();
        return (centres.index_select(0, tensor(labels.Select(label => (long)label).ToArray())) + RandomFeatures.Normal(seed + 1000 + from, count, size) * noise, labels);
    }
}
