using System.Text.Json;
using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Text;
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

    /// <param name="state">Where the run stands.</param>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">Its optimizer.</param>
    /// <param name="names">The parameters' names.</param>
    /// <param name="average">The moving average of the weights, if the run keeps one: it is what users get as the model.</param>
    /// <param name="device">The device whose random numbers the run uses.</param>
    internal TrainingSnapshot(TrainingState state, VisionLanguageModel model, AdamW optimizer, IReadOnlyDictionary<Parameter, string> names, WeightAverage? average, Device device)
    {
        (this.state, config) = (state, model.Config);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var weights = model.state_dict().ToDictionary(pair => pair.Key, pair => Copy(pair.Value));
        (this.model, trained) = average is null ? (weights, null) : (weights.ToDictionary(pair => pair.Key, pair => average.Of(pair.Key) is { } mean ? Copy(mean) : pair.Value), weights);
        foreach (var parameter in optimizer.parameters())
        {
            if (optimizer.StateOf(parameter) is not { } moments) continue; // it has not had a gradient yet
            var name = names[parameter];
            this.optimizer[name + ".step"] = tensor(moments.step);
            this.optimizer[name + ".exp_avg"] = Copy(moments.exp_avg);
            this.optimizer[name + ".exp_avg_sq"] = Copy(moments.exp_avg_sq);
        }
        random["cpu"] = get_rng_state();
        if (device.type == DeviceType.CUDA) random["cuda"] = cuda.get_rng_state(device);
        foreach (var tensor in All) tensor.DetachFromDisposeScope();

        static Tensor Copy(Tensor tensor) => tensor.device_type == DeviceType.CPU ? tensor.detach().clone() : tensor.detach().cpu();
    }

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
