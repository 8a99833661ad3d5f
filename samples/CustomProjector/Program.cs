// A projector of one's own between the vision tower and the language model, trained by the library's trainer.
// Arguments are keys of the run's configuration: train.max_steps=500 train.lr_projector=2e-3
using NanoVlm.Configuration;
using NanoVlm.Layers;
using NanoVlm.Models;
using NanoVlm.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using PixelShuffle = NanoVlm.Projection.PixelShuffle; // torch.nn has a method of this name

var config = RunConfig.Load(path: null, overrides: args); // the built-in run on rendered shapes
var plan = ModelPlan.Of(config);
using var model = plan.Build(config.Train.Seed, architecture => new GatedProjector(architecture));
var result = TrainingRun.Train(config, plan, model);
Console.WriteLine($"{result.Summary!.Steps} steps, {result.Summary.TestAccuracy:P1} of the test questions right, loss {result.Summary.FinalLoss:0.000}");

// A checkpoint is read back with the same projector.
var best = Path.Combine(result.Folder, "best");
using var trained = Checkpoint.Load(best, architecture => new GatedProjector(architecture));
Console.WriteLine($"{best}: {trained.Model.Projector.parameters().Sum(parameter => parameter.numel()):N0} parameters in the projector");

/// <summary>Squares of patches, normed, through a gated MLP (Shazeer, "GLU Variants Improve Transformer", 2020).</summary>
internal sealed class GatedProjector : Module<Tensor, long, long, Tensor>
{
    private readonly int factor;
    private readonly RmsNorm norm;
    private readonly Linear gate, up, down;

    public GatedProjector(VlmConfig config) : base(nameof(GatedProjector))
    {
        factor = config.MpPixelShuffleFactor;
        var (square, hidden) = (config.VitHiddenDim * factor * factor, config.LmHiddenDim);
        norm = new RmsNorm(square, 1e-6);
        gate = new Linear(square, 2 * hidden);
        up = new Linear(square, 2 * hidden);
        down = new Linear(2 * hidden, hidden);
        RegisterComponents();
    }

    public override Tensor forward(Tensor patches, long rows, long columns) // [N, rows * columns, vision]
    {
        using var scope = NewDisposeScope();
        var squares = norm.call(PixelShuffle.Apply(patches, rows, columns, factor), patches.dtype); // [N, image tokens, square]
        return down.call(functional.silu(gate.call(squares)) * up.call(squares)).MoveToOuterDisposeScope(); // [N, image tokens, language]
    }
}
