using NanoVlm.Models;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>
/// An exponential moving average of a model's trained weights (Polyak and Juditsky, 1992). Early on it follows faster, as in timm: at step t no more
/// than (1 + t) / (10 + t) of it stays.
/// </summary>
internal sealed class WeightAverage : IDisposable
{
    private readonly double decay;
    private readonly IReadOnlyList<(string Name, Tensor Weight, Tensor Mean)> pairs;
    private readonly Dictionary<string, Tensor> means;

    /// <summary>Begins at the weights as they are.</summary>
    /// <param name="model">The model; frozen weights are their own average.</param>
    /// <param name="decay">How much of the average stays at a step.</param>
    public WeightAverage(VisionLanguageModel model, double decay)
    {
        this.decay = decay;
        using var mode = no_grad();
        pairs = [.. model.named_parameters().Where(p => p.parameter.requires_grad).Select(p => (p.name, (Tensor)p.parameter, p.parameter.detach().clone().DetachFromDisposeScope()))];
        means = pairs.ToDictionary(pair => pair.Name, pair => pair.Mean);
    }

    /// <summary>A parameter's average; null: it is frozen, and its own average.</summary>
    /// <param name="name">Its name in the model.</param>
    public Tensor? Of(string name) => means.GetValueOrDefault(name);

    /// <summary>Takes in the weights after a step.</summary>
    /// <param name="step">Steps done, from 1.</param>
    public void Update(int step)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var stays = Math.Min(decay, (1.0 + step) / (10 + step));
        foreach (var (_, weight, mean) in pairs) mean.mul_(scalar(stays)).add_(weight.detach(), scalar(1 - stays));
    }

    /// <summary>Exchanges weights and averages: an evaluation between two calls is of the average.</summary>
    public void Swap()
    {
        using var mode = no_grad();
        foreach (var (_, weight, mean) in pairs)
        {
            using var kept = weight.detach().clone();
            weight.copy_(mean);
            mean.copy_(kept);
        }
    }

    /// <summary>Frees the averages.</summary>
    public void Dispose()
    {
        foreach (var (_, _, mean) in pairs) mean.Dispose();
    }
}
