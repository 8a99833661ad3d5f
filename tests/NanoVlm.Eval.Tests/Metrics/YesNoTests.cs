using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class YesNoTests
{
    [Theory]
    [InlineData("Yes.", "yes", "yes", "yes")]
    [InlineData("y", "yes", "other", "yes")]
    [InlineData("N.", "no", "other", "no")]
    [InlineData("eyes", "yes", "other", "other")] // within the first four characters
    [InlineData("not", "no", "other", "other")]
    [InlineData("No, yes it is", "no", "other", "no")]
    [InlineData("I say yes", "other", "yes", "yes")]
    [InlineData("maybe", "other", "other", "other")]
    [InlineData("", "other", "other", "other")]
    public void MME_reads_yes_and_no_by_each_harness(string answer, string lmms, string kit, string strict) =>
        Assert.Equal((lmms, lmms, kit, strict), (Mme.Parse(answer, Rules.Lmms071), Mme.Parse(answer, Rules.LmmsHead), Mme.Parse(answer, Rules.VlmEvalKit), Mme.Parse(answer, Rules.Strict)));

    [Fact]
    public void MMEs_points_are_accuracy_and_accuracy_of_both_questions_of_an_image()
    {
        var category = Assert.Single(Mme.Of([("count", "a", 1), ("count", "a", 1), ("count", "b", 1), ("count", "b", 0)]));
        Assert.Equal(("count", 0.75, 0.5, 2, 125.0), (category.Name, category.Accuracy, category.AccuracyPlus, category.Images, category.Points));
        Assert.Equal((10, 4), (Mme.Perception.Count, Mme.Cognition.Count));
        Assert.Empty(Mme.Of([]));
        Assert.Equal(1, Mme.Score("YES!", "Yes", Rules.LmmsHead));
    }

    [Theory]
    [InlineData("Yes", 1, 1, 1)]
    [InlineData(" yes\n", 1, 1, 1)]
    [InlineData("yes.", 0, 1, 1)]
    [InlineData("Yes, it is", 0, 1, 1)]
    [InlineData("no", 0, 0, 0)]
    public void POPE_asks_for_the_bare_word_in_lmms_eval_only(string answer, double lmms, double kit, double strict) =>
        Assert.Equal((lmms, kit, strict), (Pope.Score(answer, "yes", Rules.LmmsHead), Pope.Score(answer, "Yes", Rules.VlmEvalKit), Pope.Score(answer, "yes", Rules.Strict)));

    [Fact]
    public void POPEs_yes_ratio_in_lmms_eval_is_that_of_the_questions_and_its_recall_forgets_other_answers()
    {
        (string, string)[] items = [("yes", "yes"), ("yes", "maybe"), ("no", "no"), ("no", "yes"), ("no", "no"), ("no", "no")];
        var lmms = Pope.Of(items, Rules.LmmsHead);
        Assert.Equal((4 / 6.0, 0.5, 1.0, 0.4, 2 / 6.0), (lmms.Accuracy, lmms.Precision, lmms.Recall, lmms.YesRatio, lmms.TrueYesRatio));
        Assert.Equal(2 / 3.0, lmms.F1, 12);
        Assert.Equal(0.5, Pope.Of(items, Rules.VlmEvalKit).Recall);
        Assert.Equal(0.5, Pope.Of(items, Rules.Strict).Recall);
        Assert.Equal(new PopeScores(0, 0, 0, 0, 0, 0), Pope.Of([], Rules.Strict));
    }
}
