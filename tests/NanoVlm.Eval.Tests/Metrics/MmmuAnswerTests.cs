using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class MmmuAnswerTests
{
    private static readonly string[] options = ["red", "dark green", "blue", "none of them"];

    [Theory]
    [InlineData("(B) since (A) is not", "A")] // of several the last
    [InlineData("B because", "B")]
    [InlineData("it is C.", "C")]
    [InlineData("I would say that it is dark green", "B")]
    public void The_letter_is_looked_for_in_brackets_then_alone_then_with_a_full_stop_then_as_text(string answer, string letter) =>
        Assert.Equal(letter, MmmuAnswer.MultipleChoice(answer, options, "id", Rules.Lmms071));

    [Fact]
    public void A_guess_is_the_same_for_a_question_at_every_scoring_and_differs_between_questions()
    {
        var guesses = Enumerable.Range(0, 400).Select(i => MmmuAnswer.MultipleChoice("?", options, $"validation_Art_{i}", Rules.LmmsHead)).ToArray();
        Assert.Equal(guesses, Enumerable.Range(0, 400).Select(i => MmmuAnswer.MultipleChoice("", options, $"validation_Art_{i}", Rules.LmmsHead)));
        Assert.All("ABCD", letter => Assert.InRange(guesses.Count(guess => guess == letter.ToString()), 70, 130));
        Assert.Equal("Z", MmmuAnswer.MultipleChoice("?", options, "id", Rules.VlmEvalKit));
        Assert.Equal("", MmmuAnswer.MultipleChoice("?", options, "id", Rules.Strict));
    }

    [Theory]
    [InlineData("42", "42", 1)]
    [InlineData("Therefore the answer is 0.5", "0.5", 1)]
    [InlineData("The answer is hepatitis", "hepatitis", 1)]
    [InlineData("The answer is 0.9", "0.5", 0)]
    [InlineData("x = 1,000.", "1000", 1)]
    [InlineData("2.675", "2.67", 1)] // Python rounds what the number is, not what it looks like
    [InlineData("0.125", "0.12", 1)] // a tie to the even
    [InlineData("it is 420", "42", 0)]
    public void Open_questions_are_right_again_since_the_repair_and_never_were_in_071(string answer, string right, double score)
    {
        Assert.Equal(score, MmmuAnswer.Open(answer, [right], Rules.LmmsHead));
        Assert.Equal(score, MmmuAnswer.Open(answer, [right], Rules.Strict));
        Assert.Equal(0, MmmuAnswer.Open(answer, [right], Rules.Lmms071));
    }

    [Fact]
    public void VLMEvalKit_takes_an_open_question_for_two_hidden_choices()
    {
        Assert.Equal(1, MmmuAnswer.Open("A", ["42"], Rules.VlmEvalKit)); // the fault of #1617
        Assert.Equal(1, MmmuAnswer.Open("42", ["42"], Rules.VlmEvalKit));
        Assert.Equal(0, MmmuAnswer.Open("42.0", ["42.00"], Rules.VlmEvalKit));
    }

    [Theory]
    [InlineData("1,000 dogs, 3.5 cats and -7 or .5", "1,000|000|3.5|-7|.5")]
    [InlineData("-3.5e-2", "-3.5e-2|-3|-2")] // its parts are plain numbers too
    [InlineData("1,234,5678", "1,234|5678")]
    [InlineData("x1,000", "000")] // no word boundary before it: only what follows the comma counts
    [InlineData("1.2.3e5", "2.3e5|1.2|5")]
    public void Numbers_are_found_in_three_forms(string text, string numbers) => Assert.Equal(numbers.Split('|'), Numerals.In(text));
}
