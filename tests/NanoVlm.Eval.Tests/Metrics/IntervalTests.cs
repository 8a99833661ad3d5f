using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class IntervalTests
{
    [Fact]
    public void MMStars_interval_is_two_and_a_half_points()
    {
        Assert.Equal(0.024, Interval.OfShare(0.353, 1500), 3);
        Assert.Equal(0, Interval.OfShare(1, 10));
        Assert.Equal(0, Interval.OfShare(0, 0));
    }

    [Fact]
    public void Of_zeros_and_ones_the_interval_of_the_mean_is_that_of_the_share()
    {
        double[] values = [1, 0, 0, 1, 1, 0, 1, 1];
        Assert.Equal(Interval.OfShare(5 / 8.0, 8), Interval.OfMean(values), 12);
        Assert.Equal(0, Interval.OfMean([]));
        Assert.Equal(0, Interval.OfMean([0.3]), 12);
    }

    [Fact]
    public void The_bootstrap_of_a_mean_agrees_with_its_formula_and_groups_widen_it()
    {
        var random = new Random(3);
        var values = Enumerable.Range(0, 400).Select(i => (Group: (i / 4).ToString(), Value: random.Next(2) * 1.0)).ToArray();
        for (var i = 0; i < values.Length; i++)
            values[i].Value = values[i / 4 * 4].Value; // four alike in each group
        var formula = Interval.OfMean([.. values.Select(value => value.Value)]);
        var single = Interval.Bootstrap(values, drawn => drawn.Average(value => value.Value), resamples: 2000);
        var grouped = Interval.Bootstrap(values, drawn => drawn.Average(value => value.Value), value => value.Group, 2000);
        Assert.InRange(single / formula, 0.9, 1.1);
        Assert.InRange(grouped / formula, 1.8, 2.2);
        Assert.Equal(single, Interval.Bootstrap(values, drawn => drawn.Average(value => value.Value), resamples: 2000));
    }

    [Fact]
    public void A_clear_difference_is_significant_and_none_is_not()
    {
        var random = new Random(5);
        var items = Enumerable.Range(0, 1500).Select(_ => ("", A: random.NextDouble() < 0.316 ? 1.0 : 0, B: random.NextDouble() < 0.40 ? 1.0 : 0)).ToArray();
        var clear = PairedBootstrap.Of(items);
        Assert.True(clear.PValue < 0.01 && clear.Low > 0, clear.ToString());
        Assert.Equal(items.Average(item => item.B - item.A), clear.Mean, 12);
        var differences = items.Select(item => item.B - item.A).ToArray();
        Assert.InRange((clear.High - clear.Low) / 2 / Interval.OfMean(differences), 0.95, 1.05);
        var mirrored = PairedBootstrap.Of([.. items.Select(item => ("", item.B, item.A))]);
        Assert.Equal((-clear.Mean, -clear.High, -clear.Low, clear.PValue), (mirrored.Mean, mirrored.Low, mirrored.High, mirrored.PValue));
        Assert.Equal(new PairedDifference(0, 0, 0, 1, 1500, 1500), PairedBootstrap.Of([.. items.Select(item => ("", item.A, item.A))]));
    }

    [Fact]
    public void Chance_differences_are_called_significant_about_once_in_twenty_times()
    {
        var random = new Random(11);
        var significant = Enumerable.Range(0, 200).Count(_ =>
            PairedBootstrap.Of([.. Enumerable.Range(0, 100).Select(_ => ("", (double)random.Next(2), (double)random.Next(2)))], 400).PValue < 0.05);
        Assert.InRange(significant, 2, 24);
    }

    [Fact]
    public void Items_of_a_group_are_drawn_together_and_a_result_is_the_same_again()
    {
        (string, double, double)[] items = [.. Enumerable.Range(0, 400).Select(i => ((i / 4).ToString(), 0.0, i / 4 % 2 == 0 ? 1.0 : -0.5))];
        var grouped = PairedBootstrap.Of(items);
        var single = PairedBootstrap.Of([.. items.Select(item => ("", item.Item2, item.Item3))]);
        Assert.Equal((100, 400), (grouped.Groups, single.Groups));
        Assert.InRange((grouped.High - grouped.Low) / (single.High - single.Low), 1.8, 2.2);
        Assert.Equal(grouped, PairedBootstrap.Of(items));
        Assert.NotEqual(grouped, PairedBootstrap.Of(items, seed: 1));
        Assert.Equal(new PairedDifference(0, 0, 0, 1, 0, 0), PairedBootstrap.Of([]));
    }

    [Fact]
    public void The_draws_of_a_benchmark_take_the_time_of_its_items()
    {
        var random = new Random(5);
        Growth.AssertLinear(10_000, (items, _) => PairedBootstrap.Of([.. Enumerable.Range(0, items).Select(_ => ("", random.NextDouble(), random.NextDouble()))]));
    }
}
