using System.Text.Json.Nodes;
using NanoVlm.Training.Tests.Distributed;

namespace NanoVlm.Training.Tests;

/// <summary>Training with several processes, as users start it.</summary>
public sealed class SeveralRanksTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public SeveralRanksTests() => File.WriteAllText(folder["tiny.json"], TinyRun.Config);

    [RanksFact]
    public void Two_ranks_train_as_one_with_twice_the_batch()
    {
        string[] all = ["train.max_steps=50", "train.log_every=1", "train.eval_every=25"];
        Train(1, [.. all, "train.run_name=one", "train.batch_size=8"]).Succeeded();
        Train(2, [.. all, "train.run_name=two", "train.batch_size=4", "train.compare_ranks_every=10", "train.activation_checkpointing=all"]).Succeeded();
        Train(2, [.. all, "train.run_name=four", "train.batch_size=2", "train.gradient_accumulation=2"]).Succeeded();
        var one = Losses("one");
        Assert.Equal(50, one.Length);
        foreach (var name in new[] { "two", "four" })
            Assert.All(Losses(name).Zip(one), pair => Assert.Equal(pair.Second.Loss, pair.First.Loss, 1e-5));
        Assert.Equal(Figures("one"), Figures("two")); // those of all ranks
    }

    [RanksFact]
    public void Shared_out_moments_change_nothing_not_even_the_checkpoint()
    {
        string[] all = ["train.max_steps=12", "train.eval_every=12", "train.batch_size=4"];
        Train(2, [.. all, "train.run_name=whole"]).Succeeded();
        Train(2, [.. all, "train.run_name=shards", "train.shard_optimizer=true"]).Succeeded();
        foreach (var file in new[] { "model.safetensors", "optimizer.safetensors" })
            Assert.Equal(File.ReadAllBytes(folder[$"checkpoints/whole/last/{file}"]), File.ReadAllBytes(folder[$"checkpoints/shards/last/{file}"]));
    }

    [RanksFact]
    public void A_run_goes_on_with_as_many_ranks_bit_for_bit_and_with_another_number()
    {
        string[] all = ["train.max_steps=12", "train.eval_every=12", "train.batch_size=4", "model.language.dropout=0.1", "train.log_every=1"];
        Train(2, [.. all, "train.run_name=whole"]).Succeeded();
        Train(2, [.. all, "train.run_name=parts", "train.stop_at_step=6"]).Succeeded();
        CopyRun("parts", "other");
        Train(2, [.. all, "train.run_name=parts"], "--resume").Succeeded();
        Assert.Equal(File.ReadAllBytes(folder["checkpoints/whole/last/model.safetensors"]), File.ReadAllBytes(folder["checkpoints/parts/last/model.safetensors"]));
        Assert.Equal(File.ReadAllBytes(folder["checkpoints/whole/last/rng.safetensors"]), File.ReadAllBytes(folder["checkpoints/parts/last/rng.safetensors"]));
        // One rank takes the same samples, and drops out others.
        var other = Train(1, [.. all, "train.run_name=other", "train.batch_size=8"], "--resume");
        other.Succeeded();
        Assert.Contains("step 6 of 12", other.Error);
        Assert.Equal(Figures("whole"), Figures("other"));
        Assert.All(Losses("other").Zip(Losses("whole")), pair => Assert.Equal(pair.Second.Loss, pair.First.Loss, 0.1));
    }

    [RanksFact]
    public async Task A_rank_that_is_killed_is_named_and_the_run_goes_on_from_its_last_checkpoint()
    {
        string[] all = ["train.max_steps=1000000", "train.eval_every=1000000", "train.save_every=3", "train.log_every=1", "train.batch_size=2"];
        using var run = Start(2, all);
        await run.Says("step 5/");
        NanoVlmProgram.Shell(folder.Path, $"for p in $(pgrep -P {run.Id}); do grep -qz '^RANK=1$' /proc/$p/environ && kill -9 $p; done; true").Succeeded();
        var ended = run.Finish();
        Assert.NotEqual(0, ended.ExitCode);
        Assert.Contains("rank 1", ended.Error);
        using var next = Start(2, all, "--resume");
        await next.Says("going on from");
        await next.Says("step 8/");
        next.Signal(15);
        next.Finish().Failed(130, "stopping", "stopped");
        Assert.Equal(2, JsonNode.Parse(File.ReadAllText(folder["checkpoints/tiny/last/trainer_state.json"]))!["loaders"]!.AsArray().Count);
    }

    [RanksFact]
    public void Ranks_that_are_started_unlike_are_refused()
    {
        Train(0).Failed(2, "--nproc");
        NanoVlmProgram.Start(folder.Path, new Dictionary<string, string> { ["RANK"] = "1", ["MASTER_ADDR"] = "127.0.0.1" }, "train", "--config", "tiny.json").Finish().Failed(2, "WORLD_SIZE", "MASTER_PORT");
    }

    public void Dispose() => folder.Dispose();

    private NanoVlmProgram Start(int ranks, string[] set, params string[] more) =>
        NanoVlmProgram.Start(folder.Path, ["train", "--config", "tiny.json", .. ranks == 1 ? Array.Empty<string>() : ["--nproc", $"{ranks}"], .. more, "--set", "eval.limit=2", "train.eval_limit=4", .. set]);

    private ProgramResult Train(int ranks, string[]? set = null, params string[] more)
    {
        using var program = Start(ranks, set ?? [], more);
        return program.Finish();
    }

    private void CopyRun(string from, string to)
    {
        foreach (var checkpoint in Directory.GetDirectories(folder[$"checkpoints/{from}"], "step_*"))
        {
            var place = Directory.CreateDirectory(folder[$"checkpoints/{to}/{Path.GetFileName(checkpoint)}"]).FullName;
            foreach (var file in Directory.GetFiles(checkpoint)) File.Copy(file, Path.Combine(place, Path.GetFileName(file)));
        }
        foreach (var file in new[] { "run.json", "metrics.jsonl" }) File.Copy(folder[$"checkpoints/{from}/{file}"], folder[$"checkpoints/{to}/{file}"]);
    }

    private (int, int, int, double)[] Figures(string run) => [.. Lines(run).Select(line => ((int)line["samples"]!, (int)line["tokens"]!, (int)line["images"]!, (double)line["flops"]!))];

    private (int Step, double Loss)[] Losses(string run) => [.. Lines(run).Select(line => ((int)line["step"]!, (double)line["loss"]!))];

    private IEnumerable<JsonObject> Lines(string run) => File.ReadLines(folder[$"checkpoints/{run}/metrics.jsonl"]).Select(line => JsonNode.Parse(line)!.AsObject()).Where(line => line.ContainsKey("loss"));
}
