using NanoVlm.Configuration;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>How the weights of a new model are drawn: normal for matrices, zeros for biases, ones for norms.</summary>
public sealed record Initialization
{
    /// <summary>Standard deviation of the vision tower's matrices.</summary>
    public double Vision { get; init; } = 0.02;

    /// <summary>Standard deviation of the position embeddings. (nanoVLM draws them from [0, 1), which hides the patches at first.)</summary>
    public double Positions { get; init; } = 0.02;

    /// <summary>Standard deviation of the projector and the decoder's matrices.</summary>
    public double Language { get; init; } = 0.02;

    /// <summary>Standard deviation of the token embeddings.</summary>
    public double Embeddings { get; init; } = 0.02;

    /// <summary>What a run's configuration asks for.</summary>
    public static Initialization From(ModelSection model) => new()
    {
        Vision = model.Vision.InitializerRange,
        Positions = model.Vision.PositionInitializerRange,
        Language = model.Language.InitializerRange,
        Embeddings = model.Language.InitializerRange,
    };

    /// <summary>Draws every weight of a model anew. The same seed gives the same weights whatever the number of threads.</summary>
    /// <param name="model">The model.</param>
    /// <param name="seed">Where the stream of random numbers begins.</param>
    public void Apply(VisionLanguageModel model, int seed)
    {
        using var generator = new Generator((ulong)seed);
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (parameter.Dimensions == 1)
            {
                if (name.EndsWith(".bias", StringComparison.Ordinal)) init.zeros_(parameter);
                else init.ones_(parameter);
                continue;
            }
            var deviation = name switch
            {
                _ when name.EndsWith("position_embedding", StringComparison.Ordinal) => Positions,
                _ when name.EndsWith("token_embedding.weight", StringComparison.Ordinal) => Embeddings,
                _ when name.StartsWith("vision_encoder.", StringComparison.Ordinal) => Vision,
                _ => Language,
            };
            init.normal_(parameter, 0, deviation, generator);
        }
    }
}
