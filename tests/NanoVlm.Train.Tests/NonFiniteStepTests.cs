using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Models;
using NanoVlm.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Training.Tests;

public sealed class NonFiniteStepTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly RunConfig config = RunConfig.Parse(TinyRun.Config);
    private readonly VisionLanguageModel model;

    public NonFiniteStepTests()
    {
        File.WriteAllText(folder["tiny.json"], TinyRun.Config);
        model = new VisionLanguageModel(config.ToVlmConfig(300), 7);
        using var mode = no_grad();
        using var generator = new Generator(1);
        foreach (var parameter in model.parameters()) parameter.normal_(parameter.Dimensions == 1 ? 1 : 0, 0.02, generator: generator);
    }

    [Fact]
    public void A_step_whose_loss_is_not_finite_changes_nothing_and_names_its_samples_and_the_first_bad_module()
    {
        using var step = new Step(model, config.Train);
        step.Take(0, Batch()); // moments are there
        var before = Weights();
        var result = step.Take(1, Batch(pixel: float.NaN));
        Assert.False(double.IsFinite(result.Loss));
        Assert.Contains("Step 2: the loss is NaN", result.Fault);
        Assert.Contains("the image processor (pixel_values)", result.Fault);
        Assert.Contains("set.jsonl:7", result.Fault);
        Assert.Equal(before, Weights());
        Assert.All(model.parameters(), parameter => Assert.Null(parameter.grad));
        Assert.Null(step.Take(2, Batch()).Fault);
        Assert.NotEqual(before, Weights());
    }

    [Theory]
    [InlineData("vision_encoder.patch_embedding.conv.weight", "vision_encoder.patch_embedding")]
    [InlineData("MP.proj.weight", "MP")]
    [InlineData("decoder.norm.weight", "decoder.norm")]
    public void The_module_that_first_overflows_is_named(string parameter, string module)
    {
        using (no_grad()) model.named_parameters().Single(entry => entry.name == parameter).parameter.normal_().clamp_(-1, 1).mul_(2e38);
        using var step = new Step(model, config.Train);
        Assert.Contains($"The first module to give what is not finite is {module}:", step.Take(0, Batch()).Fault);
    }

    [Fact]
    public void Bad_weights_are_named_before_what_they_lead_to()
    {
        using (no_grad()) model.named_parameters().Single(entry => entry.name == "decoder.norm.weight").parameter.fill_(double.NaN);
        using var step = new Step(model, config.Train);
        Assert.Contains("The weights of decoder.norm are not finite (decoder.norm.weight)", step.Take(0, Batch()).Fault);
    }

    [Fact]
    public void A_run_stops_after_so_many_bad_steps_in_a_row_and_counts_them()
    {
        var run = NanoVlmProgram.Run(folder.Path, "--config", "tiny.json", "--set", "train.lr_language=1e38", "train.lr_vision=1e38", "train.max_skipped_steps=2", "train.log_every=1", "train.warmup_fraction=0", "train.eval_every=100");
        run.Failed(1, "Step 2: the loss is", "The step is left out", "Step 4: the loss is", "number 3 in a row", "train.max_skipped_steps", "Its samples:");
        var metrics = File.ReadAllLines(folder["checkpoints/tiny/metrics.jsonl"]);
        Assert.Contains("\"loss\":null", metrics[2]);
        Assert.Contains("\"skipped_steps\":2", metrics[2]);
    }

    public void Dispose()
    {
        model.Dispose();
        folder.Dispose();
    }

    private static Batch Batch(float pixel = 0.5f)
    {
        var pixels = new float[3 * 64 * 64];
        Array.Fill(pixels, pixel);
        var ids = Enumerable.Range(0, 24).Select(i => i < 4 ? 7L : 10 + i).ToArray();
        var labels = ids.Select((_, i) => i is > 10 and < 20 ? ids[i + 1] : -100).ToArray();
        return new Batch(1, 24, ids, labels, [.. Enumerable.Repeat(1L, 24)], 1, 64, pixels, [[new BatchSample(0, "set.jsonl:7", 24, 9, 1, 1)]]);
    }

    private float[] Weights() => [.. model.parameters().SelectMany(parameter => parameter.detach().data<float>().ToArray())];

    // A training step with an optimizer of its own.
    private sealed class Step : IDisposable
    {
        private readonly FusedAdamW optimizer;
        private readonly TrainingStep step;

        internal Step(VisionLanguageModel model, TrainSection train)
        {
            var (_, groups) = ParameterGroups.Of(model, train);
            optimizer = new FusedAdamW(groups.Select(g => g.Group));
            step = new TrainingStep(model, optimizer, groups, train, CPU);
        }

        internal StepResult Take(int number, Batch batch) => step.Run(number, [batch]);

        public void Dispose()
        {
            step.Dispose();
            optimizer.Dispose();
        }
    }
}
