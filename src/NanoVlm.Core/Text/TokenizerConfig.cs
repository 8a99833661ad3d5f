using System.Text.Json;
using System.Text.Json.Nodes;

namespace NanoVlm.Text;

/// <summary>What <c>tokenizer_config.json</c> says beside the tokenizer itself: the roles of tokens and the chat template.</summary>
internal sealed record TokenizerConfig(string? Bos, string? Eos, string? Pad, string? Unknown, string? ChatTemplate)
{
    /// <summary>Tokens of <c>added_tokens_decoder</c>, by id.</summary>
    public IReadOnlyList<(AddedToken Token, int Id)> AddedTokens { get; init; } = [];

    /// <summary>The file as read; keys that mean nothing here are kept when it is written again.</summary>
    public ReadOnlyMemory<byte> File { get; init; }

    public static TokenizerConfig Empty { get; } = new(null, null, null, null, null);

    public static TokenizerConfig Read(ReadOnlyMemory<byte> utf8, string file) => JsonPart.Read(utf8, file, Read);

    public byte[] ToJson(AddedVocabulary added)
    {
        var root = File.IsEmpty ? [] : JsonNode.Parse(File.Span)!.AsObject();
        Set("bos_token", Bos);
        Set("eos_token", Eos);
        Set("pad_token", Pad);
        Set("unk_token", Unknown);
        Set("chat_template", ChatTemplate);
        root["added_tokens_decoder"] = new JsonObject(added.Tokens.Select(t => KeyValuePair.Create(t.Id.ToString(), (JsonNode?)t.Token.ToJson())));
        root.TryAdd("clean_up_tokenization_spaces", false);
        root.TryAdd("tokenizer_class", "PreTrainedTokenizerFast");
        return JsonSerializer.SerializeToUtf8Bytes(root, TokenizerFile.JsonOptions);

        void Set(string key, string? value)
        {
            if (value is null)
                root.Remove(key);
            else
                root[key] = value;
        }
    }

    private static TokenizerConfig Read(JsonPart root, ReadOnlyMemory<byte> utf8)
    {
        var added = new List<(AddedToken, int)>();
        if (root.Find("added_tokens_decoder") is { } decoder)
        {
            foreach (var (name, value) in decoder.Members())
                added.Add((AddedToken.Read(value), int.TryParse(name, out int id) && id >= 0 ? id : throw value.Refuse("expected an id as the key")));
        }
        return new TokenizerConfig(
            Role(root, "bos_token"), Role(root, "eos_token"), Role(root, "pad_token"), Role(root, "unk_token"), Template(root))
        {
            AddedTokens = [.. added.OrderBy(t => t.Item2)],
            File = utf8,
        };
    }

    // A token is written as its text or as an object that holds it.
    private static string? Role(JsonPart root, string key) => root.Find(key) is not { } role ? null
        : role.Value.ValueKind == JsonValueKind.Object ? role.Get("content").String() : role.String();

    // Several templates come as a list of {name, template}; "default" is the one for chat.
    private static string? Template(JsonPart root)
    {
        if (root.Find("chat_template") is not { } template || template.Value.ValueKind == JsonValueKind.String)
            return root.Text("chat_template");
        return template.Items().Where(t => t.Get("name").String() == "default").Select(t => t.Get("template").String()).FirstOrDefault();
    }
}
