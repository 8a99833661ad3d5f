using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Optimization;
using NanoVlm.Text;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training.Tests;

public sealed class TrainingSnapshotTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly VisionLanguageModel model = new(RunConfig.Parse(TinyRun.Config).ToVlmConfig(300), 7);
    private readonly FusedAdamW optimizer;
    private readonly Dictionary<Parameter, string> names;

    public TrainingSnapshotTests()
    {
        using (no_grad())
            foreach (var parameter in model.parameters()) parameter.normal_(0, 0.02);
        optimizer = new FusedAdamW(ParameterGroups.Of(model, new TrainSection()).Groups.Select(g => g.Group));
        names = model.named_parameters().ToDictionary(entry => entry.parameter, entry => entry.name);
        Train();
    }

    [Fact]
    public void A_snapshot_is_of_the_moment_it_was_taken_and_leaves_nothing_behind()
    {
        var before = Values(optimizer.parameters().First());
        var moment = Values(optimizer.StateOf(optimizer.parameters().First())!.exp_avg);
        using (var snapshot = TrainingSnapshot.Take(new TrainingState { Step = 1 }, model, optimizer, names, null)!)
        {
            Train();
            snapshot.Write(folder["snapshot"], Tokenizer.Load(RepositoryFiles.At("configs/shapes-tokenizer")), new ImageProcessor(new ImageProcessorConfig { TileSize = 64, MaxSide = 64, Split = false }));
        }
        TrainingCheckpoint.Verify(folder["snapshot"]);
        Checkpoint.LoadWeights(model, folder["snapshot"], "decoder.", model.Config.LmTieWeights);
        TrainingCheckpoint.LoadOptimizer(folder["snapshot"], optimizer, optimizer.parameters(), names);
        Assert.Equal(before, Values(optimizer.parameters().First()));
        Assert.Equal(moment, Values(optimizer.StateOf(optimizer.parameters().First())!.exp_avg));
        Assert.All(optimizer.parameters(), parameter => Assert.Equal(1, optimizer.StateOf(parameter)!.step));
    }

    [Fact]
    public void The_average_is_that_of_the_weights_so_far()
    {
        using var average = new WeightAverage(model, 0.5);
        var name = names[optimizer.parameters().First()];
        var (first, expected) = (Values(optimizer.parameters().First()), 0f);
        for (var step = 1; step <= 5; step++)
        {
            Train();
            average.Update(step);
            var now = Values(optimizer.parameters().First())[0];
            var stays = Math.Min(0.5f, (1f + step) / (10 + step));
            expected = step == 1 ? stays * first[0] + (1 - stays) * now : stays * expected + (1 - stays) * now;
        }
        Assert.Equal(expected, Values(average.Of(name)!)[0], 1e-6f);
        var weights = Values(optimizer.parameters().First());
        average.Swap();
        Assert.Equal(expected, Values(optimizer.parameters().First())[0], 1e-6f);
        average.Swap();
        Assert.Equal(weights, Values(optimizer.parameters().First()));
    }

    public void Dispose()
    {
        optimizer.Dispose();
        model.Dispose();
        folder.Dispose();
    }

    private void Train()
    {
        using var scope = NewDisposeScope();
        foreach (var parameter in model.parameters()) parameter.grad = ones_like(parameter);
        optimizer.step();
        model.zero_grad();
    }

    private static float[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().data<float>().ToArray();
    }
}
