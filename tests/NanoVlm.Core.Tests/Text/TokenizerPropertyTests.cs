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
    public void Streaming_adds_up_to_decoding_at_once()
    {
        foreach (var tokenizer in new[] { _smol.Value, _gpt2.Value })
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

    [Fact]
    public void A_text_of_one_letter_a_hundred_thousand_times_is_quick()
    {
        string text = new('a', 100_000);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(text, _smol.Value.Decode(_smol.Value.Encode(text).Ids));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"took {clock.Elapsed}");
    }

    [Fact]
    public void Threads_share_one_tokenizer()
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2"));
        string[] texts = [.. TextGoldens.Expected("tokenizer-smollm2").GetProperty("encodings").EnumerateArray().Select(e => e.GetProperty("text").GetString()!)];
        var alone = texts.Select(t => _smol.Value.Encode(t).Ids).ToArray();
        Parallel.For(0, 64, i => Assert.Equal(alone[i % texts.Length], tokenizer.Encode(texts[i % texts.Length]).Ids));
    }

    private static string WellFormed(string text) => string.Concat(text.EnumerateRunes());
}
