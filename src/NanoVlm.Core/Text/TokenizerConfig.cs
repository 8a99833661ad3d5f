using System.Text.Json;
using System.Text.Json.Nodes;

namespace NanoVlm.Text;

/// <summary>What <c>tokenizer_config.json</c>, and in older folders <c>special_tokens_map.json</c> and <c>added_tokens.json</c>, say beside the
/// tokenizer itself: the roles of tokens, more added tokens and the chat template.</summary>
internal sealed record TokenizerConfig(string? Bos, string? Eos, string? Pad, string? Unknown, string? ChatTemplate)
{
    private static readonly string[] _roles = ["bos_token", "eos_token", "pad_token", "unk_token"];

    /// <summary>Tokens of <c>added_tokens_decoder</c>, by id.</summary>
    public IReadOnlyList<(AddedToken Token, int Id)> AddedTokens { get; init; } = [];

    /// <summary>Further tokens with a name, such as <c>cls_token</c>.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> OtherTokens { get; init; } = [];

    /// <summary>All tokens that have a name.</summary>
    public IEnumerable<KeyValuePair<string, string>> NamedTokens
    {
        get
        {
            string?[] tokens = [Bos, Eos, Pad, Unknown];
            return _roles.Zip(tokens).Where(r => r.Second is not null).Select(r => KeyValuePair.Create(r.First, r.Second!)).Concat(OtherTokens);
        }
    }

    /// <summary>Special tokens of other roles, or of none.</summary>
    public IReadOnlyList<AddedToken> OtherSpecialTokens { get; init; } = [];

    /// <summary>Whether the file lists the added tokens itself; then the older files beside it are out of date.</summary>
    public bool ListsAddedTokens { get; init; }

    /// <summary>The file as read; keys that mean nothing here are kept when it is written again.</summary>
    public ReadOnlyMemory<byte> File { get; init; }

    public static TokenizerConfig Empty { get; } = new(null, null, null, null, null);

    public static TokenizerConfig Read(ReadOnlyMemory<byte> utf8, string file) => JsonPart.Read(utf8, file, Read);

    /// <summary>With the chat template from a file of its own: <c>chat_template.jinja</c> wins over the configuration, as in transformers;
    /// <c>chat_template.json</c>, a processor's, serves where there is no other.</summary>
    public TokenizerConfig WithTemplateBeside(string folder)
    {
        string jinja = Path.Combine(folder, "chat_template.jinja"), json = Path.Combine(folder, "chat_template.json");
        if (System.IO.File.Exists(jinja))
            return this with { ChatTemplate = System.IO.File.ReadAllText(jinja) };
        return ChatTemplate is null && System.IO.File.Exists(json)
            ? this with { ChatTemplate = JsonPart.Read(System.IO.File.ReadAllBytes(json), json, (root, _) => Template(root)) } : this;
    }

    /// <summary>This with what <c>special_tokens_map.json</c> says.</summary>
    public TokenizerConfig WithSpecialTokensMap(ReadOnlyMemory<byte> utf8, string file)
    {
        var map = JsonPart.Read(utf8, file, Read);
        var (first, second) = ListsAddedTokens ? (this, map) : (map, this);
        return this with
        {
            Bos = first.Bos ?? second.Bos,
            Eos = first.Eos ?? second.Eos,
            Pad = first.Pad ?? second.Pad,
            Unknown = first.Unknown ?? second.Unknown,
            OtherTokens = [.. first.OtherTokens, .. second.OtherTokens.Where(token => first.OtherTokens.All(other => other.Key != token.Key))],
            OtherSpecialTokens = ListsAddedTokens ? OtherSpecialTokens : [.. OtherSpecialTokens, .. map.OtherSpecialTokens],
        };
    }

    /// <summary>This with the tokens and ids of <c>added_tokens.json</c>; those that are special by another file are special.</summary>
    public TokenizerConfig WithAddedTokens(ReadOnlyMemory<byte> utf8, string file)
    {
        if (ListsAddedTokens)
            return this;
        var special = OtherSpecialTokens.Select(t => t.Content).Concat([Bos, Eos, Pad, Unknown]).ToHashSet();
        return this with { AddedTokens = JsonPart.Read(utf8, file, (root, _) => root.Members().Select(m => (Token(m.Name), Id(m.Value))).OrderBy(t => t.Item2).ToArray()) };

        AddedToken Token(string content) => new(content, special.Contains(content), Normalized: !special.Contains(content));
        int Id(JsonPart part) => part.Int() is >= 0 and var id ? id : throw part.Expected("an id");
    }

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
            OtherTokens = [.. root.Members().Where(m => m.Name.EndsWith("_token", StringComparison.Ordinal) && !_roles.Contains(m.Name) && IsToken(m.Value.Value))
                .Select(m => KeyValuePair.Create(m.Name, Role(root, m.Name)!))],
            OtherSpecialTokens = [.. SpecialTokens(root)],
            ListsAddedTokens = root.Find("added_tokens_decoder") is not null,
            File = utf8,
        };
    }

    // Other keys that end in _token can be anything, as add_bos_token is a boolean.
    private static bool IsToken(JsonElement value) => value.ValueKind == JsonValueKind.String
        || value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String;

    private static string? Role(JsonPart root, string key) => root.Find(key) is { } role ? Token(role).Content : null;

    // A token is written as its text or as an object that holds it.
    private static AddedToken Token(JsonPart part) => part.Value.ValueKind == JsonValueKind.Object ? AddedToken.Read(part) with { Special = true, Normalized = false } : new AddedToken(part.String());

    private static IEnumerable<AddedToken> SpecialTokens(JsonPart root)
    {
        foreach (string key in new[] { "cls_token", "sep_token", "mask_token" })
        {
            if (root.Find(key) is { } role)
                yield return Token(role);
        }
        // Lists, or tokens by the names that a model gives them.
        foreach (string key in new[] { "additional_special_tokens", "extra_special_tokens" })
        {
            if (root.Find(key) is not { } tokens)
                continue;
            foreach (var token in tokens.Value.ValueKind == JsonValueKind.Object ? tokens.Members().Select(m => m.Value) : tokens.Items())
                yield return Token(token);
        }
    }

    // Several templates come as a list of {name, template}; "default" is the one for chat.
    private static string? Template(JsonPart root)
    {
        if (root.Find("chat_template") is not { } template || template.Value.ValueKind == JsonValueKind.String)
            return root.Text("chat_template");
        return template.Items().Where(t => t.Get("name").String() == "default").Select(t => t.Get("template").String()).FirstOrDefault();
    }
}
