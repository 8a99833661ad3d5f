using System.Buffers;
using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

/// <summary>Code that takes a <c>Microsoft.ML.Tokenizers.Tokenizer</c> is given ours: every member of it, over the golden texts.</summary>
public sealed class MicrosoftMLTokenizerTests
{
    public static TheoryData<string> Names => TokenizerGoldenTests.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Ids_tokens_and_counts_are_those_of_the_reference(string name)
    {
        foreach (var (tokenizer, text, ids, _) in Cases(name))
        {
            Assert.Equal(ids, tokenizer.EncodeToIds(text));
            Assert.Equal(ids, tokenizer.EncodeToIds(text.AsSpan()));
            var tokens = tokenizer.EncodeToTokens(text, out var normalized);
            Assert.Null(normalized);
            Assert.Equal(ids, tokens.Select(token => token.Id));
            Assert.Equal(tokens, tokenizer.EncodeToTokens(text.AsSpan(), out _));
            Assert.Equal(ids.Length, tokenizer.CountTokens(text));
            Assert.Equal(ids.Length, tokenizer.CountTokens(text.AsSpan()));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Ranges_of_tokens_are_those_of_the_text_in_order(string name)
    {
        foreach (var (tokenizer, text, _, encoding) in Cases(name))
        {
            var tokens = tokenizer.EncodeToTokens(text, out _);
            for (var i = 0; i < tokens.Count; i++)
            {
                var (from, length) = tokens[i].Offset.GetOffsetAndLength(text.Length);
                if (encoding.SpecialTokensMask[i]) Assert.Equal(0, length);
                else Assert.Equal(encoding.Offsets[i], (CodePoints(text[..from]), CodePoints(text[..(from + length)])));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_limit_keeps_the_first_tokens_and_says_how_much_text_they_are(string name)
    {
        foreach (var (tokenizer, text, ids, _) in Cases(name))
        {
            var tokens = tokenizer.EncodeToTokens(text, out _);
            for (var most = 1; most <= Math.Min(ids.Length + 1, 12); most++)
            {
                var kept = tokenizer.EncodeToIds(text, most, out var normalized, out var consumed);
                Assert.Null(normalized);
                Assert.InRange(kept.Count, 0, most);
                Assert.Equal(ids[..kept.Count], kept);
                Assert.Equal(kept, tokenizer.EncodeToIds(text.AsSpan(), most, out _, out var same));
                Assert.Equal(consumed, same);
                if (most >= ids.Length) Assert.Equal((ids.Length, text.Length), (kept.Count, consumed));
                else Assert.All(tokens.Take(kept.Count), token => Assert.InRange(token.Offset.End.Value, 0, consumed)); // no character is cut

                Assert.InRange(tokenizer.GetIndexByTokenCount(text, most, out _, out var count), 0, text.Length);
                Assert.Equal(tokenizer.GetIndexByTokenCount(text, most, out _, out _), tokenizer.GetIndexByTokenCount(text.AsSpan(), most, out _, out _));
                Assert.InRange(count, 0, most);
                Assert.InRange(tokenizer.GetIndexByTokenCountFromEnd(text, most, out _, out count), 0, text.Length);
                Assert.Equal(tokenizer.GetIndexByTokenCountFromEnd(text, most, out _, out _), tokenizer.GetIndexByTokenCountFromEnd(text.AsSpan(), most, out _, out _));
                Assert.InRange(count, 0, most);
            }
            if (ids.Length == 0) continue;
            Assert.Equal(tokens[^1].Offset.End.Value, tokenizer.GetIndexByTokenCount(text, ids.Length, out _, out var all));
            Assert.Equal(ids.Length, all);
            Assert.Equal(tokens[0].Offset.Start.Value, tokenizer.GetIndexByTokenCountFromEnd(text, ids.Length, out _, out all));
            Assert.Equal(ids.Length, all);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Ids_become_text_whole_or_through_buffers_of_any_size(string name)
    {
        foreach (var item in TextGoldens.Expected(name).GetProperty("encodings").EnumerateArray().Take(60))
        {
            Microsoft.ML.Tokenizers.Tokenizer tokenizer = Loaded(name);
            int[] ids = item.GetProperty("ids").Ints();
            var expected = item.GetProperty("decode_keep").GetString()!;
            Assert.Equal(expected, tokenizer.Decode(ids.Select(id => id)));
            for (var size = 0; size <= expected.Length; size = size * 2 + 1)
            {
                var buffer = new char[size];
                var status = tokenizer.Decode(ids, buffer, out var consumed, out var written);
                Assert.Equal(size < expected.Length ? OperationStatus.DestinationTooSmall : OperationStatus.Done, status);
                Assert.StartsWith(new string(buffer, 0, written), expected, StringComparison.Ordinal);
                if (status == OperationStatus.Done) Assert.Equal((ids.Length, expected.Length), (consumed, written));
                else Assert.InRange(consumed, 0, ids.Length - 1);
            }
            var exact = new char[expected.Length];
            Assert.Equal(OperationStatus.Done, tokenizer.Decode(ids, exact, out _, out _));
            Assert.Equal(expected, new string(exact));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Steps_can_be_called_alone_and_left_out(string name)
    {
        foreach (var (tokenizer, text, _, _) in Cases(name))
        {
            Assert.Equal(tokenizer.Normalizer?.Normalize(text), tokenizer.Normalizer?.Normalize(text.AsSpan()));
            var pieces = tokenizer.PreTokenizer?.PreTokenize(text).ToList() ?? [];
            Assert.Equal(pieces, tokenizer.PreTokenizer?.PreTokenize(text.AsSpan()) ?? []);
            Assert.All(pieces, piece => Assert.True(piece.Offset >= 0 && piece.Length > 0 && piece.Offset + piece.Length <= text.Length));
            tokenizer.EncodeToIds(text, considerPreTokenization: false);
            tokenizer.EncodeToIds(text, considerNormalization: false);
        }
        Microsoft.ML.Tokenizers.Tokenizer bert = Loaded("tokenizer-wordpiece");
        Assert.Equal(bert.EncodeToIds("hello"), bert.EncodeToIds("HELLO"));
        Assert.NotEqual(bert.EncodeToIds("hello"), bert.EncodeToIds("HELLO", considerNormalization: false));
    }

    [Fact]
    public void A_limit_of_no_tokens_is_refused()
    {
        Microsoft.ML.Tokenizers.Tokenizer tokenizer = Loaded("tokenizer-gpt2");
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.EncodeToIds("text", 0, out _, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.GetIndexByTokenCount("text", 0, out _, out _));
    }

    private static int CodePoints(string text) => text.EnumerateRunes().Count();

    private static Tokenizer Loaded(string name) => Tokenizer.Load(TextGoldens.Folder(name));

    private static IEnumerable<(Microsoft.ML.Tokenizers.Tokenizer Tokenizer, string Text, int[] Ids, NanoVlm.Text.Encoding Encoding)> Cases(string name)
    {
        var tokenizer = Loaded(name);
        return TextGoldens.Expected(name).GetProperty("encodings").EnumerateArray()
            .Select(item => (item.GetProperty("text").GetString()!, item.GetProperty("ids").Ints()))
            .Select(item => ((Microsoft.ML.Tokenizers.Tokenizer)tokenizer, item.Item1, item.Item2, tokenizer.Encode(item.Item1)));
    }
}
