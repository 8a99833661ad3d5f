using System.Text.Json;
using NanoVlm.Configuration;
using NanoVlm.Models;
using Tensorboard;

namespace NanoVlm.Training.Tests;

/// <summary>Runs that are started from code.</summary>
public sealed class TrainingRunTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_run_stops_goes_on_and_gives_its_figures_again()
    {
        var stopped = Train(resume: false, "train.stop_at_step=1");
        Assert.True(stopped.Finished);
        Assert.Equal(1, stopped.Summary!.Steps);
        Assert.True(File.Exists(Path.Combine(stopped.Folder, "report.html")));

        var finished = Train(resume: true);
        Assert.Equal(2, finished.Summary!.Steps);
        Assert.Equal(2, finished.Samples.Select(sample => sample.Item.Images[0].Name).Distinct().Count());

        var again = Train(resume: true);
        Assert.Equal((finished.Folder, finished.Summary.FinalLoss, finished.Summary.TestQuestions), (again.Folder, again.Summary!.FinalLoss, again.Summary.TestQuestions));
        Assert.Contains("--resume", Assert.Throws<NanoVlmException>(() => Train(resume: false)).Message);
    }

    [Fact]
    public void TensorBoard_reads_each_step_once_also_of_a_run_that_went_on()
    {
        Train(resume: false, "train.tensorboard=true", "train.log_every=1", "train.stop_at_step=1");
        var finished = Train(resume: true, "train.tensorboard=true", "train.log_every=1");
        var file = Assert.Single(Directory.GetFiles(Path.Combine(finished.Folder, "tensorboard")));
        Assert.Contains("tfevents", Path.GetFileName(file));
        var scalars = Events(file).SelectMany(e => (e.Summary?.Value ?? []).Select(value => (e.Step, value.Tag, value.SimpleValue))).ToList();
        var lines = File.ReadLines(Path.Combine(finished.Folder, "metrics.jsonl")).Select(line => JsonElement.Parse(line)).ToList();
        var losses = lines.Where(line => line.TryGetProperty("loss", out _)).Select(line => (line.GetProperty("step").GetInt64(), line.GetProperty("loss").GetSingle()));
        Assert.Equal(losses, scalars.Where(scalar => scalar.Tag == "train/loss").Select(scalar => (scalar.Step, scalar.SimpleValue)));
        Assert.Contains(scalars, scalar => scalar.Tag == "train/learning_rate");
        Assert.Contains(scalars, scalar => scalar.Tag == "evaluation/validation_accuracy");
        Assert.Contains(scalars, scalar => scalar.Tag.StartsWith("evaluation/by_kind/", StringComparison.Ordinal));
    }

    public void Dispose() => folder.Dispose();

    // TFRecord: a length of 8 bytes, its checksum of 4, the event, its checksum of 4.
    private static IEnumerable<Event> Events(string file)
    {
        using var reader = new BinaryReader(File.OpenRead(file));
        while (reader.BaseStream.Position < reader.BaseStream.Length)
        {
            var length = (int)reader.ReadInt64();
            reader.ReadInt32();
            yield return Event.Parser.ParseFrom(reader.ReadBytes(length));
            reader.ReadInt32();
        }
    }

    private TrainingResult Train(bool resume, params string[] more)
    {
        var config = RunConfig.Load(path: null,
        [
            $"train.output_dir={folder["runs"]}", "train.run_name=run", "train.max_steps=2", "train.batch_size=2", "train.eval_limit=2", "train.threads=1",
            $"data.train[0].path={folder["shapes"]}", "data.train[0].images=4", "data.train[0].validation=2", "data.train[0].test=2", "data.train[0].questions_per_image=1", .. more,
        ]);
        var plan = ModelPlan.Of(config);
        using var model = plan.Build(config.Train.Seed);
        return TrainingRun.Train(config, plan, model, resume);
    }
}
