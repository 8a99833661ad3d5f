using System.Globalization;
using NanoVlm.Configuration;
using NanoVlm.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>A part of the model as the optimizer sees it.</summary>
/// <param name="Name">projector, vision or language.</param>
/// <param name="PeakRate">Its peak learning rate; 0: frozen.</param>
/// <param name="Parameters">How many numbers it has.</param>
/// <param name="Trainable">How many of them are trained.</param>
/// <param name="Decayed">How many of them weight decay pulls on.</param>
/// <param name="WeightDecay">How strongly.</param>
/// <param name="DType">What they are kept in.</param>
internal sealed record ModelPart(string Name, double PeakRate, long Parameters, long Trainable, long Decayed, double WeightDecay, ScalarType DType);

/// <summary>
/// The optimizer's groups: a learning rate for each part, and weight decay for matrices only, or for all. A part whose rate is 0 is frozen
/// and has neither gradients nor moments.
/// </summary>
internal static class ParameterGroups
{
    /// <summary>Freezes the parts whose rate is 0 and what <see cref="TrainSection.Freeze"/> names, and groups the others.</summary>
    /// <param name="model">The model.</param>
    /// <param name="train">Rates, decay and betas.</param>
    /// <returns>The parts for people, and the groups with their peak rates.</returns>
    /// <exception cref="ConfigurationException">A pattern of train.freeze matches nothing, or nothing is left to train.</exception>
    public static (IReadOnlyList<ModelPart> Parts, IReadOnlyList<(AdamW.ParamGroup Group, double PeakRate)> Groups) Of(VisionLanguageModel model, TrainSection train)
    {
        var parts = new List<ModelPart>();
        var groups = new List<(AdamW.ParamGroup, double)>();
        var frozen = FrozenParameters.Of([.. model.named_parameters().Select(p => p.name)], train.Freeze);
        foreach (var (name, prefix, rate) in new[]
        {
            ("projector", "MP.", train.LrProjector), ("vision", "vision_encoder.", train.LrVision), ("language", "decoder.", train.LrLanguage),
        })
        {
            var named = model.named_parameters().Where(p => p.name.StartsWith(prefix, StringComparison.Ordinal)).ToArray();
            foreach (var (full, parameter) in named) parameter.requires_grad = rate > 0 && !frozen.Contains(full);
            var decayed = train.WeightDecay == 0 ? 0 : Count(named.Where(p => p.parameter.requires_grad && Decays(p.name, p.parameter)));
            parts.Add(new ModelPart(name, rate, Count(named), Count(named.Where(p => p.parameter.requires_grad)), decayed, train.WeightDecay, named is [var (_, first), ..] ? first.dtype : ScalarType.Float32));
            if (rate == 0) continue;
            named = [.. named.Where(p => p.parameter.requires_grad)];
            foreach (var decays in new[] { true, false })
            {
                var chosen = named.Where(p => Decays(p.name, p.parameter) == decays).Select(p => p.parameter).ToArray();
                if (chosen.Length > 0)
                    groups.Add((new AdamW.ParamGroup(chosen, rate, train.Betas[0], train.Betas[1], train.Eps, decays ? train.WeightDecay : 0), rate));
            }
        }
        FrozenParameters.Require(groups.Count > 0);
        return (parts, groups);

        // Norms, biases and embeddings are not decayed: pulling them to zero is no prior on what the model computes.
        bool Decays(string name, Parameter parameter) => train.WeightDecayOn == WeightDecayOn.All || IsMatrix(name, parameter);
    }

    /// <summary>What is trained and how, a line for each part.</summary>
    /// <param name="parts">The parts.</param>
    public static IEnumerable<string> Table(IReadOnlyList<ModelPart> parts) =>
        parts.Append(new ModelPart("all", double.NaN, parts.Sum(part => part.Parameters), parts.Sum(part => part.Trainable), parts.Sum(part => part.Decayed), double.NaN, ScalarType.Float32))
            .Select(part => string.Create(CultureInfo.InvariantCulture,
                $"{part.Name,-10} {part.Parameters,14:N0} {part.Trainable,14:N0} {(double.IsNaN(part.PeakRate) ? "" : part is { PeakRate: > 0, Trainable: > 0 } ? $"{part.PeakRate:0.0#e+0}" : "frozen"),10} {Decay(part),24} {(double.IsNaN(part.PeakRate) ? "" : part.DType.ToString().ToLowerInvariant()),9}").TrimEnd())
            .Prepend($"{"part",-10} {"parameters",14} {"trainable",14} {"peak rate",10} {"weight decay",24} {"dtype",9}");

    private static string Decay(ModelPart part) => double.IsNaN(part.WeightDecay) ? string.Create(CultureInfo.InvariantCulture, $"on {part.Decayed:N0}")
        : part.Decayed == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"{part.WeightDecay:0.####} on {part.Decayed:N0}");

    private static long Count(IEnumerable<(string Name, Parameter Parameter)> parameters) => parameters.Sum(entry => entry.Parameter.numel());

    private static bool IsMatrix(string name, Parameter parameter) =>
        parameter.Dimensions > 1 && !Embeddings.Any(ending => name.EndsWith(ending, StringComparison.Ordinal));

    private static readonly string[] Embeddings = ["embedding", "token_embedding.weight", "cls_token", "distillation_token", "register_tokens"];
}
