using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Configuration;

namespace NanoVlm.Training.Tests;

public class LearningRateTests
{
    private static readonly TrainSection schedule = new() { MaxSteps = 1000, WarmupFraction = 0.1 };

    [Fact]
    public void Warm_up_is_linear_and_does_not_start_at_nothing()
    {
        Assert.Equal(0.01, LearningRate.Factor(0, schedule), 12);
        Assert.Equal(0.5, LearningRate.Factor(49, schedule), 12);
        Assert.Equal(1, LearningRate.Factor(99, schedule), 12);
    }

    [Fact]
    public void The_cosine_starts_at_the_peak_and_ends_at_a_tenth()
    {
        Assert.Equal(1, LearningRate.Factor(100, schedule), 12);
        Assert.Equal(0.55, LearningRate.Factor(550, schedule), 12);
        Assert.Equal(0.1, LearningRate.Factor(1000, schedule), 12);
        Assert.Equal(0.1, LearningRate.Factor(5000, schedule), 12);
    }

    [Fact]
    public void Without_warm_up_the_first_step_has_the_peak() => Assert.Equal(1, LearningRate.Factor(0, schedule with { WarmupFraction = 0 }));

    [Fact]
    public void A_constant_schedule_stays_at_the_peak_after_warm_up()
    {
        var constant = schedule with { Schedule = LearningRateSchedule.Constant };
        Assert.Equal(0.5, LearningRate.Factor(49, constant), 12);
        Assert.All(new[] { 100, 500, 999 }, step => Assert.Equal(1, LearningRate.Factor(step, constant)));
    }

    [Fact]
    public void Wsd_is_level_until_a_straight_fall_over_the_last_fifth()
    {
        var wsd = schedule with { Schedule = LearningRateSchedule.Wsd };
        Assert.All(new[] { 100, 500, 800 }, step => Assert.Equal(1, LearningRate.Factor(step, wsd), 12));
        Assert.Equal(0.55, LearningRate.Factor(900, wsd), 12);
        Assert.Equal(0.1, LearningRate.Factor(1000, wsd), 12);
        Assert.Equal(0.5, LearningRate.Factor(950, wsd with { DecayFraction = 0.1, MinLrRatio = 0 }), 12);
    }

    [Fact]
    public void A_run_of_one_step_has_a_rate() => Assert.Equal(1, LearningRate.Factor(0, new TrainSection { MaxSteps = 1 }));

    [Fact]
    public void It_rises_then_falls_and_stays_above_nothing()
    {
        var cases = from steps in Gen.Choose(1, 3000) from warmup in Gen.Choose(0, 99) from floor in Gen.Choose(1, 100) from kind in Gen.Elements(Enum.GetValues<LearningRateSchedule>()) select (steps, warmup, floor, kind);
        Check.QuickThrowOnFailure(Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var train = new TrainSection { MaxSteps = c.steps, WarmupFraction = c.warmup / 100.0, MinLrRatio = c.floor / 100.0, Schedule = c.kind, DecayFraction = Math.Min(0.2, 1 - c.warmup / 100.0) };
            var factors = Enumerable.Range(0, c.steps).Select(step => LearningRate.Factor(step, train)).ToArray();
            var top = Array.LastIndexOf(factors, factors.Max());
            return factors.All(f => f is > 0 and <= 1)
                && factors[..(top + 1)].SequenceEqual(factors[..(top + 1)].Order())
                && factors[top..].SequenceEqual(factors[top..].OrderDescending());
        }));
    }
}
