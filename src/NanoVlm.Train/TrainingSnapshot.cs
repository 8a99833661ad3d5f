using System.Text.Json;
using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Optimization;
using NanoVlm.Text;
using NanoVlm.Training.Distributed;
using NanoVlm.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>A copy of all that a checkpoint holds, taken between two steps: it can be written while training goes on.</summary>
internal sealed class TrainingSnapshot : IDisposable
{
    private readonly TrainingState state;
    private readonly VlmConfig config;
    private readonly Dictionary<string, Tensor> model;
    private readonly Dictionary<string, Tensor>? trained;
    private readonly Dictionary<string, Tensor> optimizer = [];
    private readonly Dictionary<string, Tensor> random = [];

    private TrainingSnapshot(TrainingState state, VisionLanguageModel model, WeightAverage? average)
    {
        (this.state, config) = (state, model.Config);
        var weights = model.state_dict().ToDictionary(pair => pair.Key, pair => Copy(pair.Value));
        (this.model, trained) = average is null ? (weights, null) : (weights.ToDictionary(pair => pair.Key, pair => average.Of(pair.Key) is { } mean ? Copy(mean) : pair.Value), weights);
    }

    /// <summary>Takes one. All ranks call it, since each has something that belongs into it; the first gets it.</summary>
    /// <param name="state">Where the run stands.</param>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">Its optimizer.</param>
    /// <param name="names">The parameters' names.</param>
    /// <param name="average">The moving average of the weights, if the run keeps one: it is what users get as the model.</param>
    /// <param name="ranks">The other processes, or null.</param>
    /// <param name="shards">Which rank has which moments; null: each has all.</param>
    /// <returns>Null on all ranks but the first.</returns>
    internal static TrainingSnapshot? Take(
        TrainingState state, VisionLanguageModel model, FusedAdamW optimizer, IReadOnlyDictionary<Parameter, string> names, WeightAverage? average, RankGroup? ranks = null, ParameterShards? shards = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var taken = ranks is null or { IsFirst: true } ? new TrainingSnapshot(state, model, average) : null;
        if (shards is not null)
            shards.Gather(optimizer, (parameter, moments) => taken!.Add(names[parameter], moments));
        else if (taken is not null)
            foreach (var parameter in optimizer.parameters())
                if (optimizer.StateOf(parameter) is { } moments) taken.Add(names[parameter], moments); // else it has not had a gradient yet
        var own = get_rng_state().bytes.ToArray();
        var all = ranks?.Gather("random numbers", own) ?? [own];
        for (var rank = 0; rank < all.Length && taken is not null; rank++) taken.random[$"cpu.{rank}"] = tensor(all[rank]);
        foreach (var tensor in taken?.All ?? []) tensor.DetachFromDisposeScope();
        return taken;
    }

    private void Add(string name, FusedAdamW.State moments)
    {
        optimizer[name + ".step"] = tensor(moments.step).DetachFromDisposeScope();
        optimizer[name + ".exp_avg"] = Copy(moments.exp_avg).DetachFromDisposeScope();
        optimizer[name + ".exp_avg_sq"] = Copy(moments.exp_avg_sq).DetachFromDisposeScope();
    }

    private static Tensor Copy(Tensor tensor) => tensor.device_type == DeviceType.CPU ? tensor.detach().clone() : tensor.detach().cpu();

    private IEnumerable<Tensor> All => model.Values.Union(trained is null ? [] : trained.Values).Concat(optimizer.Values).Concat(random.Values);

    /// <summary>Writes a checkpoint's files.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="processor">The model's image processor.</param>
    /// <exception cref="NanoVlmException">A file cannot be written.</exception>
    internal void Write(string folder, Tokenizer tokenizer, ImageProcessor processor)
    {
        Checkpoint.Save(folder, config, model, tokenizer, processor);
        if (trained is not null) SafeTensorsWriter.Write(Path.Combine(folder, TrainingCheckpoint.TrainedWeightsFile), trained);
        SafeTensorsWriter.Write(Path.Combine(folder, TrainingCheckpoint.OptimizerFile), optimizer);
        SafeTensorsWriter.Write(Path.Combine(folder, TrainingCheckpoint.RandomFile), random);
        File.WriteAllText(Path.Combine(folder, TrainingCheckpoint.StateFile), JsonSerializer.Serialize(state, Json.Indented) + "\n");
        TrainingCheckpoint.Seal(folder);
    }

    /// <summary>Frees the copies.</summary>
    public void Dispose()
    {
        foreach (var tensor in All) tensor.Dispose();
    }
}
