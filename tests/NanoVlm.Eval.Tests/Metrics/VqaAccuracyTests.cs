using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class VqaAccuracyTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0.3)]
    [InlineData(2, 0.6)]
    [InlineData(3, 0.9)]
    [InlineData(4, 1)]
    [InlineData(10, 1)]
    public void An_answer_is_as_right_as_the_people_who_gave_it(int people, double accuracy)
    {
        var answers = Enumerable.Range(0, 10).Select(i => i < people ? "red" : $"other{i}").ToArray();
        Assert.All(Rules.All, rules => Assert.Equal(accuracy, VqaAccuracy.Score("red", answers, rules), 12));
    }

    [Theory] // reproduced by running the published code
    [InlineData("Two dogs", "2 dogs", true)]
    [InlineData("Two dogs", "2 dogs", false)]
    [InlineData("1,000", "1000", false)]
    [InlineData("1, 000", "1 000", false)]
    [InlineData("a-b", "b", true)]
    [InlineData("none", "0", true)]
    [InlineData("it's", "it 's", true)]
    [InlineData("it's", "it's", false)]
    [InlineData("don't", "don't", true)]
    [InlineData("dont", "don't", true)]
    [InlineData("50%", "50%", true)]
    [InlineData("$5", "$5", true)]
    [InlineData("10.", "10", true)]
    [InlineData("U.S.A", "usa", true)]
    [InlineData("3.5", "3.5", true)]
    [InlineData("somebody'd", "somebodyd", false)]
    public void Answers_are_normalised_as_published(string answer, string normalized, bool wordTokenize)
    {
        Assert.Equal(normalized, EvalAiAnswer.Normalize(answer, Rules.Lmms071, wordTokenize));
        Assert.Equal(normalized, EvalAiAnswer.Normalize(answer, Rules.LmmsHead, wordTokenize));
        Assert.Equal(normalized, EvalAiAnswer.Normalize(answer, Rules.Strict, wordTokenize));
    }

    [Theory]
    [InlineData("3.", "3.")]
    [InlineData("it's", "it's")]
    [InlineData("1,000", "1000")]
    [InlineData("10. a", "10.")]
    public void VLMEvalKit_keeps_the_full_stop_after_a_digit_and_the_possessive(string answer, string normalized) =>
        Assert.Equal(normalized, EvalAiAnswer.Normalize(answer, Rules.VlmEvalKit));

    [Fact]
    public void Only_the_first_32_full_stops_go_but_under_strict_all_do()
    {
        var dots = string.Concat(Enumerable.Repeat("b.", 40));
        var left = new string('b', 33) + ".b.b.b.b.b.b.b.";
        Assert.Equal(left, EvalAiAnswer.Normalize(dots, Rules.LmmsHead));
        Assert.Equal(left, EvalAiAnswer.Normalize(dots, Rules.VlmEvalKit));
        Assert.Equal(new string('b', 40), EvalAiAnswer.Normalize(dots, Rules.Strict));
    }

    [Fact]
    public void The_tables_are_as_large_as_the_published_ones()
    {
        Assert.Equal(120, Contractions.Of.Count);
        Assert.Equal(["let's", "she's"], Contractions.Of.Where(pair => pair.Key == pair.Value).Select(pair => pair.Key).Order());
        Assert.Equal(4, Contractions.Of.Keys.Count(key => key[0] == 'I')); // never match: answers are in small letters by then
        Assert.Equal(12, EvalAiAnswer.Numbers.Count);
        Assert.Equal(3, EvalAiAnswer.Articles.Count);
        Assert.Equal(21, EvalAiAnswer.Punctuation.Distinct().Count());
    }

    [Theory]
    [InlineData(1, 1, 1, 0)]
    [InlineData(2, 2, 1, 1.0 / 3)]
    [InlineData(1, 2, 0.5, 1.0 / 6)]
    [InlineData(3, 3, 1, 2.0 / 3)]
    public void With_few_answers_strict_asks_for_no_more_agreement_than_there_can_be(int people, int of, double strict, double published)
    {
        var answers = Enumerable.Range(0, of).Select(i => i < people ? "red" : $"other{i}").ToArray();
        Assert.Equal(strict, VqaAccuracy.Score("red", answers, Rules.Strict), 12);
        Assert.Equal(published, VqaAccuracy.Score("red", answers, Rules.LmmsHead), 12);
    }
}
