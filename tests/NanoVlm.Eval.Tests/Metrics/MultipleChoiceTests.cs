using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class MultipleChoiceTests
{
    private static readonly string[] options = ["a cat", "a dog", "the red one", "none"];

    [Theory] // reproduced by running the published code: the letter, and whether it was right for the old rule and is for the new
    [InlineData("b", "B", 1, 0)]
    [InlineData("B", "B", 1, 1)]
    [InlineData("A cat is on the mat", "A", 1, 1)]
    [InlineData("A or B? B", "A", 1, 1)]
    [InlineData("A or B? B", "B", 0, 0)]
    [InlineData("(C) it is", "C", 1, 1)]
    [InlineData("Option D", "D", 1, 1)]
    [InlineData("The answer is C", "C", 1, 1)]
    [InlineData("I think it is C", "C", 0, 1)]
    [InlineData("", "A", 0, 0)]
    [InlineData("(", "A", 0, 0)]
    public void MMStar_was_scored_by_four_places_and_is_now_by_rank(string answer, string right, double old, double now)
    {
        Assert.Equal(old, MultipleChoice.MMStar(answer, [], right, Rules.Lmms071).Score);
        Assert.Equal(now, MultipleChoice.MMStar(answer, [], right, Rules.LmmsHead).Score);
    }

    [Theory]
    [InlineData("a", "A", 1)]
    [InlineData(" A. a cat", "A", 1)]
    [InlineData("A a cat", "A", 0)]
    [InlineData("a. a cat", "A", 0)]
    [InlineData("(A)", "A", 0)]
    public void ScienceQA_takes_the_letter_alone_or_a_capital_with_a_full_stop(string answer, string right, double score) =>
        Assert.Equal(score, MultipleChoice.ScienceQa(answer, options, right, Rules.LmmsHead).Score);

    [Theory]
    [InlineData(" A. a cat", "A", 1)]
    [InlineData("(a)", "A", 1)]
    [InlineData("A a cat", "A", 0)]
    [InlineData(" A", "A", 0)] // white space counts
    public void AI2D_takes_a_capital_with_a_full_stop_or_the_answer_without_punctuation(string answer, string right, double score) =>
        Assert.Equal(score, MultipleChoice.Ai2d(answer, options, right, Rules.LmmsHead).Score);

    [Theory]
    [InlineData(" b is right", "B", 1)]
    [InlineData("because", "B", 1)]
    [InlineData("(B)", "B", 0)]
    [InlineData("", "B", 0)]
    public void SEED_Bench_takes_the_first_character(string answer, string right, double score) =>
        Assert.Equal(score, MultipleChoice.SeedBench(answer, options, right, Rules.LmmsHead).Score);

    [Theory]
    [InlineData("B", "B")]
    [InlineData("The right one is (B).", "B")]
    [InlineData("B is what I would say here", null)] // not among the last four words
    [InlineData("A or B", null)]
    [InlineData("Sorry, I can't help with images of people yet.", "Z")]
    [InlineData("Z", "Z")]
    [InlineData("The correct answer is **B** since A is not here at all", "B")]
    [InlineData("the answer is apple", "A")] // a fault: the regular expression takes a word's first letter
    [InlineData("a dog", "B")]
    [InlineData("It is definitely and without any doubt a dog that stands there, and I am as sure as anybody ever was", null)] // more than twice the options' length
    public void VLMEvalKit_infers_an_option_or_none(string answer, string? option) => Assert.Equal(option, MultipleChoice.CanInfer(answer, options));

    [Fact]
    public void VLMEvalKit_counts_what_it_cannot_infer_as_Z_in_all_benchmarks() =>
        Assert.All([MultipleChoice.MMStar("?", [], "B", Rules.VlmEvalKit), MultipleChoice.ScienceQa("?", options, "B", Rules.VlmEvalKit), MultipleChoice.Ai2d("?", options, "B", Rules.VlmEvalKit),
            MultipleChoice.SeedBench("?", options, "B", Rules.VlmEvalKit)], scored => Assert.Equal((0, "Z"), scored));

    [Theory]
    [InlineData("b", "B")]
    [InlineData(" (B). ", "B")]
    [InlineData("**B**", "B")]
    [InlineData("B. a dog", "B")]
    [InlineData("B) a dog", "B")]
    [InlineData("(b) a dog", "B")]
    [InlineData("Option B: a dog", "B")]
    [InlineData("B\nBecause it barks.", "B")]
    [InlineData("The answer is B", "B")]
    [InlineData("The correct option is (b).", "B")]
    [InlineData("Answer: B", "B")]
    [InlineData("I think it is B.", "B")]
    [InlineData("a dog", "B")]
    [InlineData("A dog.", "B")]
    [InlineData("A cat is on the mat", null)]
    [InlineData("the answer is apple", null)]
    [InlineData("A or B", null)]
    [InlineData("The answer is A. No, the answer is B.", null)]
    [InlineData("E", null)]
    [InlineData("because", null)]
    [InlineData("", null)]
    public void Strict_takes_a_letter_only_where_one_is_plainly_named(string answer, string? letter)
    {
        Assert.Equal(letter, MultipleChoice.Letter(answer, options));
        Assert.Equal(letter, MultipleChoice.SeedBench(answer, options, "B", Rules.Strict).Extracted);
    }
}
