using System.Text.Json;
using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

/// <summary>What Hugging Face's tokenizers library makes of the same files and texts.</summary>
public class TokenizerGoldenTests
{
    public static TheoryData<string> Names => new("tokenizer-smollm2", "tokenizer-gpt2", "tokenizer-llama3", "tokenizer-gemma", "tokenizer-llama2",
        "tokenizer-unigram", "tokenizer-wordpiece");

    [Theory]
    [MemberData(nameof(Names))]
    public void Texts_have_the_ids_tokens_and_offsets_of_the_reference(string name)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder(name));
        var expected = TextGoldens.Expected(name);
        Assert.Equal(expected.GetProperty("vocab_size").GetInt32(), tokenizer.VocabularySize);
        foreach (var item in expected.GetProperty("encodings").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            AssertEncoding(item, tokenizer.Encode(text), text);
            Assert.Equal(item.GetProperty("tokens").Strings(), tokenizer.Encode(text).Tokens);
            var plain = item.GetProperty("ids_no_special");
            Assert.Equal((plain.ValueKind == JsonValueKind.String ? item.GetProperty("ids") : plain).Ints(), tokenizer.Encode(text, addSpecialTokens: false).Ids);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Pairs_have_the_ids_types_and_offsets_of_the_reference(string name)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder(name));
        foreach (var item in TextGoldens.Expected(name).GetProperty("pairs").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!, pair = item.GetProperty("pair").GetString()!;
            AssertEncoding(item, tokenizer.Encode(text, pair), $"{text} | {pair}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Ids_have_the_text_of_the_reference(string name)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder(name));
        foreach (var item in TextGoldens.Expected(name).GetProperty("encodings").EnumerateArray())
        {
            int[] ids = item.GetProperty("ids").Ints();
            Assert.Equal(item.GetProperty("decode_keep").GetString(), tokenizer.Decode(ids));
            Assert.Equal(item.GetProperty("decode_skip").GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Beginnings_of_ids_have_the_text_of_the_reference(string name)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder(name));
        foreach (var item in TextGoldens.Expected(name).GetProperty("prefixes").EnumerateArray())
        {
            int[] ids = item.GetProperty("ids").Ints();
            string[] texts = item.GetProperty("prefix_decodes").Strings();
            for (int i = 0; i < texts.Length; i++)
                Assert.Equal(texts[i], tokenizer.Decode(ids.AsSpan(0, i)));
        }
    }

    private static void AssertEncoding(JsonElement expected, NanoVlm.Text.Encoding actual, string text)
    {
        var offsets = expected.GetProperty("offsets").EnumerateArray().Select(o => (o[0].GetInt32(), o[1].GetInt32()));
        Assert.True(expected.GetProperty("ids").Ints().SequenceEqual(actual.Ids), $"ids of {text}: {string.Join(' ', actual.Ids)}");
        Assert.True(offsets.SequenceEqual(actual.Offsets), $"offsets of {text}: {string.Join(' ', actual.Offsets)}");
        Assert.Equal(expected.GetProperty("type_ids").Ints(), actual.TypeIds);
        Assert.Equal(expected.GetProperty("special_tokens_mask").Ints(), actual.SpecialTokensMask.Select(m => m ? 1 : 0));
    }
}
