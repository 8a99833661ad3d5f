using NanoVlm.Configuration;
using NanoVlm.Models;
using TorchSharp.Modules;

namespace NanoVlm.Training;

/// <summary>A part of the model as the optimizer sees it.</summary>
/// <param name="Name">projector, vision or language.</param>
/// <param name="PeakRate">Its peak learning rate; 0: frozen.</param>
/// <param name="Parameters">How many numbers it has.</param>
public sealed record ModelPart(string Name, double PeakRate, long Parameters);

/// <summary>
/// The optimizer's groups: a learning rate for each part, and weight decay for matrices only. A part whose rate is 0 is frozen
/// and has neither gradients nor moments.
/// </summary>
public static class ParameterGroups
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
            parts.Add(new ModelPart(name, rate, named.Sum(p => p.parameter.numel())));
            foreach (var (full, parameter) in named) parameter.requires_grad = rate > 0 && !frozen.Contains(full);
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
    }

    // Norms, biases and embeddings are not decayed: pulling them to zero is no prior on what the model computes.
    private static bool Decays(string name, Parameter parameter) =>
        parameter.Dimensions > 1 && !Embeddings.Any(ending => name.EndsWith(ending, StringComparison.Ordinal));

    private static readonly string[] Embeddings = ["embedding", "token_embedding.weight", "cls_token", "distillation_token", "register_tokens"];
}
