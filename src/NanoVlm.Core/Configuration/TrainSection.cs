using System.ComponentModel.DataAnnotations;

namespace NanoVlm.Configuration;

/// <summary>How to train: <c>train</c> in a run's configuration.</summary>
public sealed record TrainSection : IChecked
{
    /// <summary>The folder that runs go into, relative to the current one.</summary>
    public string OutputDir { get; init; } = "checkpoints";

    /// <summary>The run's folder inside <see cref="OutputDir"/>; null makes one up from the date.</summary>
    public string? RunName { get; init; }

    /// <summary>Optimizer steps, which the learning rate's schedule spans.</summary>
    [Range(1, int.MaxValue)]
    public int MaxSteps { get; init; } = 5000;

    /// <summary>Stops earlier without changing the schedule; null runs to <see cref="MaxSteps"/>.</summary>
    [Range(1, int.MaxValue)]
    public int? StopAtStep { get; init; }

    /// <summary>Samples in a micro-batch of a rank, or rows where <c>data.packing</c> is on.</summary>
    [Range(1, int.MaxValue)]
    public int BatchSize { get; init; } = 8;

    /// <summary>Micro-batches in an optimizer step.</summary>
    [Range(1, int.MaxValue)]
    public int GradientAccumulation { get; init; } = 1;

    /// <summary>The norm that all gradients together are clipped to; 0 does not clip.</summary>
    [Range(0.0, double.MaxValue)]
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>AdamW's decoupled weight decay.</summary>
    [Range(0.0, double.MaxValue)]
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>What <see cref="WeightDecay"/> pulls on.</summary>
    public WeightDecayOn WeightDecayOn { get; init; }

    /// <summary>AdamW's decay rates of the first and second moment.</summary>
    [Length(2, 2)]
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public IReadOnlyList<double> Betas { get; init; } = [0.9, 0.95];

    /// <summary>AdamW's epsilon.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double Eps { get; init; } = 1e-8;

    /// <summary>Highest learning rate of the projector; 0 freezes it.</summary>
    [Range(0.0, double.MaxValue)]
    public double LrProjector { get; init; } = 1e-3;

    /// <summary>Highest learning rate of the vision tower; 0 freezes it.</summary>
    [Range(0.0, double.MaxValue)]
    public double LrVision { get; init; } = 1e-3;

    /// <summary>Highest learning rate of the language model; 0 freezes it.</summary>
    [Range(0.0, double.MaxValue)]
    public double LrLanguage { get; init; } = 1e-3;

    /// <summary>The learning rate's course after warm-up.</summary>
    public LearningRateSchedule Schedule { get; init; }

    /// <summary>The share of <see cref="MaxSteps"/> over which the learning rate rises linearly.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double WarmupFraction { get; init; } = 0.03;

    /// <summary>The share of <see cref="MaxSteps"/> at the end over which <c>wsd</c> lets the learning rate fall.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double DecayFraction { get; init; } = 0.2;

    /// <summary>What <c>cosine</c> and <c>wsd</c> end at, as a share of the highest learning rate.</summary>
    [Range(0.0, 1.0)]
    public double MinLrRatio { get; init; } = 0.1;

    /// <summary>How much of the weights' moving average stays at a step, 0.999 say; evaluations and the model saved are then of the average. Null keeps none.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double? EmaDecay { get; init; }

    /// <summary>Steps in a row that may be left out because the loss or a gradient is not finite; one more ends the run.</summary>
    [Range(0, int.MaxValue)]
    public int MaxSkippedSteps { get; init; } = 5;

    /// <summary>The type that matrix products run in; weights are always kept in float32.</summary>
    public Precision Precision { get; init; }

    /// <summary>The device to train on.</summary>
    public DeviceChoice Device { get; init; }

    /// <summary>Threads for tensor arithmetic; 0 takes <c>OMP_NUM_THREADS</c>, or every core.</summary>
    [Range(0, 1024)]
    public int Threads { get; init; }

    /// <summary>The seed of the weights and of dropout.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; }

    /// <summary>Steps between log lines.</summary>
    [Range(1, int.MaxValue)]
    public int LogEvery { get; init; } = 10;

    /// <summary>Whether the figures are also written for TensorBoard, to <c>tensorboard/</c> in the run's folder.</summary>
    public bool Tensorboard { get; init; }

    /// <summary>Steps between evaluations on the validation split.</summary>
    [Range(1, int.MaxValue)]
    public int EvalEvery { get; init; } = 500;

    /// <summary>Validation questions in an evaluation; null asks all.</summary>
    [Range(1, int.MaxValue)]
    public int? EvalLimit { get; init; } = 512;

    /// <summary>Steps between checkpoints.</summary>
    [Range(1, int.MaxValue)]
    public int SaveEvery { get; init; } = 500;

    /// <summary>Checkpoints kept beside the best; older ones are deleted.</summary>
    [Range(1, int.MaxValue)]
    public int KeepLast { get; init; } = 2;

    /// <summary>Whose blocks keep only their inputs for the backward and are computed again in it: less memory, more time, the same gradients.</summary>
    public ActivationCheckpointing ActivationCheckpointing { get; init; }

    /// <summary>Parameters that do not train, by patterns over their names such as <c>vision_encoder.blocks.[0-5].*</c>; <c>inspect</c> shows the names. A
    /// learning rate of 0 freezes a whole part.</summary>
    public IReadOnlyList<string> Freeze { get; init; } = [];

    /// <summary>The type that AdamW's moments are kept in; they are always computed in float32.</summary>
    public OptimizerState OptimizerState { get; init; }

    /// <summary>Whether ranks share the optimizer's moments out among them (ZeRO-1), each keeping a part; the result is the same.</summary>
    public bool ShardOptimizer { get; init; }

    /// <summary>Steps between comparisons of the weights of all ranks; 0 compares never.</summary>
    [Range(0, int.MaxValue)]
    public int CompareRanksEvery { get; init; } = 100;

    void IChecked.Check(ConfigurationRules rules)
    {
        rules.Require(OutputDir.Trim() != "", "output_dir", "is empty; name a folder");
        rules.Require(
            RunName is null || (RunName.Trim() is not ("" or "." or "..") && RunName.IndexOfAny(['/', '\\', '\0']) < 0),
            "run_name", $"\"{RunName}\" cannot be the name of a folder");
        rules.Require(
            StopAtStep is null || StopAtStep <= MaxSteps,
            "stop_at_step", $"{StopAtStep} comes after max_steps, {MaxSteps}", "max_steps");
        rules.Require(
            Schedule != LearningRateSchedule.Wsd || WarmupFraction + DecayFraction <= 1,
            "decay_fraction", $"{DecayFraction} and a warm-up of {WarmupFraction} are more than the whole run", "warmup_fraction");
        rules.Require(
            LrProjector > 0 || LrVision > 0 || LrLanguage > 0,
            "lr_projector", "all three learning rates are 0, so nothing would train", "lr_vision", "lr_language");
        rules.Require(
            OptimizerState == OptimizerState.Fp32 || Betas.All(beta => 1 - beta >= 1 / 256.0),
            "optimizer_state", "bfloat16 has 8 bits, and a moment with a beta above 0.996 stands still in it; lower train.betas or use fp32", "betas");
    }
}

/// <summary>The learning rate's course after warm-up.</summary>
public enum LearningRateSchedule
{
    /// <summary>Half a cosine down to <see cref="TrainSection.MinLrRatio"/>.</summary>
    Cosine,

    /// <summary>Warm-up, stable, decay: level, then a straight line down to <see cref="TrainSection.MinLrRatio"/> over the last <see cref="TrainSection.DecayFraction"/>.</summary>
    Wsd,

    /// <summary>Level.</summary>
    Constant,
}

/// <summary>What weight decay pulls on.</summary>
public enum WeightDecayOn
{
    /// <summary>Weights of matrix products; norms, biases and embeddings are left alone.</summary>
    Matrices,

    /// <summary>Every parameter, as nanoVLM has it.</summary>
    All,
}

/// <summary>The type that matrix products run in.</summary>
[RefusedName("fp16", "needs loss scaling, without which small gradients vanish; use 'bf16' or 'fp32'")]
public enum Precision
{
    /// <summary>bfloat16 where the processor multiplies it fast, else float32.</summary>
    Auto,

    /// <summary>float32.</summary>
    Fp32,

    /// <summary>bfloat16, with norms, softmax and loss in float32.</summary>
    Bf16,
}

/// <summary>Where to train.</summary>
public enum DeviceChoice
{
    /// <summary>A CUDA device if there is one, else the CPU.</summary>
    Auto,

    /// <summary>The CPU.</summary>
    Cpu,

    /// <summary>The first CUDA device.</summary>
    Cuda,
}

/// <summary>The type that AdamW's moments are kept in.</summary>
public enum OptimizerState
{
    /// <summary>float32: 8 bytes a parameter.</summary>
    Fp32,

    /// <summary>bfloat16: 4 bytes a parameter, and moments good to three digits.</summary>
    Bf16,
}

/// <summary>Whose blocks are computed again in the backward instead of kept.</summary>
public enum ActivationCheckpointing
{
    /// <summary>Nobody's: all is kept.</summary>
    None,

    /// <summary>The vision tower's.</summary>
    Vision,

    /// <summary>The language model's.</summary>
    Language,

    /// <summary>Both.</summary>
    All,
}
