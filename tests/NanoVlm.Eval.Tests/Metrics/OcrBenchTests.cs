using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class OcrBenchTests
{
    [Theory]
    [InlineData("The sign says\nCENTRE.", "says centre", "IIIT5K", "1111")]
    [InlineData("ＣＥＮＴＲＥ", "centre", "IIIT5K", "0101")] // full-width
    [InlineData("\\Delta x ^ { 2 }", "\\Delta x^{2}", "HME100k", "0111")] // only the answer was made small letters
    [InlineData("\\delta", "\\Delta", "HME100k", "0000")]
    [InlineData("x + y", "x+y", "HME100k", "1111")]
    [InlineData("x + y", "x+y", "IIIT5K", "0000")]
    [InlineData("anything", "", "IIIT5K", "1110")]
    public void An_answer_that_holds_a_right_one_is_right(string answer, string right, string dataset, string scores) =>
        Assert.Equal(scores, string.Concat(new[] { Rules.Lmms071, Rules.LmmsHead, Rules.VlmEvalKit, Rules.Strict }.Select(rules => OcrBench.Score(answer, ["no such", right], dataset, rules))));
}
