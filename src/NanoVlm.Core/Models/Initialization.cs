using NanoVlm.Configuration;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>How the weights of a new model begin: matrices normal, biases zero, norms one.</summary>
internal static class Initialization
{
    /// <summary>Draws every weight of a model anew. The same seed gives the same weights whatever the number of threads.</summary>
    /// <param name="model">The model.</param>
    /// <param name="section">The ranges.</param>
    /// <param name="seed">Where the stream of random numbers begins.</param>
    public static void Apply(VisionLanguageModel model, ModelSection section, int seed)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var generator = new Generator((ulong)seed);
        foreach (var (name, parameter) in model.named_parameters())
        {
            // A pretrained part is about to be filled.
            if (section.Vision.Pretrained is not null && name.StartsWith("vision_encoder.", StringComparison.Ordinal)) continue;
            if (section.Language.Pretrained is not null && name.StartsWith("decoder.", StringComparison.Ordinal)) continue;
            if (parameter.Dimensions == 1)
            {
                // Gemma's projector norms by 1 + weight.
                if (name.EndsWith(".bias", StringComparison.Ordinal) || name == "MP.norm.weight") init.zeros_(parameter);
                else init.ones_(parameter);
                continue;
            }
            var inputs = parameter.numel() / parameter.shape[0];
            var deviation = name switch
            {
                _ when name.EndsWith("position_embedding", StringComparison.Ordinal) => section.Vision.PositionInitializerRange,
                _ when name.EndsWith("token_embedding.weight", StringComparison.Ordinal) => section.Language.EmbeddingInitializerRange,
                _ when name.StartsWith("vision_encoder.", StringComparison.Ordinal) => section.Vision.InitializerRange ?? 1 / Math.Sqrt(inputs),
                _ when name.StartsWith("MP.", StringComparison.Ordinal) => section.Projector.InitializerRange ?? 1 / Math.Sqrt(inputs),
                _ => section.Language.InitializerRange ?? 1 / Math.Sqrt(inputs),
            };
            if (name.EndsWith("position_embedding", StringComparison.Ordinal) && section.Vision.PositionInitializer == PositionInitializer.Sincos)
                parameter.copy_(Sincos(parameter.shape[1], parameter.shape[2]) * scalar(deviation));
            else
                parameter.normal_(0, deviation, generator);
        }
    }

    // Row in the first half of the features, column in the second; unit mean square. A side spans 8 units of angle, and
    // wavelengths grow by a factor of 100 over the features.
    private static Tensor Sincos(long patches, long size)
    {
        var side = (int)Math.Sqrt(patches);
        var values = new float[patches * size];
        var quarter = (int)(size / 4);
        for (var patch = 0; patch < patches; patch++)
            for (var i = 0; i < quarter; i++)
            {
                var frequency = Math.Pow(100, -(double)i / quarter) * 8 / side;
                var (row, column) = (patch / side * frequency, patch % side * frequency);
                var at = patch * size;
                values[at + i] = (float)(Math.Sqrt(2) * Math.Sin(row));
                values[at + quarter + i] = (float)(Math.Sqrt(2) * Math.Cos(row));
                values[at + 2 * quarter + i] = (float)(Math.Sqrt(2) * Math.Sin(column));
                values[at + 3 * quarter + i] = (float)(Math.Sqrt(2) * Math.Cos(column));
            }
        return tensor(values, [1, patches, size]);
    }
}
