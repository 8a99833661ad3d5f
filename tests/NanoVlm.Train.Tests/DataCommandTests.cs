using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

public sealed class DataCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public DataCommandTests() => File.WriteAllText(folder["tiny.json"], TinyRun.Config);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void An_epoch_is_counted_and_shown_with_its_pictures()
    {
        var said = NanoVlmProgram.Run(folder.Path, "data", "--config", "tiny.json", "--show", "2", "--output", "seen").Succeeded();
        Assert.Matches(@"data/train\.jsonl +64 rows; 64 samples used", said);
        Assert.Matches(@"read +64 samples\n", said);
        Assert.Matches(@"labelled +\d+\.\d % of the tokens\n", said);
        Assert.Contains("\"<|im_start|>assistant\\n\" -> ", said);
        Assert.Contains("page: seen/data.html", said.Replace('\\', '/'));
        Assert.Equal(["data.html", "row001-tile01.png", "row002-tile01.png"], Directory.GetFiles(folder["seen"]).Select(Path.GetFileName).Order());
        var page = File.ReadAllText(folder["seen/data.html"]);
        Assert.Equal(12, page.Split("<figure>").Length - 1);
        Assert.Contains("data:image/png;base64,", page);
        Assert.Contains("&lt;|image|&gt;<s> x ", page);
    }

    [Fact]
    public void Packed_rows_are_full_and_part_their_documents()
    {
        var said = NanoVlmProgram.Run(folder.Path, "data", "--config", "tiny.json", "--set", "data.packing=true", "--set", "data.max_tokens=512", "--show", "1").Succeeded();
        Assert.Matches(@"packing efficiency +\d\d\.\d % of the positions", said);
        Assert.Matches(@" +\d+ +2 +0  ", said); // the second document begins at position 0
    }

    [Fact]
    public void A_limit_ends_it_early_and_what_is_dropped_is_said()
    {
        var said = NanoVlmProgram.Run(folder.Path, "data", "--config", "tiny.json", "--limit", "8").Succeeded();
        Assert.Matches(@"used +8 samples", said);
        var rows = Enumerable.Range(0, 40).Select(i => $$"""{"question": "What is {{i}}?", "answer": "{{string.Concat(Enumerable.Repeat("very ", i))}}"}""");
        File.WriteAllLines(folder["long.jsonl"], rows);
        var result = NanoVlmProgram.Run(folder.Path, "data", "--config", "tiny.json", "--set", """data.train=[{"kind":"jsonl","path":"long.jsonl"}]""", "--set", "data.max_tokens=60");
        Assert.Matches(@"dropped: too long +\d+ samples", result.Succeeded());
        Assert.Contains("are longer than data.max_tokens and are dropped", result.Error);
    }

    [Fact]
    public void Too_many_unreadable_rows_end_it_with_the_files_that_have_them()
    {
        File.WriteAllLines(folder["bad.jsonl"], Enumerable.Range(0, 40).Select(i => i % 4 == 0 ? "garbage" : """{"question": "a", "answer": "b"}"""));
        NanoVlmProgram.Run(folder.Path, "data", "--config", "tiny.json", "--set", """data.train=[{"kind":"jsonl","path":"bad.jsonl"}]""", "--set", "data.max_skipped=0.05")
            .Failed(1, "samples cannot be read, more than the 1 that may be skipped (data.max_skipped). Most are in bad.jsonl (2). The last: bad.jsonl:");
    }

    [Fact]
    public void A_run_trains_on_packed_rows_of_a_parquet_file()
    {
        var source = $$"""data.train=[{"kind":"parquet","path":"{{RepositoryFiles.At("tests/goldens/parquet/snappy.parquet")}}"},{"kind":"shapes","path":"data","images":32,"validation":4,"test":4,"weight":2}]""";
        NanoVlmProgram.Run(
            folder.Path, "train", "--config", "tiny.json", "--set", source, "--set", "data.packing=true", "--set", "data.max_tokens=512", "--set", "data.length_window=16",
            "--set", "train.max_steps=6", "--set", "train.batch_size=2", "--set", "train.eval_every=6", "--set", "data.max_skipped=1").Succeeded();
        var lines = File.ReadLines(folder["checkpoints/tiny/metrics.jsonl"]).Select(line => JsonNode.Parse(line)!).Where(line => line["loss"] is not null).ToArray();
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.True((double)line["tokens_per_second"]! > (double)line["labels_per_second"]!));
    }
}
