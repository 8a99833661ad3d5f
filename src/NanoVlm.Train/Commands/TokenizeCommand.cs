using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Text;

namespace NanoVlm.Training.Commands;

/// <summary><c>tokenize</c>: texts to tokens, ids to text and messages to a prompt, a JSON line each, to compare with another implementation.</summary>
internal static class TokenizeCommand
{
    private static readonly JsonSerializerOptions json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static Command Create()
    {
        var folder = new Option<string>("--tokenizer") { Description = "The folder with tokenizer.json, or the file", HelpName = "DIR", Required = true };
        var noSpecialTokens = new Option<bool>("--no-special-tokens") { Description = "Encode texts without the tokens that the tokenizer puts around them" };
        var skipSpecialTokens = new Option<bool>("--skip-special-tokens") { Description = "Leave special tokens out of decoded texts" };
        var addGenerationPrompt = new Option<bool>("--add-generation-prompt") { Description = "End messages with the beginning of the assistant's turn" };
        var command = new Command("tokenize", "Encode, decode and render JSON lines from standard input") { folder, noSpecialTokens, skipSpecialTokens, addGenerationPrompt };
        command.SetAction(result =>
        {
            var tokenizer = Tokenizer.Load(result.GetValue(folder)!);
            // Lines are kept as bytes, so that what is not UTF-8 is found in its line.
            using var input = new StreamReader(Console.OpenStandardInput(), Encoding.Latin1, detectEncodingFromByteOrderMarks: false);
            using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
            int number = 0;
            try
            {
                while (input.ReadLine() is { } line)
                {
                    number++;
                    if (string.IsNullOrWhiteSpace(line)) continue;
                    var answer = JsonNode.Parse(Encoding.Latin1.GetBytes(line), documentOptions: new() { AllowDuplicateProperties = false }) switch
                    {
                        JsonObject item when item.ContainsKey("text") => Encode(tokenizer, item["text"]!.GetValue<string>(), !result.GetValue(noSpecialTokens)),
                        JsonObject item when item.ContainsKey("ids") => new JsonObject { ["text"] = tokenizer.Decode([.. item["ids"]!.AsArray().Select(id => id!.GetValue<int>())], result.GetValue(skipSpecialTokens)) },
                        JsonObject item when item.ContainsKey("messages") => Render(tokenizer, Messages(item["messages"]!.AsArray()), result.GetValue(addGenerationPrompt)),
                        _ => throw new NanoVlmException("expected an object with \"text\", \"ids\" or \"messages\""),
                    };
                    output.WriteLine(answer.ToJsonString(json));
                }
            }
            catch (Exception e) when (e is NanoVlmException or JsonException or InvalidOperationException or FormatException or NullReferenceException)
            {
                var what = e is NanoVlmException or JsonException ? e.Message : "expected {\"text\": string}, {\"ids\": [integers]} or {\"messages\": [{\"role\": string, \"content\": string}]}";
                throw new NanoVlmException($"standard input, line {number}: {what}", e);
            }
            return 0;
        });
        return command;
    }

    private static JsonObject Encode(Tokenizer tokenizer, string text, bool addSpecialTokens)
    {
        var encoding = tokenizer.Encode(text, addSpecialTokens);
        return new JsonObject
        {
            ["ids"] = Array(encoding.Ids.Select(id => (JsonNode)id)),
            ["tokens"] = Array(encoding.Tokens.Select(token => (JsonNode)token!)),
            ["offsets"] = Array(encoding.Offsets.Select(o => (JsonNode)new JsonArray(o.Start, o.End))),
        };
    }

    private static JsonObject Render(Tokenizer tokenizer, IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        var template = ChatTemplate.Parse(tokenizer.ChatTemplate ?? throw new NanoVlmException("the tokenizer has no chat template; put chat_template into its tokenizer_config.json"));
        var chat = template.Render(messages, addGenerationPrompt);
        var spans = new JsonArray();
        foreach (var span in chat.Spans)
            spans.Add((JsonNode)new JsonArray(CodePoints(chat.Text, span.Start), CodePoints(chat.Text, span.End), span.Role));
        return new JsonObject { ["text"] = chat.Text, ["ids"] = Array(tokenizer.Encode(chat.Text, addSpecialTokens: false).Ids.Select(id => (JsonNode)id)), ["spans"] = spans };
    }

    private static ChatMessage[] Messages(JsonArray messages) =>
        [.. messages.Select(message => new ChatMessage(message!["role"]!.GetValue<string>(), message["content"]!.GetValue<string>()))];

    private static JsonArray Array(IEnumerable<JsonNode> items) => new([.. items]);

    private static int CodePoints(string text, int end)
    {
        int count = 0;
        foreach (var _ in text.AsSpan(0, end).EnumerateRunes()) count++;
        return count;
    }
}
