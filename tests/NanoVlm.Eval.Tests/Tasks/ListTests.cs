using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Tests.Tasks;

public class ListTests
{
    [Theory]
    [InlineData("['a', 'b']", "a|b")]
    [InlineData("[\"it's\", 'say \"x\"', 'it\\'s']", "it's|say \"x\"|it's")]
    [InlineData(@"['\\frac{1}{2}', '\alpha', '\tau', 'a\\\\b']", "\\frac{1}{2}|\alpha|\tau|a\\\\b")]
    [InlineData(@"['\x41\u00e9\U0001F600\101', '\xZZ', '\q']", "Aé😀A|\\xZZ|\\q")]
    [InlineData("[ 'a' 'b' ,\n'c', ]", "ab|c")]
    [InlineData("('a', 'b')", "a|b")]
    [InlineData("[1, -2.5, 'x']", "1|-2.5|x")]
    [InlineData("['']", "")]
    public void Pythons_lists_are_read_as_Python_reads_them(string text, string items) => Assert.Equal(items.Split('|'), PythonList.Parse(text));

    [Fact]
    public void An_empty_list_is_one() => Assert.Equal([], PythonList.Parse("[ ]"));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("[")]
    [InlineData("['a'")]
    [InlineData("['a]")]
    [InlineData("['a\\']")]
    [InlineData("['a' 3]")]
    [InlineData("[,'a']")]
    [InlineData("['a',,'b']")]
    [InlineData("['a')")]
    public void What_is_no_list_is_none(string text) => Assert.Null(PythonList.Parse(text));

    [Theory]
    [InlineData("What?\nOptions: A: a cat, B: a dog", "What?", "a cat|a dog")]
    [InlineData("What?\nOptions: A: 1, 2, B: see A: x, C: 3", "What?", "1, 2|see A: x|3")]
    [InlineData("What? Choices:\n(A) 3 cm\n(B) 4, or so\n(C) none", "What?", "3 cm|4, or so|none")]
    [InlineData("Options: are given.\nOptions:\nA. x\nB. y", "Options: are given.", "x|y")]
    public void Options_are_found_in_a_question(string question, string stem, string options)
    {
        var (found, list) = ListedOptions.Of(question);
        Assert.Equal((stem, options), (found, string.Join('|', list)));
    }

    [Theory]
    [InlineData("What?")]
    [InlineData("What?\nOptions: A: alone")]
    [InlineData("What?\nOptions: none")]
    public void A_question_without_a_list_stays_whole(string question)
    {
        var (stem, options) = ListedOptions.Of(question);
        Assert.Equal(question, stem);
        Assert.Empty(options);
    }

    [Fact]
    public void Whatever_an_answer_or_a_text_is_nothing_throws()
    {
        const string letters = "aAbB12.,:;()[]'\"\\xuUnN \n\tOptions: <image 1>{}%$-éß😀　Ａ\u200d\0";
        var random = new Random(7);
        for (var trial = 0; trial < 300; trial++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => letters[random.Next(letters.Length)])); // halves of pairs too
            _ = PythonList.Parse(text);
            _ = PythonList.Parse($"[{text}]");
            _ = PythonList.Parse($"['{text}']");
            _ = ListedOptions.Of(text);
            _ = ListedOptions.Of($"Options: A: {text}, B: {text}");
            var reference = new Reference { Answers = ["A", text], Options = random.Next(2) == 0 ? ["x", text] : [], Category = "count", Kind = random.Next(2) == 0 ? "open" : "multiple-choice", Group = "1" };
            foreach (var task in Benchmarks.All.OfType<Benchmark>())
                foreach (var rules in Rules.All)
                    Assert.InRange(task.Score("1", reference, text, rules).Score, 0, 1);
        }
    }
}
