using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
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
            ChatTemplate? template = null; // read when a line asks for it
            // Lines are kept as bytes, so that what is not UTF-8 is found in its line.
            using var input = new StreamReader(Console.OpenStandardInput(), System.Text.Encoding.Latin1, detectEncodingFromByteOrderMarks: false);
            using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
            for (int number = 1; input.ReadLine() is { } line; number++)
            {
                if (number == 1 && line.StartsWith("\u00EF\u00BB\u00BF", StringComparison.Ordinal)) line = line[3..]; // a byte order mark
                if (string.IsNullOrWhiteSpace(line)) continue;
                try
                {
                    var bytes = System.Text.Encoding.Latin1.GetBytes(line);
                    if (!Utf8.IsValid(bytes)) throw new NanoVlmException("the text is not valid Unicode: the line is not UTF-8");
                    using var item = JsonDocument.Parse(bytes, new() { AllowDuplicateProperties = false });
                    try
                    {
                        output.WriteLine(Answer(item.RootElement).ToJsonString(json));
                    }
                    catch (Exception e) when ((e is InvalidOperationException or NanoVlmException) && !IsUnicode(item.RootElement))
                    {
                        throw new NanoVlmException("the text is not valid Unicode: it has half a surrogate pair (\\ud800 to \\udfff)", e);
                    }
                }
                catch (Exception e) when (e is NanoVlmException or JsonException or InvalidOperationException or FormatException)
                {
                    var what = e is NanoVlmException or JsonException ? e.Message
                        : "expected {\"text\": string}, {\"ids\": [integers]} or {\"messages\": [{\"role\": string, \"content\": string or parts}]}";
                    throw new NanoVlmException($"standard input, line {number}: {what}", e);
                }
            }
            return 0;

            JsonObject Answer(JsonElement item)
            {
                if (item.TryGetProperty("text", out var text)) return Encode(tokenizer, text.GetString() ?? throw new FormatException(), !result.GetValue(noSpecialTokens));
                if (item.TryGetProperty("ids", out var ids)) return new() { ["text"] = tokenizer.Decode([.. ids.EnumerateArray().Select(id => id.GetInt32())], result.GetValue(skipSpecialTokens)) };
                if (!item.TryGetProperty("messages", out var messages)) throw new FormatException();
                template ??= ChatTemplate.Parse(tokenizer.ChatTemplate ?? throw new NanoVlmException("the tokenizer has no chat template; put chat_template into its tokenizer_config.json"), tokenizer);
                var variables = JsonSerializer.SerializeToElement(item.EnumerateObject().Where(member => member.Name != "messages").ToDictionary(member => member.Name, member => member.Value));
                return Render(tokenizer, template.Render(messages, result.GetValue(addGenerationPrompt), variables));
            }
        });
        return command;
    }

    private static bool IsUnicode(JsonElement value)
    {
        try
        {
            return value.ValueKind switch
            {
                JsonValueKind.String => value.GetString() is not null,
                JsonValueKind.Array => value.EnumerateArray().All(IsUnicode),
                JsonValueKind.Object => value.EnumerateObject().All(member => member.Name is not null && IsUnicode(member.Value)),
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static JsonObject Encode(Tokenizer tokenizer, string text, bool addSpecialTokens)
    {
        var encoding = tokenizer.Encode(text, addSpecialTokens);
        return new()
        {
            ["ids"] = new JsonArray([.. encoding.Ids]),
            ["tokens"] = new JsonArray([.. encoding.Tokens]),
            ["offsets"] = new JsonArray([.. encoding.Offsets.Select(o => new JsonArray(o.Start, o.End))]),
        };
    }

    private static JsonObject Render(Tokenizer tokenizer, RenderedChat chat) => new()
    {
        ["text"] = chat.Text,
        ["ids"] = new JsonArray([.. tokenizer.Encode(chat.Text, addSpecialTokens: false).Ids]),
        ["spans"] = new JsonArray([.. chat.Spans.Select(span => new JsonArray(CodePoints(chat.Text, span.Start), CodePoints(chat.Text, span.End), span.Role))]),
    };

    private static int CodePoints(string text, int end)
    {
        int count = 0;
        foreach (var _ in text.AsSpan(0, end).EnumerateRunes()) count++;
        return count;
    }
}
