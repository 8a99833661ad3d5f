using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class AnlsTests
{
    [Theory]
    [InlineData("ab", "ac", 0.5)]
    [InlineData("abc", "xyc", 0)]
    [InlineData("Hello  World", "hello world", 1)]
    [InlineData("helo", "hello", 0.8)]
    [InlineData("", "", 1)]
    [InlineData("", "a", 0)]
    public void It_is_the_similarity_where_that_is_at_least_a_half(string answer, string right, double score) =>
        Assert.All(Rules.All, rules => Assert.Equal(score, Anls.Score(answer, [right], rules), 12));

    [Fact]
    public void White_space_raises_the_harnesses_score_but_not_the_strict_one()
    {
        Assert.Equal(0.75, Anls.Score("abcx", ["abcd"], Rules.LmmsHead), 12);
        Assert.Equal(0.9, Anls.Score("abcx      ", ["abcd"], Rules.LmmsHead), 12);
        Assert.Equal(0.9, Anls.Score("abcx      ", ["abcd"], Rules.VlmEvalKit), 12);
        Assert.Equal(0.75, Anls.Score("abcx      ", ["abcd"], Rules.Strict), 12);
    }

    [Fact]
    public void The_nearest_right_answer_counts_and_none_is_never_met()
    {
        Assert.Equal(1, Anls.Score("b", ["a", "B"], Rules.Strict));
        Assert.Equal(0, Anls.Score("b", [], Rules.Strict));
    }

    [Fact]
    public void The_band_of_the_table_gives_the_distance_of_the_whole_table()
    {
        var random = new Random(1);
        for (var i = 0; i < 3000; i++)
        {
            var (a, b) = (Word(), Word());
            var whole = Whole(a, b);
            Assert.Equal(whole, Levenshtein.Distance(a, b));
            var limit = random.Next(0, 12);
            Assert.Equal(Math.Min(whole, limit + 1), Levenshtein.Distance(a, b, limit));
        }

        string Word() => new([.. Enumerable.Range(0, random.Next(0, 12)).Select(_ => "abc"[random.Next(3)])]);
        static int Whole(string a, string b)
        {
            var table = new int[a.Length + 1, b.Length + 1];
            for (var i = 0; i <= a.Length; i++)
                for (var j = 0; j <= b.Length; j++)
                    table[i, j] = i == 0 ? j : j == 0 ? i : Math.Min(table[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), 1 + Math.Min(table[i - 1, j], table[i, j - 1]));
            return table[a.Length, b.Length];
        }
    }

    [Fact]
    public void Distances_are_in_characters_not_in_UTF16_units() => Assert.Equal(1, Levenshtein.Distance("a\U0001F600b", "ab"));
}
