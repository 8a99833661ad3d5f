using System.Text;
using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

public sealed class TokenizeCommandTests : IDisposable
{
    private static readonly string golden = RepositoryFiles.At("tests/goldens/tokenizer-smollm2");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_text_of_a_golden_gives_its_ids_tokens_and_offsets_and_its_ids_the_text()
    {
        var cases = JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "expected.json")))!["encodings"]!.AsArray();
        var answers = Tokenize(cases.Select(item => new JsonObject { ["text"] = item!["text"]!.DeepClone() }));
        Assert.NotEmpty(cases);
        for (int i = 0; i < cases.Count; i++)
        {
            foreach (var key in new[] { "ids", "tokens", "offsets" })
                Assert.True(JsonNode.DeepEquals(cases[i]![key], answers[i][key]), $"{key} of {cases[i]!["text"]!.ToJsonString()}: {answers[i][key]!.ToJsonString()}");
        }
        answers = Tokenize(cases.Select(item => new JsonObject { ["ids"] = item!["ids"]!.DeepClone() }));
        for (int i = 0; i < cases.Count; i++)
            Assert.Equal((string?)cases[i]!["decode_keep"], (string?)answers[i]["text"]);
    }

    [Fact]
    public void Every_conversation_of_a_golden_gives_its_text_and_ids()
    {
        foreach (var prompt in new[] { false, true })
        {
            var cases = JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "expected.json")))!["chat"]!.AsArray().Where(item => (bool)item!["add_generation_prompt"]! == prompt && item["text"] is not null).ToArray();
            var answers = Tokenize(cases.Select(item => new JsonObject { ["messages"] = item!["messages"]!.DeepClone() }), prompt ? ["--add-generation-prompt"] : []);
            Assert.NotEmpty(cases);
            for (int i = 0; i < cases.Length; i++)
            {
                Assert.Equal((string?)cases[i]!["text"], (string?)answers[i]["text"]);
                Assert.True(JsonNode.DeepEquals(cases[i]!["ids"], answers[i]["ids"]));
            }
        }
    }

    [Fact]
    public void A_conversation_gives_its_text_ids_and_spans()
    {
        const string line = """{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say \ud83d\ude00!"}, {"role": "assistant", "content": "\ud83d\ude00"}]}""";
        var answer = Assert.Single(Tokenize([JsonNode.Parse(line)!.AsObject()], "--add-generation-prompt"));
        Assert.Equal("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nSay \U0001F600!<|im_end|>\n<|im_start|>assistant\n\U0001F600<|im_end|>\n<|im_start|>assistant\n", (string?)answer["text"]);
        Assert.Equal("""[[19,39,"system"],[56,73,"user"],[95,107,"assistant"]]""", answer["spans"]!.ToJsonString()); // in code points
        Assert.Equal((string?)answer["text"], (string?)Assert.Single(Tokenize([new() { ["ids"] = answer["ids"]!.DeepClone() }]))["text"]);
    }

    [Theory]
    [InlineData("""{"words": "x"}""", "expected {\"text\": string}")]
    [InlineData("""{"text": 1}""", "expected {\"text\": string}")]
    [InlineData("""{"text": null}""", "expected {\"text\": string}")]
    [InlineData("""{"ids": ["a"]}""", "expected {\"text\": string}")]
    [InlineData("""{"ids": [1e10]}""", "expected {\"text\": string}")]
    [InlineData("""["text"]""", "expected {\"text\": string}")]
    [InlineData("""{"text": """, "")]
    [InlineData("""{"text": "\ud800"}""", "the text is not valid Unicode: it has half a surrogate pair")]
    [InlineData("""{"messages": [{"role": "user", "content": "\udc00"}]}""", "the text is not valid Unicode")]
    [InlineData("""{"messages": []}""", "The conversation has no messages")]
    [InlineData("""{"messages": [1]}""", "A conversation must be a list of messages")]
    public void A_line_that_is_wrong_is_named_and_those_before_are_answered(string line, string said)
    {
        var result = NanoVlmProgram.Run(folder.Path, Encoding.UTF8.GetBytes("{\"text\": \"a\"}\n\n" + line + "\n"), "tokenize", "--tokenizer", golden);
        result.Failed(1, "standard input, line 3: " + said);
        Assert.Single(result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_line_that_is_not_UTF8_is_named() =>
        NanoVlmProgram.Run(folder.Path, [.. Encoding.UTF8.GetBytes("{\"text\": \"a\"}\n{\"text\": \""), 0xff, .. "\"}"u8], "tokenize", "--tokenizer", golden).Failed(1, "standard input, line 2: the text is not valid Unicode");

    [Fact]
    public void A_byte_order_mark_before_the_first_line_is_no_matter() =>
        Assert.Contains("\"ids\"", NanoVlmProgram.Run(folder.Path, [.. "\uFEFF{\"text\": \"a\"}"u8], "tokenize", "--tokenizer", golden).Output);

    [Fact]
    public void A_folder_without_a_tokenizer_is_named() =>
        NanoVlmProgram.Run(folder.Path, [], "tokenize", "--tokenizer", folder.Path).Failed(1, $"There is no tokenizer at {Path.Combine(folder.Path, "tokenizer.json")}");

    private JsonObject[] Tokenize(IEnumerable<JsonObject> lines, params string[] options)
    {
        var input = Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line.ToJsonString() + "\n")));
        var output = NanoVlmProgram.Run(folder.Path, input, ["tokenize", "--tokenizer", golden, .. options]).Succeeded();
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!.AsObject())];
    }
}
