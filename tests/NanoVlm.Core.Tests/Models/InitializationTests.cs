using NanoVlm.Configuration;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>How a new model's weights begin.</summary>
[Collection(KernelChoice.Name)]
public sealed class InitializationTests
{
    [Fact]
    public void Whitened_filters_give_centred_features_of_unit_variance_whatever_the_pictures_statistics()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Make();
        var weight = model.get_parameter("vision_encoder.patch_embedding.conv.weight")!;
        var bias = model.get_parameter("vision_encoder.patch_embedding.conv.bias")!;
        var side = TinyModel.Config.VitImgSize;
        using var generator = new Generator(7);
        // Bright pictures whose pixels are mostly one brightness each: what drowns edges.
        var pictures = rand([200, 1, 1, 1], generator: generator) * 3 + randn([200, 3, side, side], generator: generator) * 0.2 + 1;

        PatchWhitening.Apply(model, pictures, seed: 1);

        using var mode = no_grad();
        var patch = TinyModel.Config.VitPatchSize;
        var features = nn.functional.conv2d(pictures, weight, bias, [patch, patch]).transpose(0, 1).flatten(1); // [hidden, all patches]
        Assert.True(features.mean([1]).abs().max().ToDouble() < 1e-2);
        Assert.InRange(features.var(1).mean().ToDouble(), 0.1, 1.2);
        // No direction rules: before whitening, brightness alone is nearly all of the variance.
        var spread = linalg.eigh(features.mm(features.t()) / features.shape[1]).Item1;
        Assert.True((spread.max() / spread.sum()).ToDouble() < 0.5, $"{spread.max().ToDouble()} of {spread.sum().ToDouble()}");
    }

    [Fact]
    public void The_same_seed_draws_the_same_weights_and_another_seed_others()
    {
        using var scope = NewDisposeScope();
        Assert.True(Drawn(3).equal(Drawn(3)).all().ToBoolean());
        Assert.False(Drawn(3).equal(Drawn(4)).all().ToBoolean());

        static Tensor Drawn(int seed)
        {
            using var model = TinyModel.Make();
            Initialization.Apply(model, new ModelSection(), seed);
            return cat([.. model.named_parameters().Select(entry => entry.parameter.detach().flatten())]);
        }
    }

    [Fact]
    public void Ranges_norms_biases_and_positions_are_as_configured()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = TinyModel.Make();
        var section = new ModelSection
        {
            Vision = new VisionSection { PositionInitializer = PositionInitializer.Sincos, PositionInitializerRange = 0.5 },
            Language = new LanguageSection { EmbeddingInitializerRange = 0.3 },
        };
        Initialization.Apply(model, section, seed: 1);
        foreach (var (name, parameter) in model.named_parameters())
        {
            var deviation = parameter.square().mean().sqrt().ToDouble();
            var inputs = (double)parameter.numel() / parameter.shape[0];
            var expected = name switch
            {
                _ when parameter.Dimensions == 1 => name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1,
                _ when name.EndsWith("position_embedding", StringComparison.Ordinal) => 0.5,
                _ when name.EndsWith("token_embedding.weight", StringComparison.Ordinal) => 0.3,
                _ => 1 / Math.Sqrt(inputs),
            };
            Assert.True(Math.Abs(deviation - expected) <= 0.15 * expected, $"{name}: {deviation}, expected {expected}");
        }
    }
}
