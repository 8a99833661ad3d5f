using NanoVlm.Configuration;
using NanoVlm.Models;

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

    public void Dispose() => folder.Dispose();

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
