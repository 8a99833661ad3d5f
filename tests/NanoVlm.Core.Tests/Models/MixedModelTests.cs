using NanoVlm.Configuration;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>A model of parts that nanoVLM does not have: a DINOv3 tower, a Gemma-3 decoder, and any projector between them.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class MixedModelTests
{
    internal const long Image = 520;

    private static readonly VisionConfig Dinov3 = new()
    {
        HiddenSize = 16,
        IntermediateSize = 24,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        PatchSize = 8,
        ImageSize = 32,
        LayerNormEps = 1e-5,
        PositionEmbedding = PositionEmbedding.Rope2d,
        ClassToken = true,
        NumRegisterTokens = 2,
        QkvBias = ProjectionBias.QueryValue,
        LayerScale = true,
        HiddenAct = Activation.Silu,
        GatedMlp = true,
        RopeRescale = 2,
    };

    private static readonly LanguageConfig Gemma3 = new()
    {
        VocabSize = 586,
        HiddenSize = 24,
        IntermediateSize = 32,
        NumHiddenLayers = 3,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 16,
        MaxPositionEmbeddings = 64,
        RopeTheta = 1_000_000,
        RopeScaling = new RopeScaling(RopeType.Linear, 8),
        RopeLocalTheta = 10_000,
        NormUnitOffset = true,
        SandwichNorm = true,
        QkNorm = true,
        EmbeddingScale = true,
        QueryPreAttnScalar = 12,
        SlidingWindow = 4,
        LayerTypes = [LayerType.SlidingAttention, LayerType.SlidingAttention, LayerType.FullAttention],
        HiddenAct = Activation.GeluTanh,
    };

    public static TheoryData<ProjectorKind, bool> Kinds
    {
        get
        {
            var data = new TheoryData<ProjectorKind, bool>();
            foreach (var kind in Enum.GetValues<ProjectorKind>())
            {
                data.Add(kind, false);
                data.Add(kind, true);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_loss_is_finite_and_every_parameter_takes_part_in_it(ProjectorKind kind, bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var model = Make(kind);
        var (ids, labels) = Text(4);
        var (sum, count) = model.Loss(ids, Pixels(32, 32), labels);
        Assert.Equal(10, count);
        Assert.Equal(Math.Log(586), sum.ToDouble() / count, 2.0); // of random weights, about even chances
        sum.backward();
        foreach (var (name, parameter) in model.named_parameters())
        {
            Assert.True(parameter.grad is not null && parameter.grad.isfinite().all().ToBoolean(), name);
            Assert.True(parameter.grad!.abs().max().ToDouble() > 1e-9, $"{name} has no gradient");
        }
    }

    [Theory, InlineData(ProjectorKind.Linear), InlineData(ProjectorKind.Mlp), InlineData(ProjectorKind.AveragePool)]
    public void Kernels_and_composites_give_one_loss_and_one_gradient(ProjectorKind kind)
    {
        using var scope = NewDisposeScope();
        using var model = Make(kind);
        model.eval(); // the coordinates are moved at random otherwise
        var (composites, kernels) = (Run(false), Run(true));
        foreach (var (name, gradient) in composites) Near.Equal(gradient, kernels[name], 1e-3, name);

        Dictionary<string, Tensor> Run(bool fused)
        {
            using var kernel = Kernel.Fused(fused);
            var (ids, labels) = Text(4);
            model.zero_grad();
            var (sum, _) = model.Loss(ids, Pixels(32, 32), labels);
            sum.backward();
            var results = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone());
            results["loss"] = sum.detach();
            return results;
        }
    }

    [Fact]
    public void The_projector_gets_the_patches_and_neither_the_CLS_token_nor_registers()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = Make(ProjectorKind.Linear);
        model.eval();
        var pixels = Pixels(32, 32);
        var tokens = model.VisionEncoder.call(pixels, ScalarType.Float32);
        Assert.Equal([2, 1 + 2 + 16, 16], tokens.shape);
        Near.Equal(model.Projector.forward(tokens.narrow(1, 3, 16), 4, 4), model.EncodeImages(pixels), 1e-6);
        var disturbed = tokens.clone();
        disturbed.narrow(1, 0, 3).fill_(1e3);
        Near.Equal(model.EncodeImages(pixels), model.Project(disturbed, pixels), 1e-6);
    }

    [Theory, InlineData(32, 64), InlineData(48, 16), InlineData(16, 16)]
    public void Images_of_other_sizes_give_as_many_tokens_as_their_grid_has_squares(int height, int width)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = Make(ProjectorKind.AveragePool);
        model.eval();
        var tokens = height / 16 * (width / 16);
        var (ids, _) = Text(tokens);
        Assert.Equal([2, tokens, 24], model.EncodeImages(Pixels(height, width)).shape);
        var logits = model.Decoder.Logits(model.forward(ids, Pixels(height, width)));
        Assert.Equal([2, tokens + 6, 586], logits.shape);
        Assert.True(logits.isfinite().all().ToBoolean());
    }

    [Theory, InlineData(ProjectorKind.Linear, true), InlineData(ProjectorKind.Mlp, false), InlineData(ProjectorKind.AveragePool, true)]
    public void A_checkpoint_of_it_is_the_same_model(ProjectorKind kind, bool bidirectional)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var folder = new TemporaryFolder();
        using var model = Make(kind, bidirectional);
        model.eval();
        using (var nanovlm = Checkpoint.Load(RepositoryFiles.Golden("nanovlm-tied")))
            Checkpoint.Save(folder.Path, model, nanovlm.Tokenizer, new ImageProcessor(new ImageProcessorConfig { TileSize = 32, MaxSide = 32, Split = false }));
        using var loaded = Checkpoint.Load(folder.Path);
        Assert.Equal(model.Config.ToJson(), loaded.Model.Config.ToJson());
        Assert.Equal(Image, loaded.Model.ImageTokenId);
        var (ids, _) = Text(4);
        Assert.True(Logits(model).bytes.SequenceEqual(Logits(loaded.Model).bytes));
        Assert.Equal(Answer(model), Answer(loaded.Model));

        Tensor Logits(VisionLanguageModel of) => of.Decoder.Logits(of.forward(ids, Pixels(32, 32)));
        long[] Answer(VisionLanguageModel of) => Decoding.Generate(of, ids, Pixels(32, 32), null, 5).data<long>().ToArray();
    }

    [Fact]
    public void Where_images_see_themselves_in_both_directions_an_early_token_hears_of_a_late_patch()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (ids, _) = Text(4);
        foreach (var bidirectional in new[] { false, true })
        {
            using var model = Make(ProjectorKind.Linear, bidirectional);
            model.eval();
            var features = model.EncodeImages(Pixels(32, 32));
            var other = features.clone();
            other.narrow(1, 3, 1).mul_(-1);
            var spans = model.Spans(ids);
            Assert.Equal(bidirectional, spans is not null);
            var change = (model.Decoder.forward(model.Embed(ids, features), spans: spans) - model.Decoder.forward(model.Embed(ids, other), spans: spans)).abs();
            Assert.Equal(bidirectional, change.narrow(1, 1, 3).max().ToDouble() > 1e-4); // the image's first three tokens
            Assert.Equal(0, change.narrow(1, 0, 1).max().ToDouble()); // the text before it
        }
    }

    [Fact]
    public void Moments_in_bfloat16_train_as_well_as_those_in_float32()
    {
        var losses = new List<double>();
        foreach (var moments in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            using var model = Make(ProjectorKind.Mlp, bidirectional: true);
            using var optimizer = new FusedAdamW(model.parameters(), 1e-3, beta2: 0.95);
            optimizer.StateDtype = moments;
            manual_seed(1); // DINOv3 moves its coordinates at random
            for (var step = 0; step < 60; step++)
                using (NewDisposeScope())
                {
                    var (ids, labels) = Text(4);
                    var (sum, count) = model.Loss(ids, Pixels(32, 32), labels);
                    (sum / count).backward();
                    optimizer.step();
                    model.zero_grad();
                    if (step is 0 or 59) losses.Add(sum.ToDouble() / count);
                }
        }
        var (first, exact, rounded) = (losses[0], losses[1], losses[3]);
        Assert.True(exact < first / 2, $"the loss went from {first} to {exact}");
        Assert.True(Math.Abs(rounded - exact) < 0.03 * first, $"the loss came to {exact} with moments in float32, to {rounded} in bfloat16");
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Training_steps_leave_no_tensor_behind(bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var model = Make(ProjectorKind.Mlp, bidirectional: true);
        using var optimizer = new FusedAdamW(model.parameters(), 3e-3);
        var losses = new List<double>();
        var live = 0L;
        for (var step = 0; step < 22; step++)
        {
            using (NewDisposeScope())
            {
                var (ids, labels) = Text(4);
                var (sum, count) = model.Loss(ids, Pixels(32, 32), labels);
                (sum / count).backward();
                optimizer.step();
                optimizer.zero_grad();
                losses.Add(sum.ToDouble() / count);
            }
            if (step == 1) live = LeakCheck.LiveTensors();
        }
        LeakCheck.AssertNoneSince(live, "A step");
        Assert.True(losses[^1] < losses[0] - 0.5, $"the loss went from {losses[0]} to {losses[^1]}");
    }

    internal static VisionLanguageModel Make(ProjectorKind kind, bool bidirectional = false, double dropPath = 0)
    {
        var config = new VlmConfig { MpPixelShuffleFactor = 2, MpImageTokenLength = 4, MpKind = kind, LmBidirectionalImages = bidirectional, LmTokenizer = ".", MaxImgSize = 32 }
            .With(Dinov3 with { DropPath = dropPath }).With(Gemma3) with
        { LmBaseVocabSize = 520, ExtraTokenAmount = 66 };
        var model = new VisionLanguageModel(config.Validated(), Image);
        using var generator = new Generator(1);
        foreach (var (name, parameter) in model.named_parameters())
            Drawn.Normal(parameter, parameter.Dimensions == 1 && name.Contains(".ls", StringComparison.Ordinal) ? 1 : 0, parameter.Dimensions == 1 ? 0.1 : 0.2, generator);
        return model;
    }

    // A word, an image, five words; each word after the image is to be foretold.
    private static (Tensor Ids, Tensor Labels) Text(int imageTokens)
    {
        long[][] rows = [[7, .. Enumerable.Repeat(Image, imageTokens), 11, 12, 13, 14, 15], [8, .. Enumerable.Repeat(Image, imageTokens), 21, 22, 23, 24, 25]];
        var ids = tensor(rows.SelectMany(row => row).ToArray(), [2, imageTokens + 6]);
        var labels = full_like(ids, -100L);
        labels.narrow(1, imageTokens, 5).copy_(ids.narrow(1, imageTokens + 1, 5));
        return (ids, labels);
    }

    private static Tensor Pixels(int height, int width)
    {
        using var generator = new Generator(4);
        return rand([2, 3, height, width], generator: generator);
    }
}
