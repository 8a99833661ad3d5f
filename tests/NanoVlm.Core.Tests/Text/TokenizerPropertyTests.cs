using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

public class TokenizerPropertyTests
{
    private static readonly string[] _fragments =
    [
        "a", "e", "the", " ", "  ", "\n", "\r\n", "\t", "'s", "'", "7", "12", "½", "٣", "é", "e\u0301", "ß", "ﬁ", "你好", "가", "\u1100\u1161",
        "😀", "👩‍👩‍👧", "𝐀", "𠀀", "𝟘", "\u200B", "\u00A0", "\u3000", "\uFEFF", "\uFFFD", "\0", "\u007F", "\uD800", "\uDC00", "\uDBFF", "!?", "…",
        "<|im_start|>", "<|im_end|>", "<|im_", "|>", "<repo_name>", "Ġ", "Ċ", "\u0144", "\U0010FFFF",
    ];

    private static readonly Arbitrary<string> _texts = Gen.OneOf(
        Gen.Elements(_fragments).ListOf().Select(string.Concat),
        Gen.Choose(0, char.MaxValue).Select(c => ((char)c).ToString()).ListOf().Select(string.Concat)).ToArbitrary();

    private static readonly Lazy<Tokenizer> _smol = new(() => Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2")));
    private static readonly Lazy<Tokenizer> _llama = new(() => Tokenizer.Load(TextGoldens.Folder("tokenizer-llama3")));
    private static readonly Lazy<Tokenizer> _gpt2 = new(() => Tokenizer.Load(TextGoldens.Folder("tokenizer-gpt2")));

    [Fact]
    public void Decoding_gives_any_text_back()
    {
        foreach (var tokenizer in new[] { _smol.Value, _llama.Value })
        {
            Prop.ForAll(_texts, text => tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false).Ids) == WellFormed(text))
                .Check(Config.QuickThrowOnFailure.WithMaxTest(500));
        }
    }

    [Fact]
    public void Decoding_gives_back_what_byte_fallback_normalized()
    {
        // Gemma's spaces are visible characters inside, so text that has those already comes back with spaces.
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-gemma"));
        Prop.ForAll(_texts, text => tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false).Ids) == WellFormed(text).Replace('▁', ' '))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    [Fact]
    public void No_text_is_too_strange_for_any_kind()
    {
        string[] names = ["tokenizer-gpt2", "tokenizer-gemma", "tokenizer-llama2", "tokenizer-unigram", "tokenizer-wordpiece"];
        foreach (var tokenizer in names.Select(name => Tokenizer.Load(TextGoldens.Folder(name))))
        {
            Prop.ForAll(_texts, text =>
            {
                var encoding = tokenizer.Encode(text);
                tokenizer.Decode(encoding.Ids);
                int codePoints = WellFormed(text).EnumerateRunes().Count();
                return encoding.Offsets.All(o => o.Start >= 0 && o.Start <= o.End && o.End <= codePoints)
                    && encoding.Ids.All(id => id >= 0 && id < tokenizer.VocabularySize);
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(400));
        }
    }

    [Fact]
    public void Streaming_adds_up_to_decoding_at_once()
    {
        foreach (var tokenizer in new[] { _smol.Value, _gpt2.Value, Tokenizer.Load(TextGoldens.Folder("tokenizer-llama2")), Tokenizer.Load(TextGoldens.Folder("tokenizer-gemma")) })
        {
            var ids = Gen.OneOf(
                _texts.Generator.Select(text => tokenizer.Encode(text).Ids),
                Gen.Choose(-1, tokenizer.VocabularySize).ListOf().Select(list => list.ToArray()));
            Prop.ForAll(ids.ToArbitrary(), sequence =>
            {
                foreach (bool skip in new[] { false, true })
                {
                    var stream = new StreamingDecoder(tokenizer, skip);
                    string text = string.Concat(sequence.Select(stream.Push)) + stream.Flush();
                    if (text != tokenizer.Decode(sequence, skip))
                        return false;
                }
                return true;
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
        }
    }

    [Fact]
    public void A_byte_token_can_spoil_the_run_before_it()
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-llama2"));
        int[] ids = [.. new[] { "<0x41>", "<s>", "<0xC3>", "<0xA9>", "<0xFF>", "e" }.Select(token => tokenizer.TokenToId(token)!.Value)];
        var stream = new StreamingDecoder(tokenizer, skipSpecialTokens: true);
        Assert.Equal(["", "", "", "", "", "\uFFFD\uFFFD\uFFFD\uFFFDe"], ids.Select(stream.Push));
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void Streaming_never_gives_out_half_a_character()
    {
        var tokenizer = _smol.Value;
        Prop.ForAll(_texts, text =>
        {
            // U+FFFD in what comes out would be half a character, as there is none in what goes in.
            text = WellFormed(text).Replace("\uFFFD", "");
            var stream = new StreamingDecoder(tokenizer);
            return tokenizer.Encode(text).Ids.All(id => stream.Push(id) is var part && !part.Contains('\uFFFD') && WellFormed(part) == part);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    [Fact]
    public void Offsets_cover_the_text_in_order()
    {
        var tokenizer = _smol.Value;
        Prop.ForAll(_texts, text =>
        {
            var offsets = tokenizer.Encode(text).Offsets;
            int at = 0;
            foreach (var (start, end) in offsets)
            {
                // A token begins where the last one ended, or is another part of the same character.
                if (start > at || end < at || end <= start)
                    return false;
                at = end;
            }
            return at == WellFormed(text).EnumerateRunes().Count();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    [Theory]
    [InlineData("tokenizer-smollm2")]
    [InlineData("tokenizer-llama3")]
    [InlineData("tokenizer-gemma")]
    [InlineData("tokenizer-unigram")]
    [InlineData("tokenizer-wordpiece")]
    public void A_word_of_a_million_letters_is_quick(string name)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder(name));
        Growth.AssertLinear(1_000_000, (length, number) => tokenizer.Decode(tokenizer.Encode(new string((char)('b' + number), length)).Ids));
        Growth.AssertLinear(1_000_000, (length, number) =>
            tokenizer.Decode(tokenizer.Encode(string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i * 31 + number + 1) % 26)))).Ids));
    }

    [Fact]
    public void Long_and_short_words_merge_alike()
    {
        // Below 33 characters another way of merging is used.
        var tokenizer = _smol.Value;
        var words = Gen.Elements("a", "b", "e", "n", "t", "h", "er", "in", "aa").ListOf(60).Select(string.Concat).ToArbitrary();
        Prop.ForAll(words, word =>
        {
            string[] tokens = tokenizer.Encode(word).Tokens;
            return Enumerable.Range(0, tokens.Length).All(i => tokenizer.Encode(tokens[i]).Tokens is [var one] && one == tokens[i]);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));
    }

    [Fact]
    public void A_batch_is_its_texts_one_by_one()
    {
        string[] texts = [.. TextGoldens.Expected("tokenizer-llama3").GetProperty("encodings").EnumerateArray().Select(e => e.GetProperty("text").GetString()!)];
        var batch = _llama.Value.Encode(texts);
        Assert.Equal(texts.Length, batch.Length);
        for (int i = 0; i < texts.Length; i++)
            Assert.Equal(_llama.Value.Encode(texts[i]).Ids, batch[i].Ids);
    }

    [Fact]
    public void Threads_share_one_tokenizer()
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2"));
        string[] texts = [.. TextGoldens.Expected("tokenizer-smollm2").GetProperty("encodings").EnumerateArray().Select(e => e.GetProperty("text").GetString()!)];
        var alone = texts.Select(t => _smol.Value.Encode(t)).ToArray();
        // Each thread begins elsewhere, so that they meet new words together and push out each other's.
        Parallel.For(0, 8, thread =>
        {
            for (int n = 0; n < 2 * texts.Length; n++)
            {
                int i = (n + thread * texts.Length / 8) % texts.Length;
                var encoding = tokenizer.Encode(texts[i]);
                Assert.Equal(alone[i].Ids, encoding.Ids);
                Assert.Equal(alone[i].Offsets, encoding.Offsets);
                Assert.Equal(_smol.Value.Decode(alone[i].Ids), tokenizer.Decode(encoding.Ids));
            }
        });
    }

    private static string WellFormed(string text) => string.Concat(text.EnumerateRunes());
}
