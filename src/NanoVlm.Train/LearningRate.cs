using NanoVlm.Configuration;

namespace NanoVlm.Training;

/// <summary>
/// The learning rate over a run: a linear warm-up, then a cosine down to a share of the peak (Loshchilov and Hutter, "SGDR", 2017), a level that falls at
/// the end ("warm-up, stable, decay": Hu et al., "MiniCPM", 2024), or a level.
/// </summary>
internal static class LearningRate
{
    /// <summary>The factor on the peak rates at a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="train">The schedule.</param>
    /// <returns>Between 0 and 1.</returns>
    public static double Factor(int step, TrainSection train)
    {
        var warmup = train.WarmupFraction * train.MaxSteps;
        if (step < warmup) return Math.Min(1, (step + 1) / warmup);
        var falls = train.Schedule == LearningRateSchedule.Wsd ? train.MaxSteps * (1 - train.DecayFraction) : warmup;
        var progress = Math.Clamp((step - falls) / Math.Max(1, train.MaxSteps - falls), 0, 1);
        return train.Schedule switch
        {
            LearningRateSchedule.Cosine => train.MinLrRatio + (1 - train.MinLrRatio) * 0.5 * (1 + Math.Cos(Math.PI * progress)),
            LearningRateSchedule.Wsd => 1 - (1 - train.MinLrRatio) * progress,
            _ => 1,
        };
    }
}
