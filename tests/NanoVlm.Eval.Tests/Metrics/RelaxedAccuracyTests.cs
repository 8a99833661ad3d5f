using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class RelaxedAccuracyTests
{
    [Theory] // reproduced by running the published code
    [InlineData("14", "14.5", 1)]
    [InlineData("14.0%", "14", 0)]
    [InlineData("14", "14%", 0)]
    [InlineData("0.0", "0", 0)]
    [InlineData("1,000", "1000", 0)]
    [InlineData("yes ", "yes", 0)]
    [InlineData("yes.", "yes", 0)]
    [InlineData(" 14", "14", 1)]
    [InlineData("1_000", "1000", 1)]
    [InlineData("14%", "14%", 1)]
    [InlineData("Yes", "yes", 1)]
    [InlineData("inf", "inf", 0)] // inf - inf is no number
    [InlineData("nan", "NaN", 0)]
    public void Numbers_may_be_off_by_a_twentieth(string answer, string target, double score)
    {
        Assert.Equal(score, RelaxedAccuracy.Score(answer, target, Rules.Lmms071));
        Assert.Equal(score, RelaxedAccuracy.Score(answer, target, Rules.LmmsHead));
    }

    [Theory]
    [InlineData("yes ", "yes", 1)]
    [InlineData("yes.", "yes", 0)]
    [InlineData("yes", "yes ", 0)]
    public void VLMEvalKit_strips_the_answer_first(string answer, string target, double score) => Assert.Equal(score, RelaxedAccuracy.Score(answer, target, Rules.VlmEvalKit));

    [Theory]
    [InlineData("14.0%", "14", 1)]
    [InlineData("14", "14%", 1)]
    [InlineData("0.0", "0", 1)]
    [InlineData("0.1", "0", 0)]
    [InlineData("1,000", "1000", 1)]
    [InlineData("990.", "1,000", 1)]
    [InlineData("yes.", "yes", 1)]
    [InlineData("inf", "inf", 1)]
    [InlineData("nan", "5", 0)]
    [InlineData("20", "14", 0)]
    [InlineData("a, b", "a b", 0)]
    public void Strict_forgives_what_is_not_the_answer(string answer, string target, double score) => Assert.Equal(score, RelaxedAccuracy.Score(answer, target, Rules.Strict));
}
