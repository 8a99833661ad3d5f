using NanoVlm.Kernels;
using NanoVlm.Configuration;
using NanoVlm.Layers;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>The estimate against what tensors really hold.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class MemoryEstimateTests
{
    public static TheoryData<string, ActivationCheckpointing, string> Cases
    {
        get
        {
            var data = new TheoryData<string, ActivationCheckpointing, string>();
            foreach (var name in new[] { "llama", "gemma" })
            {
                foreach (var part in Enum.GetValues<ActivationCheckpointing>()) data.Add(name, part, "");
                foreach (var frozen in new[] { "vision_encoder.*", "decoder.*", "*proj*", "vision_encoder.blocks.0.*" }) data.Add(name, ActivationCheckpointing.None, frozen);
            }
            return data;
        }
    }

    [Theory, InlineData("llama"), InlineData("gemma"), InlineData("untied"), InlineData("mlp"), InlineData("pooled")]
    public void Shapes_are_those_of_the_model(string name)
    {
        using var model = Make(name);
        Assert.Equal(
            model.named_parameters().Select(p => $"{p.name} [{string.Join(", ", p.parameter.shape)}]").Order(),
            ParameterShapes.Of(model.Config).Select(p => $"{p.Name} [{string.Join(", ", p.Shape)}]").Order());
    }

    [Theory, MemberData(nameof(Cases))]
    public void Activations_and_the_peak_are_what_tensors_hold(string name, ActivationCheckpointing part, string freeze)
    {
        if (!AllocationCounter.IsSupported) return;
        using var kernel = Kernel.Fused(true);
        using var model = Make(name);
        var train = new TrainSection { ActivationCheckpointing = part, Freeze = freeze == "" ? [] : [freeze] };
        model.ActivationCheckpointing = part;
        var frozen = FrozenParameters.Of([.. model.named_parameters().Select(p => p.name)], train.Freeze);
        foreach (var (parameter, tensor) in model.named_parameters()) tensor.requires_grad = !frozen.Contains(parameter);
        using var scope = NewDisposeScope();
        var (rows, tokens, side) = (8, 32, model.Config.VitImgSize);
        var images = model.Config.MpImageTokenLength;
        var ids = tensor(Enumerable.Range(0, rows * tokens).Select(i => i % tokens < images ? model.ImageTokenId : i % 29L).ToArray(), [rows, tokens]);
        var labels = where(arange(tokens) >= tokens - 16, ids, -100L);
        var pixels = rand(rows, 3, side, side);

        var (kept, peak) = Measure();
        var estimate = MemoryEstimate.Of(model.Config, train, new StepShape(rows, tokens, rows, rows * 16), new StepPrecision());
        var activations = estimate.Vision + estimate.Projector + estimate.Language + estimate.Head;
        Assert.InRange(activations, 0.93 * kept, 1.07 * kept);
        var most = estimate.Peak - estimate.Weights - estimate.Optimizer - estimate.Buffers - estimate.Base - estimate.Slack;
        Assert.InRange(most, 0.85 * peak, 1.15 * peak);

        (long Kept, long Peak) Measure()
        {
            using var counter = new AllocationCounter();
            using var inner = NewDisposeScope();
            var loss = model.Loss(ids, pixels, labels).Sum / 7;
            var kept = counter.Bytes;
            loss.backward();
            model.zero_grad();
            return (kept, counter.PeakBytes);
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Logits_of_all_positions_never_exist_at_once(bool fused)
    {
        if (!AllocationCounter.IsSupported) return;
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        const int rows = 16384, width = 8, vocabulary = 2048;
        var (hidden, weight) = (randn(rows, width).requires_grad_(), randn(vocabulary, width).requires_grad_());
        var targets = arange(rows).remainder(vocabulary);
        using var counter = new AllocationCounter();
        var loss = Operators.LinearCrossEntropy(hidden, weight, targets);
        var logits = 4L * rows * vocabulary;
        loss.backward();
        // A chunk of 8 MiB, the two gradients and what their products take; plain operations take some such chunks.
        Assert.InRange(counter.PeakBytes, 0, logits / (fused ? 6 : 3));
    }

    [Fact]
    public void The_largest_batch_is_the_last_that_fits()
    {
        var (config, train, row, precision) = (TinyModel.Config, new TrainSection(), new StepShape(1, 64, 1, 32), new StepPrecision());
        var bytes = MemoryEstimate.Of(config, train, new StepShape(37, 64, 37, 37 * 32), precision).PeakWhileSaving;
        Assert.Equal(37, MemoryEstimate.LargestBatch(config, train, row, precision, bytes));
        Assert.Equal(36, MemoryEstimate.LargestBatch(config, train, row, precision, bytes - 1));
        Assert.Equal(0, MemoryEstimate.LargestBatch(config, train, row, precision, 1000));
    }

    [Fact]
    public void What_is_frozen_or_narrow_takes_less()
    {
        var (config, step, precision) = (TinyModel.Config, new StepShape(8, 64, 8, 256), new StepPrecision());
        MemoryEstimate Of(TrainSection train) => MemoryEstimate.Of(config, train, step, precision);
        var all = Of(new TrainSection());
        var narrow = Of(new TrainSection { OptimizerState = OptimizerState.Bf16 });
        var frozen = Of(new TrainSection { LrVision = 0 });
        Assert.Equal(all.Optimizer, 2 * narrow.Optimizer);
        Assert.Equal(all.Weights, frozen.Weights);
        Assert.Equal(0, frozen.Vision);
        Assert.Equal(2 * frozen.Gradients, frozen.Optimizer);
        Assert.True(frozen.Gradients < all.Gradients);
    }

    private static VisionLanguageModel Make(string name)
    {
        var wide = TinyModel.Config with { VitHiddenDim = 48, VitInterDim = 96, LmHiddenDim = 48, LmInterDim = 80, VitNBlocks = 3, LmNBlocks = 4, LmTieWeights = true };
        var model = name switch
        {
            "llama" => TinyModel.Make(config: wide),
            "untied" => TinyModel.Make(config: wide with { LmTieWeights = false }),
            "gemma" => MixedModelTests.Make(ProjectorKind.Linear),
            "mlp" => MixedModelTests.Make(ProjectorKind.Mlp),
            _ => MixedModelTests.Make(ProjectorKind.AveragePool),
        };
        model.train();
        return model;
    }
}
