using NanoVlm.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Training.Tests;

public sealed class AccumulationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Accumulated_batches_train_as_one_large_batch()
    {
        File.WriteAllText(folder["tiny.json"], TinyRun.Config);
        var (large, small) = (Weights("large", batch: 8, accumulation: 1), Weights("small", batch: 2, accumulation: 4));
        using var scope = NewDisposeScope();
        using var one = SafeTensorsFile.Open(large);
        using var other = SafeTensorsFile.Open(small);
        foreach (var name in one.Names)
        {
            // Adam's first steps are of size lr whatever the gradient's: noise around zero gradients shows in full.
            var distance = (one.Tensor(name) - other.Tensor(name)).abs().mean().ToDouble();
            Assert.True(distance < 2e-6, $"{name}: {distance}");
        }
    }

    public void Dispose() => folder.Dispose();

    private string Weights(string name, int batch, int accumulation)
    {
        NanoVlmProgram.Run(folder.Path, [
            "train", "--config", "tiny.json", "--set", $"train.run_name={name}", $"train.batch_size={batch}", $"train.gradient_accumulation={accumulation}", "train.max_steps=6",
            "train.eval_every=6", "train.eval_limit=2", "eval.limit=2",
        ]).Succeeded();
        return folder[$"checkpoints/{name}/last/model.safetensors"];
    }
}
