using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

public sealed class AnalyzeCommandTests : IDisposable
{
    private static readonly string model = RepositoryFiles.At("tests/goldens/nanovlm-tied");
    private static readonly string[] pictures = [RepositoryFiles.At("tests/goldens/nanovlm-data"), RepositoryFiles.At("tests/goldens/processor-clip")];

    private readonly TemporaryFolder folder = new();

    [Theory, InlineData("cka"), InlineData("npib")]
    public void Layers_are_compared_in_a_picture_and_in_numbers(string measure)
    {
        var output = Analyze(measure, "--model", model, "--images", pictures[0], pictures[1], "--output", folder["out"]).Succeeded();
        Assert.Equal(folder[$"out/{measure}.png"], output.Trim());
        var json = JsonNode.Parse(File.ReadAllText(folder[$"out/{measure}.json"]))!;
        Assert.Equal((measure, model, model), ((string)json["measure"]!, (string)json["model"]!, (string)json["other"]!));
        Assert.Equal(json["layers"]!.AsArray().Count, json["values"]!.AsArray().Count);
        Assert.True((int)json["images"]! >= 4);
        Assert.Equal(2, Directory.EnumerateFiles(folder["out"]).Count());
    }

    [Fact]
    public void Attention_and_components_of_each_picture_are_drawn()
    {
        var output = Analyze("attention", "--model", model, "--images", pictures[1], "--limit", "2", "--layer", "1", "--output", folder["a"]).Succeeded();
        Assert.Equal(4, output.Trim().Split('\n').Length);
        Assert.All(output.Trim().Split('\n'), path => Assert.True(File.Exists(path), path));
        output = Analyze("pca", "--model", model, "--images", Path.Combine(pictures[1], "image0.png"), "--joint", "--output", folder["p"]).Succeeded();
        Assert.Equal(folder["p/image0.pca.png"], output.Trim());
        Assert.Equal(["image0.pca.json", "image0.pca.png"], Directory.EnumerateFiles(folder["p"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Bad_input_is_answered_with_one_message_and_nothing_is_written()
    {
        Analyze("cka", "--model", model, "--images", "nowhere", "--output", folder["x"]).Failed(1, "nowhere: no such file or folder");
        Analyze("cka", "--model", model, "--images", folder.Path, "--output", folder["x"]).Failed(1, "no pictures in this folder");
        Analyze("cka", "--model", "nowhere", "--images", pictures[0], "--output", folder["x"]).Failed(1, "nowhere: no such folder");
        Analyze("cka", "--model", model, "--images", pictures[0], "--pool", "cls", "--output", folder["x"]).Failed(1, "no CLS token");
        Analyze("attention", "--model", model, "--images", pictures[0], "--layer", "77", "--output", folder["x"]).Failed(1, "there is no layer 77");
        Assert.False(Directory.Exists(folder["x"]));
    }

    [Fact]
    public void Wrong_usage_ends_with_2_and_names_the_help()
    {
        Analyze().Failed(2, "see 'nanovlm analyze --help'");
        Analyze("npib", "--model", model, "--images", "x", "--output", "y", "--temperature", "0").Failed(2, "--temperature must be above 0", "see 'nanovlm analyze npib --help'");
        Analyze("cka", "--model", model, "--images", "x", "--output", "y", "--batch-size", "3").Failed(2, "--batch-size must be 8 or more");
        Analyze("pca", "--model", model, "--images", "x", "--output", "y", "--limit", "0").Failed(2, "--limit must be 1 or more");
        Analyze("pca", "--model", model, "--images", "x", "--output", "y", "--other", "z").Failed(2, "--other");
    }

    public void Dispose() => folder.Dispose();

    private ProgramResult Analyze(params string[] arguments) => NanoVlmProgram.Run(folder.Path, ["analyze", .. arguments]);
}
