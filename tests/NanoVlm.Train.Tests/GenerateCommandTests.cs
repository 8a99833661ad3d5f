using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

[Collection(nameof(TinyRun))]
public sealed class GenerateCommandTests(TinyRun run)
{
    private const string Prompt = "How many red objects are there?";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_greedy_answer_to_a_picture_is_text_and_the_same_as_one_object(bool jpeg)
    {
        string[] ask = ["--image", jpeg ? run.Jpeg : run.Png, "--prompt", Prompt, "--greedy"];
        var streamed = Generate(ask).Succeeded();
        Assert.False(string.IsNullOrWhiteSpace(streamed));
        var json = JsonNode.Parse(Generate([.. ask, "--json"]).Succeeded())!;
        Assert.Equal(streamed.TrimEnd('\n'), (string)json["text"]!);
        Assert.Equal(1, (int)json["tiles"]!);
        Assert.NotEmpty(json["ids"]!.AsArray());
    }

    [Fact]
    public void A_sampled_answer_is_the_same_for_the_same_seed_and_another_for_some_other()
    {
        string Ask(int seed) => Generate("--image", run.Png, "--prompt", Prompt, "--temperature", "3", "--top-k", "0", "--top-p", "1", "--seed", $"{seed}").Succeeded();
        var first = Ask(1);
        Assert.Equal(first, Ask(1));
        Assert.NotEqual(first, Ask(2)); // at this temperature, all but uniform over the vocabulary
    }

    [Fact]
    public void No_image_is_plain_chat() =>
        Assert.Equal(0, (int)JsonNode.Parse(Generate("--prompt", Prompt, "--json").Succeeded())!["tiles"]!);

    [Fact]
    public void Two_images_take_two_places() =>
        Assert.Equal(2, (int)JsonNode.Parse(Generate("--image", run.Png, run.Jpeg, "--prompt", Prompt, "--json").Succeeded())!["tiles"]!);

    [Fact]
    public void An_answer_stops_at_the_most_tokens()
    {
        var json = JsonNode.Parse(Generate("--prompt", Prompt, "--temperature", "9", "--top-k", "0", "--top-p", "1", "--max-new-tokens", "2", "--json").Succeeded())!;
        Assert.InRange(json["ids"]!.AsArray().Count, 0, 2);
    }

    [Fact]
    public void A_stop_text_ends_the_answer_and_is_left_out()
    {
        var whole = (string)JsonNode.Parse(Generate("--image", run.Png, "--prompt", Prompt, "--greedy", "--json").Succeeded())!["text"]!;
        var stop = whole.TrimStart()[..1];
        var json = JsonNode.Parse(Generate("--image", run.Png, "--prompt", Prompt, "--greedy", "--stop", stop, "--json").Succeeded())!;
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], (string)json["text"]!);
        Assert.Equal("stop_string", (string)json["stop_reason"]!);
    }

    [Fact]
    public void The_likeliest_answer_that_a_search_finds_has_its_log_probabilities()
    {
        var json = JsonNode.Parse(Generate("--image", run.Png, "--prompt", Prompt, "--beams", "3", "--log-probabilities", "--json").Succeeded())!;
        Assert.Equal(json["ids"]!.AsArray().Count, json["log_probabilities"]!.AsArray().Count);
        Assert.All(json["log_probabilities"]!.AsArray(), value => Assert.True((double)value! <= 0));
    }

    [Fact]
    public void More_image_marks_than_images_are_refused() =>
        Generate("--image", run.Png, "--prompt", "<image> or <image>?").Failed(1, "2 <image> marks", "1 image");

    [Fact]
    public void A_missing_image_is_named() => Generate("--image", "nowhere.png", "--prompt", Prompt).Failed(1, "nowhere.png");

    [Fact]
    public void A_folder_is_not_an_image() => Generate("--image", run.Folder, "--prompt", Prompt).Failed(1, run.Folder);

    [Theory]
    [InlineData("cut.png", 60)]
    [InlineData("empty.png", 0)]
    public void A_damaged_picture_is_named(string name, int length)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder[name], File.ReadAllBytes(run.Png)[..length]);
        Generate("--image", folder[name], "--prompt", Prompt).Failed(1, name);
    }

    [Fact]
    public void A_text_file_is_not_an_image()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["notes.png"], "this is not a picture");
        Generate("--image", folder["notes.png"], "--prompt", Prompt).Failed(1, "notes.png");
    }

    private ProgramResult Generate(params string[] arguments) => NanoVlmProgram.Run(run.Folder, ["generate", "--model", run.Best, .. arguments]);
}
