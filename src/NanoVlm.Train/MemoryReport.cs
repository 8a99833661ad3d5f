using System.Globalization;
using System.Text;
using NanoVlm.Configuration;
using NanoVlm.Models;

namespace NanoVlm.Training;

/// <summary>The memory of a training step for people and programs.</summary>
/// <param name="Step">The largest micro-batch.</param>
/// <param name="Precision">fp32 or bf16.</param>
/// <param name="Estimate">What takes how much, in bytes.</param>
/// <param name="LargestBatch">The largest micro-batch, in rows, whose peak while saving is within a number of gigabytes (10^9 bytes).</param>
internal sealed record MemoryReport(StepShape Step, string Precision, MemoryEstimate Estimate, IReadOnlyDictionary<string, int> LargestBatch)
{
    private static readonly int[] sizes = [4, 8, 16, 32, 64, 128];

    /// <summary>Tells the memory that a run takes.</summary>
    internal static MemoryReport Of(RunConfig run, VlmConfig config) => Of(config, run.Train, StepShape.Largest(run, config));

    /// <summary>Tells the memory that training the whole model takes, with one image and one row of its longest text in a step.</summary>
    internal static MemoryReport Of(VlmConfig config) => Of(config, new TrainSection(), StepShape.Of(config, 1, config.LmMaxLength, 1));

    /// <summary>The table that <c>train --dry-run</c> and <c>inspect</c> print.</summary>
    internal string ToText()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"memory to train on a CPU in {Precision}, at most {Step.Rows} x {Step.Tokens} tokens and {Step.Tiles} tiles in a micro-batch\n\n");
        var e = Estimate;
        Line("weights", e.Weights, "float32");
        Line("gradients", e.Gradients, "of what trains");
        Line("optimizer", e.Optimizer, "AdamW's moments");
        Line("activations", e.Vision + e.Projector + e.Language + e.Head, "kept for the backward");
        Line("  vision", e.Vision, "");
        Line("  projector", e.Projector, "");
        Line("  language", e.Language, "");
        Line("  head", e.Head, "");
        Line("buffers", e.Buffers, "batches and scratch");
        Line("program", e.Base, ".NET and libtorch");
        Line("allocator", e.Slack, "holes between what comes and goes");
        Line("peak", e.Peak, "activations go as gradients come");
        Line("while saving", e.PeakWhileSaving, "a checkpoint is copied, then written beside the next steps");
        text.Append("\nlargest train.batch_size that fits\n");
        foreach (var (size, batch) in LargestBatch) text.Append(CultureInfo.InvariantCulture, $"  {size,6}  {(batch == 0 ? "none" : batch.ToString("N0", CultureInfo.InvariantCulture))}\n");
        return text.ToString();

        void Line(string name, long bytes, string what) => text.Append(string.Create(CultureInfo.InvariantCulture, $"{name,-14}{bytes / 1e6,12:N1} MB  {what}").TrimEnd()).Append('\n');
    }

    private static MemoryReport Of(VlmConfig config, TrainSection train, StepShape step)
    {
        // As ComputeChoice has it, without asking libtorch for CUDA.
        var hardware = ComputeChoice.CpuFlags.Contains("avx512_bf16");
        var narrow = train.Precision == Configuration.Precision.Bf16 || (train.Precision == Configuration.Precision.Auto && (hardware || ComputeChoice.CpuFlags.Contains("amx_bf16")));
        var precision = new StepPrecision(narrow, hardware);
        var row = new StepShape(1, step.Tokens, step.Tiles / step.Rows, step.Labels / step.Rows);
        return new MemoryReport(step, narrow ? "bf16" : "fp32", MemoryEstimate.Of(config, train, step, precision),
            sizes.ToDictionary(size => $"{size} GB", size => MemoryEstimate.LargestBatch(config, train, row, precision, size * 1_000_000_000L)));
    }
}
