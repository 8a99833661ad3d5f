using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

[Collection(nameof(TinyRun))]
public sealed class FinishedRunTests(TinyRun run)
{
    [Fact]
    public void Its_folder_holds_what_the_design_says()
    {
        run.Result.Succeeded();
        Assert.Equal(
            ["best", "evaluations", "last", "log.txt", "metrics.jsonl", "report.html", "run.json", "summary.json"],
            Directory.EnumerateFileSystemEntries(run.Run).Select(Path.GetFileName).Where(name => !name!.StartsWith("step_", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal("step_000040", new FileInfo(Path.Combine(run.Run, "last")).LinkTarget);
        var steps = Directory.GetDirectories(run.Run, "step_*").Where(path => new FileInfo(path).LinkTarget is null).Select(Path.GetFileName).ToArray();
        Assert.InRange(steps.Length, 2, 3); // the last two and, where it is another, the best
        Assert.Contains(new FileInfo(run.Best).LinkTarget, steps);
        foreach (var file in new[] { "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "trainer_state.json", "optimizer.safetensors", "rng.safetensors", "SHA256SUMS" })
            Assert.True(File.Exists(Path.Combine(run.Best, file)), file);
    }

    [Fact]
    public void Its_summary_has_the_figures()
    {
        var summary = Read("summary.json");
        foreach (var key in new[] { "test_accuracy", "blind_accuracy", "majority_accuracy" })
            Assert.InRange((double)summary[key]!, 0, 1);
        Assert.Equal(40, (int)summary["steps"]!);
        foreach (var key in new[] { "train_seconds", "samples_per_second", "peak_rss_bytes" })
            Assert.True((double)summary[key]! > 0, key);
        string[] kinds = ["colour", "count", "existence", "relation", "shape"];
        foreach (var key in new[] { "test_accuracy_by_kind", "blind_accuracy_by_kind", "majority_accuracy_by_kind" })
            Assert.Equal(kinds, summary[key]!.AsObject().Select(kind => kind.Key));
    }

    [Fact]
    public void Its_steps_have_times_that_add_up_and_work_that_was_counted()
    {
        foreach (var step in Metrics(run.Run).Where(line => line.ContainsKey("loss")))
        {
            var parts = new[] { "data_seconds", "forward_seconds", "backward_seconds", "optimizer_seconds" }.Sum(key => (double)step[key]!);
            Assert.InRange(parts, 0, (double)step["step_seconds"]!);
            Assert.Equal(8, (int)step["samples"]!);
            Assert.Equal((int)step["tokens"]! / (double)step["step_seconds"]!, (double)step["tokens_per_second"]!, 1e-6 * (double)step["tokens_per_second"]!);
            Assert.True((double)step["flops"]! > 1e6);
            Assert.InRange((double)step["mfu"]!, 1e-9, 1.5);
        }
    }

    [Fact]
    public void Its_start_tells_what_is_trained_and_how_fast_the_machine_is()
    {
        foreach (var text in new[] { "part ", "weight decay", "projector ", "0.01 on 4,096", "GFLOP/s" }) Assert.Contains(text, run.Result.Error);
    }

    [Fact]
    public void It_is_not_trained_again()
    {
        var before = File.ReadAllBytes(Path.Combine(run.Run, "metrics.jsonl"));
        var again = NanoVlmProgram.Run(run.Folder, "--config", "tiny.json", "--resume");
        again.Succeeded();
        Assert.Contains("is finished", again.Error);
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(run.Run, "metrics.jsonl")));
    }

    [Fact]
    public void Its_record_names_versions_and_the_whole_configuration()
    {
        var record = Read("run.json");
        foreach (var key in new[] { "dotnet", "libtorch", "nanovlm", "started", "os", "compute" }) Assert.NotEqual("", (string)record[key]!);
        Assert.Equal(40, (int)record["config"]!["train"]!["max_steps"]!);
        Assert.Equal(0.9, (double)record["config"]!["train"]!["betas"]![0]!); // a default
    }

    [Fact]
    public void Its_loss_falls() => Assert.True(Losses()[^1].Loss < 0.6 * Losses()[0].Loss);

    [Fact]
    public void Every_step_leaves_as_many_live_tensors_as_the_first()
    {
        // Without checkpoints, whose copies live while they are written.
        NanoVlmProgram.Run(run.Folder, "--config", "tiny.json", "--set", "train.run_name=flat", "train.stop_at_step=30", "train.log_every=1", "train.eval_every=1000", "train.save_every=1000", "eval.limit=2").Succeeded();
        Assert.Single(Metrics(Path.Combine(run.Folder, "checkpoints", "flat")).Where(line => line.ContainsKey("loss")).Select(line => (long)line["live_tensors"]!).Distinct());
    }

    [Fact]
    public void Its_evaluations_are_logged_every_so_many_steps() =>
        Assert.Equal([10, 20, 30, 40], Metrics(run.Run).Where(line => line.ContainsKey("validation_accuracy")).Select(line => (int)line["step"]!));

    [Fact]
    public void Its_report_is_one_page_that_loads_nothing()
    {
        var page = File.ReadAllText(Path.Combine(run.Run, "report.html"));
        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("http", page);
        Assert.Equal(4, Occurrences(page, "<svg "));
        Assert.Equal(8, Occurrences(page, "src=\"data:image/png;base64,"));
        Assert.Contains("majority", page);
        Assert.Contains("max_steps", page);
    }

    [Fact]
    public void Standard_output_has_the_results_and_standard_error_the_progress()
    {
        foreach (var text in new[] { "test", "blind", "majority", "right answer", "best checkpoint" }) Assert.Contains(text, run.Result.Output);
        Assert.DoesNotContain("step 5/40", run.Result.Output);
        Assert.Contains("step 5/40", run.Result.Error);
        Assert.Contains("step 5/40", File.ReadAllText(Path.Combine(run.Run, "log.txt")));
        Assert.DoesNotContain("\u001b", run.Result.Output + run.Result.Error);
    }

    [Fact]
    public void The_same_seed_gives_the_same_losses_to_the_last_digit()
    {
        NanoVlmProgram.Run(run.Folder, "--config", "tiny.json", "--set", "train.stop_at_step=15", "train.run_name=again", "eval.limit=4").Succeeded();
        var again = Losses("again");
        Assert.Equal(4, again.Length);
        Assert.Equal(Losses()[..4], again);
    }

    [Fact]
    public void Another_seed_gives_other_losses()
    {
        NanoVlmProgram.Run(run.Folder, "--config", "tiny.json", "--set", "train.stop_at_step=1", "train.run_name=other", "train.seed=1", "eval.limit=4").Succeeded();
        Assert.NotEqual(Losses()[0], Losses("other")[0]);
    }

    [Fact]
    public void Its_checkpoints_are_not_overwritten_by_another_run_of_the_name()
    {
        var before = File.ReadAllBytes(Path.Combine(run.Best, "model.safetensors"));
        NanoVlmProgram.Run(run.Folder, "--config", "tiny.json").Failed(1, "tiny", "run_name");
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(run.Best, "model.safetensors")));
    }

    private JsonObject Read(string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(run.Run, file)))!.AsObject();

    private static JsonObject[] Metrics(string folder) => [.. File.ReadLines(Path.Combine(folder, "metrics.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())];

    private (int Step, double Loss)[] Losses(string name = TinyRun.Name) =>
        [.. Metrics(Path.Combine(run.Folder, "checkpoints", name)).Where(line => line.ContainsKey("loss")).Select(line => ((int)line["step"]!, (double)line["loss"]!))];

    private static int Occurrences(string text, string part) => text.Split(part).Length - 1;
}
