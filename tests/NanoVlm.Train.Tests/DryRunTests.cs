using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

public sealed class DryRunTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public DryRunTests() => File.WriteAllText(folder["tiny.json"], TinyRun.Config);

    [Fact]
    public void A_dry_run_prints_the_memory_and_leaves_nothing_behind()
    {
        var output = NanoVlmProgram.Run(folder.Path, "--config", "tiny.json", "--dry-run").Succeeded();
        Assert.StartsWith("memory to train on a CPU in fp32, at most 8 x 384 tokens and 8 tiles in a micro-batch\n", output);
        foreach (var row in new[] { "weights", "gradients", "optimizer", "  vision", "  language", "program", "peak" }) Assert.Matches($@"\n{row} +[\d,]+\.\d MB", output);
        Assert.Matches(@"\n +4 GB +[\d,]+\n", output);
        Assert.Equal(["tiny.json"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Inspect_gives_the_same_figures_for_programs()
    {
        var memory = JsonNode.Parse(NanoVlmProgram.Run(folder.Path, "inspect", "tiny.json", "--json").Succeeded())!["memory"]!;
        Assert.Equal(8, (int)memory["step"]!["rows"]!);
        Assert.Equal((long)memory["estimate"]!["weights"]!, (long)memory["estimate"]!["gradients"]!);
        Assert.InRange((long)memory["estimate"]!["peak"]!, (long)memory["estimate"]!["base"]!, 4_000_000_000);
        Assert.True((int)memory["largest_batch"]!["8_gb"]! > (int)memory["largest_batch"]!["4_gb"]!);
    }

    [Fact]
    public void A_pattern_that_freezes_nothing_is_refused_before_anything_starts()
    {
        var result = NanoVlmProgram.Run(folder.Path, "--config", "tiny.json", "--set", "train.freeze=[\"vision_encoder.block.*\"]");
        result.Failed(2, "train.freeze[0]", "matches no parameter", "'vision_encoder.blocks.*'");
        Assert.Equal(["tiny.json"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    public void Dispose() => folder.Dispose();
}
