using System.Text.Json;
using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

/// <summary>Every kind of normalizer, pre-tokenizer, model, post-processor and decoder beside Hugging Face's library, recorded by
/// <c>tests/goldens/tokenizer-kinds/record.js</c>.</summary>
public class TokenizerKindsTests
{
    [Theory]
    [InlineData("normalizer")]
    [InlineData("pre-tokenizer")]
    [InlineData("model")]
    [InlineData("post-processor")]
    [InlineData("added")]
    [InlineData("Metaspace")]
    public void Every_kind_does_what_the_reference_does(string part)
    {
        var recorded = TextGoldens.Expected("tokenizer-kinds").EnumerateArray().Where(r => r.GetProperty("name").GetString()!.StartsWith(part, StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(recorded);
        foreach (var kind in recorded)
        {
            var tokenizer = Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(kind.GetProperty("tokenizer").GetRawText()));
            foreach (var item in kind.GetProperty("cases").EnumerateArray())
                AssertCase(item, tokenizer, kind.GetProperty("name").GetString()!);
        }
    }

    private static void AssertCase(JsonElement item, Tokenizer tokenizer, string name)
    {
        string text = item.GetProperty("text").GetString()!;
        string? pair = item.TryGetProperty("pair", out var second) ? second.GetString() : null;
        var encoding = Encode(true);
        Same("ids", encoding.Ids);
        Same("tokens", encoding.Tokens);
        Same("offsets", encoding.Offsets.Select(o => new[] { o.Start, o.End }));
        Same("types", encoding.TypeIds);
        Same("mask", encoding.SpecialTokensMask.Select(m => m ? 1 : 0));
        var plain = Encode(false);
        Same("plain", plain.Ids);
        Same("plain_types", plain.TypeIds);
        Same("plain_offsets", plain.Offsets.Select(o => new[] { o.Start, o.End }));
        Same("decoded", tokenizer.Decode(encoding.Ids));
        Same("skipped", tokenizer.Decode(encoding.Ids, skipSpecialTokens: true));

        NanoVlm.Text.Encoding Encode(bool special) => pair is null ? tokenizer.Encode(text, special) : tokenizer.Encode(text, pair, special);

        void Same(string key, object actual)
        {
            if (item.TryGetProperty(key, out var expected))
                Assert.True(JsonElement.DeepEquals(expected, JsonSerializer.SerializeToElement(actual)), $"{name}: {key} of \"{text}\" \"{pair}\": expected {expected}, found {JsonSerializer.Serialize(actual)}");
        }
    }
}
