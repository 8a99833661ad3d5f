using System.Text;
using NanoVlm.Generation;
using NanoVlm.Tests.Models;

namespace NanoVlm.Tests.Generation;

[Collection(KernelChoice.Name)]
public sealed class AnswerTextTests : IDisposable
{
    private readonly Talker talker = new();

    [Theory]
    [InlineData("The answer is red. Next", ". Next", "The answer is red")]
    [InlineData("a\n\nb", "\n\n", "a")]
    [InlineData("abcabd", "abd", "abc")]
    [InlineData("nothing of the kind", "END", "nothing of the kind")]
    [InlineData("it begins EN", "END", "it begins EN")]
    public void A_stop_string_ends_the_text_wherever_tokens_cut_it(string text, string stop, string expected)
    {
        var answer = new AnswerText(talker.Tokenizer, [stop]);
        var given = new StringBuilder();
        foreach (var id in talker.Tokenizer.Encode(text, addSpecialTokens: false).Ids)
        {
            if (answer.Stopped) break;
            given.Append(answer.Push(id));
            Assert.StartsWith(given.ToString(), expected); // nothing is given out that is taken back
        }
        given.Append(answer.Flush());
        Assert.Equal(expected, given.ToString());
        Assert.Equal(expected, answer.ToString());
    }

    [Fact]
    public void The_stop_string_that_comes_first_counts()
    {
        var answer = new AnswerText(talker.Tokenizer, ["late", "early"]);
        foreach (var id in talker.Tokenizer.Encode("not early and not late", addSpecialTokens: false).Ids)
            if (!answer.Stopped) answer.Push(id);
        Assert.Equal("not ", answer.ToString());
    }

    [Fact]
    public void No_piece_is_half_a_character()
    {
        var answer = new AnswerText(talker.Tokenizer, []);
        const string text = "naïve 東京 🦜 ok";
        var pieces = talker.Tokenizer.Encode(text, addSpecialTokens: false).Ids.Select(answer.Push).ToList();
        pieces.Add(answer.Flush());
        Assert.All(pieces, piece => Assert.DoesNotContain('\uFFFD', piece));
        Assert.Equal(text, string.Concat(pieces));
    }

    public void Dispose() => talker.Dispose();
}
