using NanoVlm.Configuration;

namespace NanoVlm.Training;

/// <summary>The learning rate over a run: a linear warm-up, then a cosine down to a share of the peak (Loshchilov and Hutter, "SGDR", 2017).</summary>
public static class LearningRate
{
    /// <summary>The factor on the peak rates at a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="train">The schedule.</param>
    /// <returns>Between 0 and 1.</returns>
    public static double Factor(int step, TrainSection train)
    {
        var warmup = train.WarmupFraction * train.MaxSteps;
        if (step < warmup) return Math.Min(1, (step + 1) / warmup);
        if (train.Schedule == LearningRateSchedule.Constant) return 1;
        var progress = Math.Min(1, (step - warmup) / Math.Max(1, train.MaxSteps - warmup));
        return train.MinLrRatio + (1 - train.MinLrRatio) * 0.5 * (1 + Math.Cos(Math.PI * progress));
    }
}
