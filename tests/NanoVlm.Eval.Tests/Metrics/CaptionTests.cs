using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class CaptionTests
{
    [Theory]
    [InlineData("A man, riding a bike.", "a man riding a bike")]
    [InlineData("It's the dog's ball; don't!", "it 's the dog 's ball do n't")]
    [InlineData("A black-and-white photo (old)", "a black-and-white photo -lrb- old -rrb-")] // round brackets stay, as small letters: a fault of the published evaluation
    [InlineData("1,000 people at 10:30 -- 50% \"happy\"...", "1,000 people at 10:30 50 % happy")]
    [InlineData("$5 & up in the U.S. today", "$ 5 & up in the u.s. today")]
    [InlineData("You cannot see the dogs' tails", "you can not see the dogs tails")]
    [InlineData("the 1950s and the 2nd floor", "the 1950s and the 2nd floor")]
    [InlineData("", "")]
    public void Captions_become_words_without_punctuation(string caption, string words)
    {
        Assert.Equal(words, CaptionWords.Of(caption, Rules.LmmsHead));
        Assert.Equal(caption, CaptionWords.Of(caption, Rules.VlmEvalKit));
    }

    [Fact]
    public void The_reference_itself_scores_full_marks()
    {
        (string, IReadOnlyList<string>)[] corpus = [("A man rides a red bike.", ["a man rides a red bike", "somebody on a bike"]), ("two dogs play in the park", ["Two dogs play in the park!"])];
        Assert.All(Bleu.Of(corpus, Rules.LmmsHead), score => Assert.Equal(1, score, 6));
        Assert.Equal(1, RougeL.Score(corpus[0].Item1, corpus[0].Item2, Rules.LmmsHead), 12);
        var cider = Cider.Of(corpus, Rules.LmmsHead);
        Assert.Equal(10, cider[1], 9);
        Assert.InRange(cider[0], 5, 10); // the other reference pulls it down
    }

    [Fact]
    public void BLEU_clips_counts_and_punishes_short_captions()
    {
        // Papineni et al., section 2: "the the the the the the the" has 2 of 7 words right.
        Assert.Equal(2 / 7.0, Bleu.Of([("the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"])], Rules.LmmsHead)[0], 9);
        Assert.Equal(Math.Exp(1 - 6 / 2.0), Bleu.Of([("the cat", ["the cat is on the mat"])], Rules.LmmsHead)[0], 9);
    }

    [Fact]
    public void ROUGE_weighs_recall_by_beta_1_2()
    {
        // common subsequence "the on mat": precision 3/4, recall 3/6
        var (p, r, b) = (3 / 4.0, 3 / 6.0, 1.2 * 1.2);
        Assert.Equal((1 + b) * p * r / (r + b * p), RougeL.Score("the dog on mat", ["the cat is on the mat"], Rules.LmmsHead), 12);
    }

    [Fact]
    public void CIDEr_of_one_image_alone_is_nothing_and_common_words_weigh_nothing()
    {
        Assert.Equal(0, Assert.Single(Cider.Of([("a dog", ["a dog"])], Rules.LmmsHead)));
        var scores = Cider.Of([("a", ["a dog"]), ("a cat", ["a cat"])], Rules.LmmsHead);
        Assert.Equal(0, scores[0]);
        Assert.Equal(5, scores[1], 9); // of runs of one and two words; there are none of three and four
    }

    [Fact]
    public void Captions_without_references_or_words_score_nothing()
    {
        Assert.All(Bleu.Of([], Rules.LmmsHead), score => Assert.InRange(score, 0, 1e-3));
        Assert.Equal(0, RougeL.Score("a", [], Rules.LmmsHead));
        Assert.Equal([0.0, 0.0], Cider.Of([("", ["a"]), ("a", [])], Rules.LmmsHead));
    }
}
