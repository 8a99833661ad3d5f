using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>
/// Blocks that are computed again in the backward train as those that are kept: on SigLIP with Llama and on DINOv3 with Gemma-3, whose windows
/// are shorter than the texts, with dropout and stochastic depth, for packed rows and for images that see themselves.
/// </summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class ActivationCheckpointTests
{
    public static TheoryData<string, ActivationCheckpointing, bool> Cases
    {
        get
        {
            var data = new TheoryData<string, ActivationCheckpointing, bool>();
            foreach (var name in new[] { "llama", "gemma" })
                foreach (var fused in new[] { true, false })
                    foreach (var part in new[] { ActivationCheckpointing.Vision, ActivationCheckpointing.Language, ActivationCheckpointing.All })
                        data.Add(name, part, fused);
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Gradients_are_the_same_bit_for_bit(string name, ActivationCheckpointing part, bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var model = Make(name);
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.BFloat16 })
            foreach (var packed in new[] { false, true })
            {
                model.ComputeDtype = dtype;
                var (kept, gradients, random) = Train(model, ActivationCheckpointing.None, packed);
                var (recomputed, again, after) = Train(model, part, packed);
                Assert.Equal(kept, recomputed);
                Assert.Equal(random, after); // the numbers that come next are the same, too
                foreach (var (parameter, gradient) in gradients)
                    Assert.True(gradient.AsSpan().SequenceEqual(again[parameter]), $"{parameter}, {dtype}, packed: {packed}");
            }
    }

    [Fact]
    public void Without_the_state_of_the_generator_dropout_would_be_another()
    {
        using var scope = NewDisposeScope();
        using var model = Make("llama");
        var (_, one, _) = Train(model, ActivationCheckpointing.None, packed: false);
        var (_, other, _) = Train(model, ActivationCheckpointing.None, packed: false, seed: 6);
        Assert.Contains(one, pair => !pair.Value.AsSpan().SequenceEqual(other[pair.Key]));
    }

    [Fact]
    public void Gradients_accumulate_and_frozen_parameters_have_none()
    {
        using var scope = NewDisposeScope();
        using var model = Make("gemma");
        foreach (var (name, parameter) in model.named_parameters())
            parameter.requires_grad = !name.StartsWith("vision_encoder.patch_embedding.", StringComparison.Ordinal) && !name.StartsWith("vision_encoder.blocks.0.", StringComparison.Ordinal)
                && !name.StartsWith("decoder.blocks.1.", StringComparison.Ordinal) && !name.Contains(".k_proj.", StringComparison.Ordinal);
        var (_, expected, _) = Train(model, ActivationCheckpointing.None, packed: true, passes: 2);
        var (_, found, _) = Train(model, ActivationCheckpointing.All, packed: true, passes: 2);
        Assert.Equal(model.named_parameters().Where(p => p.parameter.requires_grad).Select(p => p.name), found.Keys);
        foreach (var (name, gradient) in expected) Assert.True(gradient.AsSpan().SequenceEqual(found[name]), name);
    }

    [Fact]
    public void Only_what_trains_is_computed_again()
    {
        using var scope = NewDisposeScope();
        using var model = Make("llama");
        model.ActivationCheckpointing = ActivationCheckpointing.All;
        Assert.Equal(ActivationCheckpointing.All, model.ActivationCheckpointing);
        var (ids, labels, pixels) = Batch(model);
        var runs = 0;
        Block(model).register_forward_hook((_, _, result) =>
        {
            runs++;
            return result;
        });
        Step();
        Assert.Equal(2, runs);
        model.eval();
        Step();
        Assert.Equal(3, runs);
        model.train();
        using (no_grad()) model.Loss(ids, pixels, labels);
        Assert.Equal(4, runs);
        foreach (var parameter in model.VisionEncoder.parameters()) parameter.requires_grad = false;
        Step();
        Assert.Equal(5, runs); // nothing before it has a gradient either

        void Step() => model.Loss(ids, pixels, labels).Sum.backward();
        static nn.Module<Tensor, Tensor> Block(VisionLanguageModel model) =>
            (nn.Module<Tensor, Tensor>)model.VisionEncoder.named_modules().Single(m => m.name == "blocks.0.mlp").module;
    }

    [Theory, InlineData(ActivationCheckpointing.Vision), InlineData(ActivationCheckpointing.Language), InlineData(ActivationCheckpointing.All)]
    public void The_peak_of_memory_falls(ActivationCheckpointing part)
    {
        if (!AllocationCounter.IsSupported) return;
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(true);
        using var model = Make("llama", blocks: 12);
        var kept = Peak(ActivationCheckpointing.None);
        var recomputed = Peak(part);
        var most = part == ActivationCheckpointing.All ? 0.35 : 0.8;
        Assert.True(recomputed < most * kept, $"{recomputed:N0} bytes at most with {part}, {kept:N0} without");

        long Peak(ActivationCheckpointing part)
        {
            model.ActivationCheckpointing = part;
            var (ids, labels, pixels) = Batch(model, rows: 16);
            using var counter = new AllocationCounter();
            using var inner = NewDisposeScope();
            model.Loss(ids, pixels, labels).Sum.backward();
            var peak = counter.PeakBytes - model.parameters().Sum(parameter => parameter.grad!.numel() * 4);
            model.zero_grad();
            return peak;
        }
    }

    [Fact]
    public void Steps_leave_no_tensor_behind()
    {
        using var model = Make("gemma");
        model.ActivationCheckpointing = ActivationCheckpointing.All;
        var live = 0L;
        for (var step = 0; step < 20; step++)
        {
            using (NewDisposeScope())
            {
                var (ids, labels, pixels) = Batch(model);
                var (sum, _) = model.Loss(ids, pixels, labels);
                if (step % 3 != 2) sum.backward(); // a graph that is thrown away leaves nothing either
                model.zero_grad();
            }
            if (step == 3) live = LeakCheck.LiveTensors();
        }
        LeakCheck.AssertNoneSince(live, "A step");
    }

    // Loss, gradients as bytes, and the number that a generator gives next.
    private static (double Loss, Dictionary<string, byte[]> Gradients, double Next) Train(VisionLanguageModel model, ActivationCheckpointing part, bool packed, int passes = 1, int seed = 5)
    {
        using var scope = NewDisposeScope();
        model.ActivationCheckpointing = part;
        model.zero_grad();
        manual_seed(seed);
        var (ids, labels, pixels) = Batch(model);
        var length = ids.shape[1];
        var documents = where(arange(length) < length / 2, 1L, 2L).unsqueeze(0).expand(ids.shape[0], -1).contiguous();
        var positions = arange(length).remainder(length / 2).unsqueeze(0).expand(ids.shape[0], -1).contiguous();
        var loss = 0.0;
        for (var pass = 0; pass < passes; pass++)
        {
            var sum = model.Loss(ids, pixels, labels, layout: packed ? new RowLayout(positions, documents, length) : null).Sum;
            sum.backward();
            loss += sum.ToDouble();
        }
        var gradients = model.named_parameters().Where(p => p.parameter.grad is not null).ToDictionary(p => p.name, p => p.parameter.grad!.contiguous().bytes.ToArray());
        return (loss, gradients, rand(1).ToDouble());
    }

    // A word, an image, words; then a second text.
    private static (Tensor Ids, Tensor Labels, Tensor Pixels) Batch(VisionLanguageModel model, int rows = 2)
    {
        var random = new Random(3);
        var ids = Enumerable.Range(0, rows).SelectMany(_ => Enumerable.Range(0, 24).Select(t => t is >= 1 and < 5 ? model.ImageTokenId : random.Next(30))).ToArray();
        var labels = ids.Select((_, i) => i % 24 is > 4 and < 11 or > 13 and < 23 ? ids[i + 1] : VisionLanguageModel.IgnoreIndex).ToArray();
        var side = model.Config.VitImgSize;
        return (tensor(ids, [rows, 24]), tensor(labels, [rows, 24]), tensor(Enumerable.Range(0, rows * 3 * side * side).Select(_ => random.NextSingle()).ToArray(), [rows, 3, side, side]));
    }

    private static VisionLanguageModel Make(string name, int blocks = 2)
    {
        var model = name == "llama"
            ? TinyModel.Make(config: TinyModel.Config with { VitNBlocks = blocks, LmNBlocks = blocks, VitDropout = 0.2, LmDropout = 0.2, LmTieWeights = true })
            : MixedModelTests.Make(ProjectorKind.Linear, bidirectional: true, dropPath: 0.5);
        model.train();
        return model;
    }
}
