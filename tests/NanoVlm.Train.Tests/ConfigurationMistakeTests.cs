namespace NanoVlm.Training.Tests;

public sealed class ConfigurationMistakeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("""{ "train": { "max_stepz": 3 } }""", "train.max_stepz", "max_steps")]
    [InlineData("""{ "trian": { } }""", "trian", "train")]
    [InlineData("""{ "model": { "vision": { "hiden_size": 3 } } }""", "model.vision.hiden_size", "hidden_size")]
    [InlineData("""{ "train": { "precision": "bf61" } }""", "train.precision", "bf16")]
    [InlineData("""{ "data": { "train": [ { "kind": "shape" } ] } }""", "data.train[0]", "shapes")]
    [InlineData("""{ "train": { "max_steps": "many" } }""", "train.max_steps", "integer")]
    [InlineData("""{ "train": { "batch_size": 0 } }""", "train.batch_size", "1")]
    [InlineData("""{ "train": { "lr_vision": -1 } }""", "train.lr_vision", "0")]
    [InlineData("""{ "model": { "image": { "tile_size": 60 } } }""", "model.image.tile_size", "patch_size")]
    [InlineData("""{ "train": { "max_steps": 3, }""", "line 1", "JSON")]
    [InlineData("", "line 1", "JSON")]
    public void A_mistake_is_named_with_its_place_before_anything_starts(string json, string place, string hint)
    {
        File.WriteAllText(folder["run.json"], json);
        NanoVlmProgram.Answer("train", "--config", folder["run.json"]).Failed(2, "run.json", place, hint);
    }

    [Fact]
    public void All_mistakes_are_listed_at_once()
    {
        File.WriteAllText(folder["run.json"], """{ "train": { "max_stepz": 3, "batch_size": 0 }, "eval": { "limit": -4 } }""");
        var result = NanoVlmProgram.Run(folder.Path, "--config", "run.json");
        result.Failed(2, "train.max_stepz", "train.batch_size", "eval.limit");
        Assert.Empty(result.Output);
        Assert.Equal(["run.json"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName)); // nothing has begun
    }

    [Fact]
    public void A_missing_configuration_is_named_and_the_shipped_ones_listed() =>
        NanoVlmProgram.Answer("train", "--config", "nowhere.json").Failed(2, "nowhere.json", "dinov3_gemma, nanovlm_222m, nanovlm_450m, shapes");

    [Fact]
    public void A_shipped_configuration_is_found_by_its_name_from_any_folder_without_the_command_s_name() =>
        NanoVlmProgram.Run(folder.Path, "--config", "shapes", "--set", "train.precision=bf61").Failed(2, "shapes: train.precision");

    [Theory]
    [InlineData("train.max_stepz=3", "train.max_stepz", "max_steps")]
    [InlineData("train.max_steps", "train.max_steps", "key=value")]
    [InlineData("train.max_steps=x", "train.max_steps", "integer")]
    [InlineData("data.train[7].images=3", "data.train[7]", "--set")]
    [InlineData("=3", "=3", "key=value")]
    public void A_mistaken_override_is_named(string set, string place, string hint)
    {
        NanoVlmProgram.Answer("train", "--set", set).Failed(2, place, hint);
    }

    [Theory]
    [InlineData("--frobnicate")]
    [InlineData("trian")]
    [InlineData("train", "--frobnicate")]
    [InlineData("generate", "--prompt", "x")]
    [InlineData("generate", "--model", "x")]
    [InlineData("generate", "--model", "x", "--prompt", "x", "--temperature", "0")]
    [InlineData("generate", "--model", "x", "--prompt", "x", "--temperature", "warm")]
    [InlineData("generate", "--model", "x", "--prompt", "x", "--top-p", "1.5")]
    [InlineData("generate", "--model", "x", "--prompt", "x", "--top-k", "-1")]
    [InlineData("generate", "--model", "x", "--prompt", "x", "--max-new-tokens", "0")]
    public void Wrong_usage_points_to_the_help(params string[] arguments)
    {
        var result = NanoVlmProgram.Answer(arguments);
        result.Failed(2, "nanovlm: ", "--help");
        Assert.Empty(result.Output);
    }

    [Fact]
    public void A_missing_data_file_is_named()
    {
        var result = NanoVlmProgram.Run(folder.Path, "train", "--set", """data.train=[{"kind":"jsonl","path":"nowhere.jsonl"}]""", "train.run_name=a");
        result.Failed(1, "nowhere.jsonl");
        Assert.Contains("nowhere.jsonl", File.ReadAllText(folder["checkpoints/a/log.txt"]));
    }

    public void Dispose() => folder.Dispose();
}
