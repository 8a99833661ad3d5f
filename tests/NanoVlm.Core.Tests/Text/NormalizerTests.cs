using System.Text.Json.Nodes;
using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

public class NormalizerTests
{
    // Expected values are those of Python's unicodedata.normalize.
    [Theory]
    [InlineData("NFC", "e\u0301 \u00e9 A\u030a\u0301 \u212b \uac01 \u1100\u1161\u11a8", "\u00e9 \u00e9 \u01fa \u00c5 \uac01 \uac01")]
    [InlineData("NFC", "a\u0323\u0307 a\u0307\u0323 \u0958 \u0344 \u09c7\u09be \u2126", "\u1ea1\u0307 \u1ea1\u0307 \u0915\u093c \u0308\u0301 \u09cb \u03a9")]
    [InlineData("NFD", "\u1e69 \u1e9b\u0323 \uac01 \U0001109a", "s\u0323\u0307 \u017f\u0323\u0307 \u1100\u1161\u11a8 \U00011099\U000110ba")]
    [InlineData("NFKC", "\ufb01 \uff21 \u00bd \u3392 \U0001d400 \u1e9b\u0323 \ufdfa", "fi A 1\u20442 MHz A \u1e69 \u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 \u0648\u0633\u0644\u0645")]
    [InlineData("NFKD", "\ufb01\u00e9 \u2460", "fie\u0301 1")]
    [InlineData("Lowercase", "\u00c0\u03a3 \u0130 \U00010400", "\u00e0\u03c3 i\u0307 \U00010428")]
    [InlineData("StripAccents", "e\u0301\u00e9", "e\u00e9")]
    public void Forms_are_those_of_Unicode(string kind, string text, string expected) =>
        Assert.Equal(expected, Normalize(new JsonObject { ["type"] = kind }, text).Text);

    [Fact]
    public void Offsets_point_into_the_text_as_given()
    {
        var (text, offsets) = Normalize(new JsonObject { ["type"] = "NFKD" }, "x\u00e9\ufb01");
        Assert.Equal("xe\u0301fi", text);
        Assert.Equal([(0, 1), (1, 2), (1, 2), (2, 3), (2, 3)], offsets);
        Assert.Equal([(0, 1), (2, 3)], Normalize(new JsonObject { ["type"] = "NFC" }, "e\u0301x").Offsets);
    }

    [Fact]
    public void Replacements_stand_for_the_end_of_what_they_replace()
    {
        var replace = new JsonObject { ["type"] = "Replace", ["pattern"] = new JsonObject { ["Regex"] = "b+" }, ["content"] = "xyz" };
        var (text, offsets) = Normalize(replace, "abbbc");
        Assert.Equal("axyzc", text);
        Assert.Equal([(0, 1), (3, 4), (3, 4), (3, 4), (4, 5)], offsets);
    }

    [Fact]
    public void Strip_and_prepend_leave_the_other_offsets_alone()
    {
        var steps = new JsonObject
        {
            ["type"] = "Sequence",
            ["normalizers"] = new JsonArray(new JsonObject { ["type"] = "Strip" }, new JsonObject { ["type"] = "Prepend", ["prepend"] = "_" }),
        };
        var (text, offsets) = Normalize(steps, " ab ");
        Assert.Equal("_ab", text);
        Assert.Equal([(1, 2), (1, 2), (2, 3)], offsets);
        Assert.Equal("", Normalize(steps, "  ").Text);
    }

    /// <summary>What a normalizer makes of a text, by way of a model with a token for each character that can come out.</summary>
    private static (string Text, (int, int)[] Offsets) Normalize(JsonObject normalizer, string text)
    {
        var tokens = Enumerable.Range(0, 0x11200).Where(System.Text.Rune.IsValid).Select(c => new System.Text.Rune(c).ToString());
        var vocabulary = new JsonObject(tokens.Select((t, id) => KeyValuePair.Create(t, (JsonNode?)id)));
        var file = new JsonObject
        {
            ["normalizer"] = normalizer.DeepClone(),
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        };
        var encoding = Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(file.ToJsonString())).Encode(text);
        return (string.Concat(encoding.Tokens), encoding.Offsets);
    }
}
