using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class FuzzTests
{
    /// <summary>Every scorer, of one answer held against another text.</summary>
    private static IEnumerable<double> All(string answer, string right) => Rules.All.SelectMany(rules => Scores(answer, right, rules).Concat(Captions(answer, right, rules)));

    private static IEnumerable<double> Scores(string answer, string right, Rules rules)
    {
        string[] rights = [right, "yes", ""];
        string[] options = [right, "a cat", ""];
        yield return VqaAccuracy.Score(answer, rights, rules);
        yield return VqaAccuracy.Score(answer, rights, rules, wordTokenize: false);
        yield return Anls.Score(answer, rights, rules);
        yield return RelaxedAccuracy.Score(answer, right, rules);
        yield return MultipleChoice.MMStar(answer, options, "A", rules).Score;
        yield return MultipleChoice.ScienceQa(answer, options, right, rules).Score;
        yield return MultipleChoice.Ai2d(answer, options, "A", rules).Score;
        yield return MultipleChoice.SeedBench(answer, options, "A", rules).Score;
        yield return MmmuAnswer.MultipleChoice(answer, options, right, rules).Length <= 1 ? 0 : double.NaN;
        yield return MmmuAnswer.Open(answer, rights, rules);
        yield return Mme.Score(answer, right, rules);
        yield return Pope.Of([(right, answer)], rules).F1;
        yield return OcrBench.Score(answer, rights, "HME100k", rules);
        yield return OcrBench.Score(answer, rights, right, rules);
        yield return ExactMatch.Score(answer, rights);
    }

    private static IEnumerable<double> Captions(string answer, string right, Rules rules)
    {
        yield return Bleu.Of([(answer, [right, "yes", ""])], rules)[3];
        yield return RougeL.Score(answer, [right, "yes", ""], rules);
        yield return Cider.Of([(answer, [right, "yes"]), (right, [answer])], rules).Average() / 10;
    }

    private static readonly Gen<string> answers = Gen.Elements(
            "A", "b", "(", ")", ".", ",", " ", "\n", "\t", "\u00a0", "\u001c", "\ud83d", "\ude00", "\ud83d\ude00", "\0", "\u0130", "\u03a3", "ß", "\u0301", "0", "1", "9", "٣", "²", "e", "E", "+", "-", "%",
            "_", "inf", "nan", "yes", "no", "the answer is ", "option ", "is ", "so ", "=", "'s", "n't", "...", "--", "*", "'", "\"", "选", "답:", "ＡＢ", "\u3000", "\uffff", "\u2028")
        .ArrayOf().Select(string.Concat);

    [Fact]
    public void No_answer_makes_a_metric_throw_or_leave_its_range() =>
        Prop.ForAll(Arb.From(Gen.Zip(answers, answers)), pair => All(pair.Item1, pair.Item2).All(score => score is >= 0 and <= 1.0000001))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(250).WithEndSize(40));

    [Fact]
    public void No_string_at_all_does() =>
        Prop.ForAll<string, string>((answer, right) => All(answer ?? "", right ?? "").All(score => score is >= 0 and <= 1.0000001)).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [Theory]
    [InlineData("a")]
    [InlineData(" ")]
    [InlineData("1")]
    [InlineData("1,")]
    [InlineData("1.")]
    [InlineData("-1e")]
    [InlineData("1,000")]
    [InlineData("answer is ")]
    [InlineData("answer  ")]
    [InlineData("Option: ((")]
    [InlineData("A. ")]
    [InlineData("so \n")]
    [InlineData("\u0301")]
    [InlineData("\u03a3\u0301")]
    [InlineData("a-")]
    [InlineData("a.")]
    [InlineData("'")]
    [InlineData("\ud83d")]
    public void Long_answers_take_no_longer_by_the_character(string piece)
    {
        Growth.AssertLinear(200_000, (length, _) =>
        {
            var answer = string.Concat(Enumerable.Repeat(piece, length / piece.Length));
            foreach (var rules in Rules.All.Skip(1))
                Assert.All(Scores(answer, "the right answer", rules), score => Assert.InRange(score, 0, 1));
        });
    }

    [Theory]
    [InlineData("a b ")]
    [InlineData("a.")]
    [InlineData("a-1,")]
    [InlineData("'n't")]
    public void Long_captions_take_no_longer_by_the_character(string piece)
    {
        Growth.AssertLinear(100_000, (length, _) =>
        {
            var caption = string.Concat(Enumerable.Repeat(piece, length / piece.Length));
            Assert.All(Captions(caption, "the right answer", Rules.LmmsHead), score => Assert.InRange(score, 0, 1));
        });
    }

    [Fact]
    public void A_megabyte_is_scored_too() => Growth.AssertLinear(1 << 15, (pieces, _) =>
    {
        var answer = string.Concat(Enumerable.Repeat("The answer is 1,000.5e7. So (B) ", pieces));
        Assert.All(Scores(answer, "1", Rules.LmmsHead).Concat(Scores(answer, "1", Rules.Strict)), score => Assert.InRange(score, 0, 1));
    });
}
