using NanoVlm.Data;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tests;

public class AccuracyTests
{
    private static Question Asked(string kind, string answer) => new([], "?", answer, kind);

    [Fact]
    public void It_is_the_share_of_right_answers_overall_and_by_kind()
    {
        var accuracy = Accuracy.Of([new(Asked("count", "2"), "2"), new(Asked("count", "3"), "2"), new(Asked("colour", "red"), "red"), new(Asked("count", "1"), "4")]);
        Assert.Equal(0.5, accuracy.Overall);
        Assert.Equal(["colour", "count"], accuracy.ByKind.Keys);
        Assert.Equal(1.0 / 3, accuracy.ByKind["count"], 12);
        Assert.Equal(4, accuracy.Questions);
    }

    [Fact]
    public void Of_no_questions_it_is_nothing()
    {
        Assert.Equal((0.0, 0), (Accuracy.Of([]).Overall, Accuracy.Of([]).Questions));
        Assert.Equal(0, Accuracy.OfMajority([]).Overall);
    }

    [Theory]
    [InlineData("Red", "red", true)]
    [InlineData(" red\n", "red", true)]
    [InlineData("red.", "red", false)]
    [InlineData("dark red", "red", false)]
    [InlineData("", "red", false)]
    public void Case_and_outer_white_space_do_not_count(string answer, string right, bool correct) =>
        Assert.Equal(correct, new Prediction(Asked("colour", right), answer).Correct);

    [Fact]
    public void The_majority_is_taken_kind_by_kind()
    {
        var majority = Accuracy.OfMajority([.. "yes yes no".Split(' ').Select(a => Asked("existence", a)), .. "1 2 2 2".Split(' ').Select(a => Asked("count", a))]);
        Assert.Equal(2.0 / 3, majority.ByKind["existence"], 12);
        Assert.Equal(0.75, majority.ByKind["count"], 12);
        Assert.Equal(5.0 / 7, majority.Overall, 12);
    }
}

public class QuestionTests
{
    [Fact]
    public void What_cannot_be_asked_is_left_out_with_the_reason_and_marks_are_of_all_images()
    {
        var tokenizer = Text.ImageTokens.AddTo(Text.Tokenizer.Load(Configuration.RunConfig.Load().Model.Tokenizer!));
        var builder = new SampleBuilder(tokenizer, new ImageProcessor(new ImageProcessorConfig { TileSize = 16, MaxSide = 16, Split = false }), 4, new SampleOptions { MaxTokens = 80 });
        var png = ImageCodec.EncodePng(new RgbImage(16, 16, new byte[768]));
        StoredImage[] two = [new("one", png), new("two", png)];
        RawSample[] set =
        [
            new("llava", two, [new("<image>\nWhat is it?", "a"), new("And <image>?", "b"), new("Is <image> like <image>?", "c")], []),
            new("long", [], [new(string.Concat(Enumerable.Repeat("How many ", 100)), "d"), new("short?", "e")], []),
            new("cut", [new("half", png.AsMemory(0, png.Length / 2))], [new("What?", "f")], []),
        ];
        var leftOut = new List<string>();
        var questions = Question.Askable(set, builder, null, leftOut.Add);
        Assert.Equal(["What is it?", "And ?", "Is <image> like <image>?", "short?"], questions.Select(question => question.Text));
        Assert.Equal(2, leftOut.Count);
        Assert.Contains("long: has ", leftOut[0]);
        Assert.Contains("'half' cannot be read", leftOut[1]);
        Assert.Equal(2, Question.Askable(set, builder, 2, leftOut.Add).Count);
        Assert.Contains("None of the 1 conversations", Assert.Throws<NanoVlmException>(() => Question.Askable(set[2..], builder, null, leftOut.Add)).Message);
    }

    private static readonly RawSample[] samples =
    [
        new("a:1", [new StoredImage("a.png")], [new("one?", "1"), new("two?", "2")], ["count", "shape"]),
        new("a:2", [new StoredImage("b.png")], [new("three?", "3")], []),
    ];

    [Fact]
    public void Each_turn_is_asked_alone_with_its_kind()
    {
        var questions = Question.Of(samples);
        Assert.Equal([("one?", "1", "count"), ("two?", "2", "shape"), ("three?", "3", "all")], questions.Select(q => (q.Text, q.Answer, q.Kind)));
        Assert.Equal(["a.png", "a.png", "b.png"], questions.Select(q => q.Images.Single().Name));
    }

    [Fact]
    public void A_limit_takes_the_first() => Assert.Equal(["one?", "two?"], Question.Of(samples, 2).Select(q => q.Text));
}
