using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Text.Decoders;
using NanoVlm.Text.Models;
using NanoVlm.Text.Normalizers;
using NanoVlm.Text.PostProcessors;
using NanoVlm.Text.PreTokenizers;

namespace NanoVlm.Text;

/// <summary>A <c>tokenizer.json</c> as read: the five stages, the added tokens, and the bytes to write it again.</summary>
internal sealed record TokenizerFile(
    Normalizer? Normalizer, PreTokenizer? PreTokenizer, Model Model, PostProcessor? PostProcessor, Decoder? Decoder,
    IReadOnlyList<(AddedToken Token, int Id)> AddedTokens, ReadOnlyMemory<byte> Json)
{
    public static JsonSerializerOptions JsonOptions { get; } =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static TokenizerFile Read(ReadOnlyMemory<byte> utf8, string file) => JsonPart.Read(utf8, file, Read);

    public byte[] ToJson(AddedVocabulary added)
    {
        var root = JsonNode.Parse(Json.Span)!.AsObject();
        root["added_tokens"] = new JsonArray([.. added.Tokens.Select(t => t.Token.ToJson(t.Id))]);
        return JsonSerializer.SerializeToUtf8Bytes(root, JsonOptions);
    }

    private static TokenizerFile Read(JsonPart root, ReadOnlyMemory<byte> utf8)
    {
        var model = Model.Read(root.Get("model"));
        return new TokenizerFile(
            root.Find("normalizer") is { } normalizer ? Normalizer.Read(normalizer) : null,
            root.Find("pre_tokenizer") is { } preTokenizer ? PreTokenizer.Read(preTokenizer) : null,
            model,
            root.Find("post_processor") is { } postProcessor ? PostProcessor.Read(postProcessor) : null,
            root.Find("decoder") is { } decoder ? Decoder.Read(decoder) : null,
            root.Find("added_tokens") is { } added ? ReadAddedTokens(added, model) : [],
            utf8);
    }

    private static List<(AddedToken, int)> ReadAddedTokens(JsonPart part, Model model)
    {
        var tokens = new List<(AddedToken, int)>();
        var ids = new Dictionary<int, string>();
        foreach (var item in part.Items())
        {
            var token = AddedToken.Read(item);
            int id = item.Get("id").Int();
            if (id is < 0 or > Vocabulary.LargestId)
                throw item.Refuse($"id {id} is outside 0 to {Vocabulary.LargestId}");
            if (model.TokenToId(token.Content) is { } modelId && modelId != id)
                throw item.Refuse($"\"{token.Content}\" has id {id} here and {modelId} in the model's vocabulary");
            if (model.IdToToken(id) is { } other && other != token.Content)
                throw item.Refuse($"id {id} of \"{token.Content}\" belongs to \"{other}\" in the model's vocabulary");
            if (!ids.TryAdd(id, token.Content) && ids[id] != token.Content)
                throw item.Refuse($"\"{ids[id]}\" and \"{token.Content}\" share id {id}");
            tokens.Add((token, id));
        }
        return tokens;
    }
}
