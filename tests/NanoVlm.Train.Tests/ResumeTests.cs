using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

public sealed class ResumeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ResumeTests() => File.WriteAllText(folder["tiny.json"], TinyRun.Config);

    [Fact]
    public void An_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one()
    {
        // Dropout draws random numbers, packing leaves samples waiting, the average lags behind the weights.
        string[] all = ["model.language.dropout=0.1", "model.vision.dropout=0.1", "data.packing=true", "data.max_tokens=512", "train.ema_decay=0.9", "train.max_steps=14", "train.eval_every=6"];
        Train([.. all, "train.run_name=whole"]).Succeeded();
        Train([.. all, "train.run_name=parts", "train.stop_at_step=5"]).Succeeded();
        Resume([.. all, "train.run_name=parts", "train.stop_at_step=6", "data.workers=3"]).Succeeded();
        Resume([.. all, "train.run_name=parts"]).Succeeded();
        foreach (var file in new[] { "model.safetensors", "trained_weights.safetensors", "optimizer.safetensors", "rng.safetensors" })
            Assert.Equal(File.ReadAllBytes(folder[$"checkpoints/whole/last/{file}"]), File.ReadAllBytes(folder[$"checkpoints/parts/last/{file}"]));
        Assert.Equal(File.ReadAllBytes(folder["checkpoints/whole/best/model.safetensors"]), File.ReadAllBytes(folder["checkpoints/parts/best/model.safetensors"]));
        Assert.Equal(Losses("whole").Where(line => line.Step is 1 or 10 or 14), Losses("parts").Where(line => line.Step is 1 or 10 or 14));
        Assert.Equal(Losses("parts").Select(line => line.Step).Distinct().Order(), Losses("parts").Select(line => line.Step)); // none twice
        var (whole, parts) = (State("whole"), State("parts"));
        foreach (var state in new[] { whole, parts })
            foreach (var key in new[] { "seconds", "step_seconds" }) state.Remove(key);
        Assert.Equal(whole.ToJsonString(), parts.ToJsonString());
    }

    [Fact]
    public async Task A_killed_run_repeats_no_more_than_the_steps_since_its_last_checkpoint()
    {
        string[] set = ["train.max_steps=1000000", "train.eval_every=7", "train.eval_limit=2", "train.save_every=2", "train.log_every=1"];
        var reached = 0;
        for (var kill = 0; kill < 4; kill++)
        {
            using var program = Start(true, set);
            await program.Says($"step {reached + 5 + kill}/");
            program.Kill();
            var steps = Losses("tiny").Max(line => line.Step);
            using var next = Start(true, set);
            await next.Says(kill == 0 && reached > 0 ? "going on" : "going on from");
            next.Kill();
            var from = next.Error.Split("going on from ")[1].Split(", step ")[1].Split(' ')[0].Replace(",", "");
            Assert.InRange(int.Parse(from), steps - 4, steps); // the save before last may have been in the writing
            Assert.True(File.Exists(folder["checkpoints/tiny/best/model.safetensors"]) || steps < 7);
            reached = steps;
        }
    }

    [Fact]
    public void A_damaged_checkpoint_is_named_and_the_one_before_is_taken()
    {
        Train("train.max_steps=30", "train.stop_at_step=15", "train.eval_every=100").Succeeded();
        var weights = folder["checkpoints/tiny/step_000015/optimizer.safetensors"];
        var bytes = File.ReadAllBytes(weights);
        bytes[^3] ^= 1;
        File.WriteAllBytes(weights, bytes);
        var resumed = Resume("train.max_steps=30", "train.stop_at_step=16", "train.eval_every=100", "train.keep_last=1");
        resumed.Succeeded();
        foreach (var text in new[] { "step_000015", "optimizer.safetensors is damaged", "step_000015.damaged", "going on from", "step_000010, step 10 of 16" }) Assert.Contains(text, resumed.Error);
        Assert.True(Directory.Exists(folder["checkpoints/tiny/step_000015.damaged"])); // nothing is thrown away
        Assert.Equal("step_000016", new FileInfo(folder["checkpoints/tiny/last"]).LinkTarget);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("trainer_state.json")]
    [InlineData("SHA256SUMS")]
    public void A_run_whose_checkpoints_are_all_damaged_does_not_begin_again(string file)
    {
        Train("train.stop_at_step=2", "train.keep_last=1").Succeeded();
        using (var cut = File.OpenWrite(folder[$"checkpoints/tiny/step_000002/{file}"])) cut.SetLength(cut.Length / 2);
        Resume().Failed(1, "step_000002", file, "none of its 1 checkpoints is whole");
        Assert.True(Directory.Exists(folder["checkpoints/tiny/step_000002.damaged"]));
    }

    [Fact]
    public void A_checkpoint_that_is_named_branches_off_or_is_the_last()
    {
        Train("train.stop_at_step=10", "train.max_steps=12").Succeeded();
        NanoVlmProgram.Run(folder.Path, "--resume", "checkpoints/tiny/step_000005", "--set", "train.stop_at_step=12").Failed(1, "step_000010", "train.run_name");
        NanoVlmProgram.Run(folder.Path, "--resume", "checkpoints/tiny/step_000005", "--set", "train.stop_at_step=7", "train.run_name=branch").Succeeded();
        Assert.Equal(7, (int)State("branch")["step"]!);
        Assert.Equal(10, (int)State("tiny")["step"]!);
        // The configuration is that of the run where none is named, from any folder.
        NanoVlmProgram.Run(folder.Path, "--resume", "checkpoints/tiny/last", "--set", "train.stop_at_step=12").Succeeded();
        Assert.Equal(12, (int)State("tiny")["step"]!);
        var record = JsonNode.Parse(File.ReadAllText(folder["checkpoints/tiny/run.json"]))!;
        Assert.EndsWith("step_000010", (string)record["resumed"]![0]!["checkpoint"]!);
    }

    [Fact]
    public void A_run_without_a_checkpoint_begins()
    {
        var run = Resume("train.stop_at_step=1");
        run.Succeeded();
        Assert.Contains("no checkpoint yet", run.Error);
    }

    [Fact]
    public void What_is_no_run_is_named()
    {
        Directory.CreateDirectory(folder["empty"]);
        NanoVlmProgram.Run(folder.Path, "--resume", "empty").Failed(1, "empty", "run's folder", "checkpoint");
        NanoVlmProgram.Run(folder.Path, "--resume", "nowhere").Failed(1, "nowhere", "no such folder");
    }

    [Fact]
    public void Another_model_or_other_data_is_refused_and_the_checkpoints_stay()
    {
        Train("train.stop_at_step=2").Succeeded();
        Resume("model.language.hidden_size=64").Failed(1, "MP.proj.weight", "expected");
        Resume("data.seed=1").Failed(1, "seed 0", "seed 1", "Only the number of workers may change");
        Resume("train.lr_vision=0").Failed(1, "optimizer.safetensors", "vision_encoder", "frozen");
        Resume("train.stop_at_step=3").Succeeded();
    }

    [LinuxFact("disks and limits of a process's own")]
    public void A_full_disk_is_a_clear_error_and_the_checkpoints_before_stay_whole()
    {
        const string train = "$NANOVLM train --config tiny.json --set train.output_dir=small train.save_every=3 train.eval_every=100 train.keep_last=100 train.eval_limit=2 train.max_steps=60; code=$?; "
            + "for step in small/tiny/step_*; do (cd $step && sha256sum -c --quiet SHA256SUMS) || exit 99; echo whole $step; done; ls small/tiny; exit $code";
        // A small disk of its own; where the system does not let a test mount one, files that may not grow.
        var disk = NanoVlmProgram.Shell(folder.Path, "mkdir small; unshare -rm sh -c 'mount -t tmpfs -o size=4m tmpfs small'").ExitCode == 0
            ? NanoVlmProgram.Shell(folder.Path, $"unshare -rm sh -c 'mount -t tmpfs -o size=4m tmpfs small; {train}'")
            : NanoVlmProgram.Shell(folder.Path, $"$NANOVLM train --config tiny.json --set train.output_dir=small train.save_every=3 train.stop_at_step=3 train.max_steps=60 eval.limit=2; trap '' XFSZ; ulimit -f 500; "
                + train.Replace("--config", "--resume --config", StringComparison.Ordinal));
        disk.Failed(1, "cannot be written", "Earlier checkpoints are untouched", "--resume");
        Assert.Contains("whole small/tiny/step_000003", disk.Output);
        Assert.DoesNotContain(".partial", disk.Output);
    }

    public void Dispose() => folder.Dispose();

    private NanoVlmProgram Start(bool resume, params string[] set) =>
        NanoVlmProgram.Start(folder.Path, ["train", "--config", "tiny.json", .. resume ? ["--resume"] : Array.Empty<string>(), "--set", "eval.limit=2", .. set]);

    private ProgramResult Train(params string[] set)
    {
        using var program = Start(false, set);
        return program.Finish();
    }

    private ProgramResult Resume(params string[] set)
    {
        using var program = Start(true, set);
        return program.Finish();
    }

    private JsonObject State(string run) => JsonNode.Parse(File.ReadAllText(folder[$"checkpoints/{run}/last/trainer_state.json"]))!.AsObject();

    private (int Step, double Loss)[] Losses(string run) =>
        [.. File.ReadLines(folder[$"checkpoints/{run}/metrics.jsonl"]).Where(line => line.EndsWith('}')).Select(line => JsonNode.Parse(line)!.AsObject()).Where(line => line.ContainsKey("loss")).Select(line => ((int)line["step"]!, (double)line["loss"]!))];
}
