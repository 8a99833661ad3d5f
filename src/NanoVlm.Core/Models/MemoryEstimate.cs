using NanoVlm.Configuration;

namespace NanoVlm.Models;

/// <summary>What one micro-batch holds.</summary>
/// <param name="Rows">Rows, B.</param>
/// <param name="Tokens">Tokens of a row, T.</param>
/// <param name="Tiles">Image tiles of all rows together.</param>
/// <param name="Labels">Positions with a label, of all rows together.</param>
internal sealed record StepShape(long Rows, long Tokens, long Tiles, long Labels)
{
    /// <summary>The largest micro-batch that a run's configuration allows: full rows, all tiles that fit in, and a label on all text.</summary>
    /// <param name="run">The configuration.</param>
    /// <param name="config">The architecture it comes to.</param>
    public static StepShape Largest(RunConfig run, VlmConfig config)
    {
        var (data, image) = (run.Data, run.Model.Image);
        var side = image.Split ? (image.MaxSide + image.TileSize - 1) / image.TileSize : 1;
        long picture = side > 1 ? side * side + 1 : 1; // the tiles, and the whole
        var images = data.Packing ? data.RowImages : data.Train.All(source => source is ShapesSource) ? 1 : data.MaxImages;
        var tiles = Math.Min(Math.Min(images * picture, data.Packing ? long.MaxValue : data.MaxTiles), (data.MaxTokens - 1) / config.MpImageTokenLength);
        return Of(config, run.Train.BatchSize, data.MaxTokens, tiles);
    }

    /// <summary>A micro-batch of full rows with a label on all text.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="tokens">Tokens of a row.</param>
    /// <param name="tiles">Tiles of a row.</param>
    public static StepShape Of(VlmConfig config, long rows, long tokens, long tiles) =>
        new(rows, (tokens + 7) / 8 * 8, rows * tiles, rows * Math.Max(0, tokens - tiles * config.MpImageTokenLength));
}

/// <summary>How numbers are held in a step.</summary>
/// <param name="Bfloat16">Whether activations are bfloat16; else float32.</param>
/// <param name="Bfloat16Products">Whether weights are narrowed for products in hardware bfloat16; the backward needs these copies.</param>
internal sealed record StepPrecision(bool Bfloat16 = false, bool Bfloat16Products = false);

/// <summary>The memory that training takes on the CPU with the fused kernels, by shapes alone. All figures are bytes.</summary>
/// <param name="Weights">float32 weights, and their moving average where one is kept.</param>
/// <param name="Gradients">float32 gradients of what trains.</param>
/// <param name="Optimizer">AdamW's moments.</param>
/// <param name="Vision">What the vision tower keeps for the backward.</param>
/// <param name="Projector">What the projector keeps, and the joined embeddings.</param>
/// <param name="Language">What the language model's blocks keep.</param>
/// <param name="Head">What the head and the loss keep: the gradient of the head's weight among it.</param>
/// <param name="Buffers">The micro-batch itself, those that wait for their turn, and the kernels' scratch.</param>
/// <param name="Base">The program before it has a model: .NET, libtorch and what they load.</param>
/// <param name="Slack">What the allocator holds between the tensors that come and go, at the peak.</param>
/// <param name="Peak">The most at once. Less than the sum: activations go as gradients come.</param>
internal sealed record MemoryEstimate(long Weights, long Gradients, long Optimizer, long Vision, long Projector, long Language, long Head, long Buffers, long Base, long Slack, long Peak)
{
    // Measured by `bench memory`: the program with its libraries, tokenizer and managed heap.
    private const long ProgramBytes = 190L << 20;

    // Measured by `bench memory`, too: blocks below 32 MiB share a heap (native/src/process.cpp), which the sizes of activations and of gradients, by turns, leave
    // holes in, up to what it keeps at all. Larger ones are the kernel's to give and take.
    private const double Holes = 0.6;
    private const long MostHoles = 640L << 20;
    private const long OwnBlock = 32 << 20;

    /// <summary>The peak while a checkpoint is written: weights and moments are copied first, and training goes on meanwhile.</summary>
    public long PeakWhileSaving => Peak + Weights + Optimizer;

    /// <summary>Estimates a run.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="train">What trains, and what is kept.</param>
    /// <param name="step">The largest micro-batch.</param>
    /// <param name="precision">How numbers are held.</param>
    /// <param name="waiting">Micro-batches that wait beside the one in the step.</param>
    /// <exception cref="ConfigurationException">A pattern of train.freeze matches nothing.</exception>
    public static MemoryEstimate Of(VlmConfig config, TrainSection train, StepShape step, StepPrecision precision, int waiting = 1)
    {
        var parameters = ParameterShapes.Of(config);
        var frozen = FrozenParameters.Of([.. parameters.Select(parameter => parameter.Name)], train.Freeze);
        var trained = parameters.Where(parameter => !frozen.Contains(parameter.Name) && Rate(train, parameter.Name) > 0).ToDictionary(parameter => parameter.Name, parameter => 4 * parameter.Count);
        var gradients = trained.Values.Sum();
        var weights = 4 * parameters.Sum(parameter => parameter.Count) + (train.EmaDecay is null ? 0 : gradients);
        var optimizer = train.OptimizerState == OptimizerState.Bf16 ? gradients : 2 * gradients;
        var layers = new SavedActivations(config, train.ActivationCheckpointing, step, precision, trained).Layers();
        var pixels = step.Tiles * 3 * config.VitImgSize * config.VitImgSize * 4;
        var buffers = (2 + waiting) * (pixels + 24 * step.Rows * step.Tokens);

        // The backward goes through the layers from the last: what a layer kept goes, the gradients of its weights come.
        var resident = weights + optimizer + buffers + ProgramBytes;
        var accumulated = train.GradientAccumulation > 1 ? gradients : 0;
        var (kept, most) = (0L, 0L);
        foreach (var layer in layers)
        {
            kept += layer.Kept;
            most = Math.Max(most, kept + layer.Forward + accumulated);
        }
        var come = 0L; // within a layer they come as what it computes in between goes
        foreach (var layer in layers.Reverse())
        {
            var arriving = layer.Part == Part.Head ? 0 : layer.Gradients; // the head's came in forward
            most = Math.Max(most, kept + Math.Max(layer.Backward, arriving) + (accumulated > 0 ? accumulated : come));
            kept -= layer.Kept;
            come += layer.Gradients;
        }
        var transient = Math.Max(most, gradients);
        var small = Math.Max(0, transient - trained.Values.Where(bytes => bytes >= OwnBlock).Sum());
        var slack = Math.Min((long)(Holes * small), MostHoles);
        return new MemoryEstimate(weights, gradients, optimizer, Sum(Part.Vision), Sum(Part.Projector), Sum(Part.Language), Sum(Part.Head), buffers, ProgramBytes, slack, resident + transient + slack);

        long Sum(Part part) => layers.Where(layer => layer.Part == part).Sum(layer => layer.Kept);
    }

    /// <summary>The largest micro-batch whose peak is within a size; 0: not even one row is.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="train">What trains, and what is kept.</param>
    /// <param name="row">A micro-batch of one row.</param>
    /// <param name="precision">How numbers are held.</param>
    /// <param name="bytes">The size.</param>
    public static int LargestBatch(VlmConfig config, TrainSection train, StepShape row, StepPrecision precision, long bytes)
    {
        var (fits, fails) = (0, 1);
        while (fails <= 1 << 20 && Fits(fails)) (fits, fails) = (fails, 2 * fails);
        while (fails - fits > 1)
        {
            var middle = (fits + fails) / 2;
            if (Fits(middle)) fits = middle;
            else fails = middle;
        }
        return fits;

        bool Fits(int rows) => Of(config, train, row with { Rows = rows * row.Rows, Tiles = rows * row.Tiles, Labels = rows * row.Labels }, precision).PeakWhileSaving <= bytes;
    }

    private static double Rate(TrainSection train, string name) => name.Split('.')[0] switch { "MP" => train.LrProjector, "vision_encoder" => train.LrVision, _ => train.LrLanguage };
}
