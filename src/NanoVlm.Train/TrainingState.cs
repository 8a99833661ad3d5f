using NanoVlm.Data;

namespace NanoVlm.Training;

/// <summary>
/// Where a run stands after a step, apart from its tensors: <c>trainer_state.json</c> of a checkpoint. With the weights, the optimizer's moments and
/// the states of the random numbers it is all that the next step depends on.
/// </summary>
internal sealed record TrainingState
{
    /// <summary>Optimizer steps done, skipped ones included.</summary>
    public int Step { get; init; }

    /// <summary>Conversations trained on.</summary>
    public long Samples { get; init; }

    /// <summary>Tokens trained on, padding not counted.</summary>
    public long Tokens { get; init; }

    /// <summary>The loss of the last step that was not skipped.</summary>
    public double Loss { get; init; }

    /// <summary>Steps left out for a loss or gradient that was not finite.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>How many of them come last, one after the other.</summary>
    public int SkippedInARow { get; init; }

    /// <summary>The best validation accuracy; null before the first evaluation.</summary>
    public double? BestAccuracy { get; init; }

    /// <summary>The step it was measured at.</summary>
    public int BestStep { get; init; }

    /// <summary>The last step that was evaluated.</summary>
    public int EvaluatedStep { get; init; }

    /// <summary>Seconds from the first step, evaluations included.</summary>
    public double Seconds { get; init; }

    /// <summary>Seconds within steps.</summary>
    public double StepSeconds { get; init; }

    /// <summary>Where the loader of each rank stands; none at the beginning.</summary>
    public IReadOnlyList<LoaderState> Loaders { get; init; } = [];
}
