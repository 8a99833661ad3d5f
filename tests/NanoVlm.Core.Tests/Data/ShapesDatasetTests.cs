using System.Text.Json;
using System.Text.RegularExpressions;
using NanoVlm.Data.Shapes;
using NanoVlm.Images;

namespace NanoVlm.Tests.Data;

/// <summary>The generated set: what a reader of the files alone can check.</summary>
public sealed class ShapesDatasetTests
{
    private static readonly ShapesOptions _options = new() { Seed = 3, Train = 3000, Validation = 100, Test = 600 };
    private static readonly Lazy<ShapesPlan> _drawn = new(() => ShapesPlan.Draw(_options));

    private static ShapesPlan Plan => _drawn.Value;

    [Fact]
    public void No_scene_is_in_the_set_twice()
    {
        var keys = Plan.Train.Concat(Plan.Validation).Concat(Plan.Test).Select(image => image.Scene.Key()).ToList();
        Assert.Equal(_options.Train + _options.Validation + _options.Test, keys.Count);
        Assert.Equal(keys.Count, keys.Distinct().Count());
    }

    [Fact]
    public void Scenes_have_one_to_four_objects_inside_the_picture_that_do_not_overlap()
    {
        Assert.Equal([1, 2, 3, 4], Plan.Train.Select(image => image.Scene.Objects.Length).Distinct().Order());
        foreach (var (scene, _) in Plan.Train)
            for (int i = 0; i < scene.Objects.Length; i++)
            {
                var a = scene.Objects[i].Box;
                Assert.True(a.Left >= 0.5 && a.Top >= 0.5 && a.Right <= 63.5 && a.Bottom <= 63.5, $"{scene.Objects[i]}");
                for (int j = 0; j < i; j++)
                {
                    var b = scene.Objects[j].Box;
                    Assert.True(a.Left > b.Right + 1 || b.Left > a.Right + 1 || a.Top > b.Bottom + 1 || b.Top > a.Bottom + 1, scene.Key());
                }
            }
    }

    [Fact]
    public void Kinds_are_equally_frequent_and_no_question_is_asked_twice_about_an_image()
    {
        foreach (var split in new[] { Plan.Train, Plan.Test })
        {
            int all = split.Sum(image => image.Questions.Length);
            foreach (var kind in split.SelectMany(image => image.Questions).GroupBy(question => question.Kind))
                Assert.InRange(kind.Count() / (double)all, 0.18, 0.22);
            foreach (var (_, questions) in split)
            {
                Assert.Equal(_options.QuestionsPerImage, questions.Length);
                Assert.Equal(questions.Length, questions.Select(question => question with { Phrasing = 0, Answer = 0 }).Distinct().Count());
            }
        }
    }

    [Fact]
    public void Each_text_has_its_answers_equally_often()
    {
        foreach (var text in Plan.Train.SelectMany(image => image.Questions).GroupBy(question => question.Text))
        {
            var first = text.First();
            var counts = new int[Question.Answers(first.Kind).Length];
            foreach (var question in text)
                counts[question.Answer]++;
            // Pictures are never empty, and four of a sort are asked for half as often.
            bool ofAll = first.Subject == default;
            for (int answer = ofAll ? 1 : 0; answer < counts.Length; answer++)
            {
                bool half = first.Kind == QuestionKind.Count && answer == 4 && !ofAll;
                int most = counts.Max();
                Assert.InRange(counts[answer] * (half ? 2 : 1), most - 4, most + 2);
            }
        }
    }

    [Fact]
    public void Who_has_read_all_texts_but_sees_no_picture_scores_under_40_percent()
    {
        var majority = Plan.Train.SelectMany(image => image.Questions).GroupBy(question => question.Text)
            .ToDictionary(text => text.Key, text => text.GroupBy(question => question.AnswerText).MaxBy(answer => answer.Count())!.Key);
        var right = Plan.Test.SelectMany(image => image.Questions)
            .ToLookup(question => question.Kind, question => majority.GetValueOrDefault(question.Text) == question.AnswerText ? 1.0 : 0.0);
        Assert.InRange(right[QuestionKind.Colour].Average(), 0, 0.22);
        Assert.InRange(right[QuestionKind.Shape].Average(), 0, 0.39);
        Assert.InRange(right[QuestionKind.Count].Average(), 0, 0.30);
        Assert.InRange(right[QuestionKind.Existence].Average(), 0, 0.55);
        Assert.InRange(right[QuestionKind.Relation].Average(), 0, 0.55);
        Assert.InRange(right.SelectMany(kind => kind).Average(), 0, 0.40);
    }

    [Fact]
    public void Few_answers_stand_in_earlier_turns()
    {
        int told = 0, asked = 0;
        foreach (var (_, questions) in Plan.Train)
            for (int i = 0; i < questions.Length; i++, asked++)
                if (questions[i].Kind <= QuestionKind.Shape && questions[..i].Any(earlier => Tells(earlier, questions[i])))
                    told++;
        Assert.InRange(told / (double)asked, 0, 0.08);

        // The simplest giveaway: the same object named by colour and shape before.
        static bool Tells(Question earlier, Question question) => earlier.Kind == QuestionKind.Relation && question.Kind == QuestionKind.Colour
            ? earlier.Subject.Shape == question.Subject.Shape || earlier.Other.Shape == question.Subject.Shape
            : earlier.Kind == QuestionKind.Relation && (earlier.Subject.Colour == question.Subject.Colour || earlier.Other.Colour == question.Subject.Colour);
    }

    [Fact]
    public void Every_answer_is_right_and_the_picture_shows_it()
    {
        using var folder = new TemporaryFolder();
        Assert.True(ShapesDataset.Generate(Path.Combine(folder.Path, "set"), _options with { Train = 200, Validation = 20, Test = 100, QuestionsPerImage = 12 }));
        int answers = 0;
        foreach (string line in File.ReadLines(Path.Combine(folder.Path, "set", "test.jsonl")).Concat(File.ReadLines(Path.Combine(folder.Path, "set", "train.jsonl"))))
        {
            var row = JsonElement.Parse(line);
            var objects = row.GetProperty("objects").EnumerateArray().ToArray();
            var picture = ImageCodec.Load(Path.Combine(folder.Path, "set", row.GetProperty("image").GetString()!));
            Assert.Equal((64, 64), (picture.Width, picture.Height));
            foreach (var item in objects)
            {
                int at = ((int)item.GetProperty("y").GetDouble() * 64 + (int)item.GetProperty("x").GetDouble()) * 3;
                var colour = Enum.Parse<ObjectColour>(item.GetProperty("colour").GetString()!, ignoreCase: true);
                Assert.Equal(SceneRenderer.Rgb(colour), (picture.Pixels[at], picture.Pixels[at + 1], picture.Pixels[at + 2]));
            }
            var turns = row.GetProperty("conversations").EnumerateArray().Select(turn => turn.GetProperty("value").GetString()!).ToArray();
            for (int i = 0; i < turns.Length; i += 2, answers++)
                Assert.True(Answer(turns[i], objects) == turns[i + 1], $"{turns[i]} {turns[i + 1]}, not {Answer(turns[i], objects)}: {line}");
        }
        Assert.Equal(300 * 12, answers);
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_seed_others()
    {
        using var folder = new TemporaryFolder();
        var options = _options with { Train = 40, Validation = 5, Test = 5 };
        foreach (var (name, seed) in new[] { ("a", 3), ("b", 3), ("c", 4) })
            ShapesDataset.Generate(Path.Combine(folder.Path, name), options with { Seed = seed });
        var files = Directory.EnumerateFiles(Path.Combine(folder.Path, "a"), "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Path.Combine(folder.Path, "a"), file)).ToList();
        Assert.Equal(50 + 4, files.Count);
        int different = 0;
        foreach (string file in files)
        {
            byte[] bytes = File.ReadAllBytes(Path.Combine(folder.Path, "a", file));
            Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(folder.Path, "b", file)));
            different += bytes.SequenceEqual(File.ReadAllBytes(Path.Combine(folder.Path, "c", file))) ? 0 : 1;
        }
        Assert.Equal(files.Count, different);
    }

    [Fact]
    public void The_test_split_does_not_depend_on_the_size_of_the_others()
    {
        var other = ShapesPlan.Draw(_options with { Train = 10, Validation = 3 });
        Assert.Equal(Plan.Test.Select(image => image.Scene.Key()), other.Test.Select(image => image.Scene.Key()));
        Assert.Equal(Plan.Test.SelectMany(image => image.Questions), other.Test.SelectMany(image => image.Questions));
    }

    [Fact]
    public void A_set_that_is_there_is_kept_and_one_of_other_options_refused()
    {
        using var folder = new TemporaryFolder();
        string set = Path.Combine(folder.Path, "set");
        var options = _options with { Train = 6, Validation = 2, Test = 2 };
        Assert.True(ShapesDataset.Generate(set, options));
        var written = File.GetLastWriteTimeUtc(Path.Combine(set, "train.jsonl"));
        Assert.False(ShapesDataset.Generate(set, options));
        Assert.Equal(written, File.GetLastWriteTimeUtc(Path.Combine(set, "train.jsonl")));
        Assert.Contains("other options", Assert.Throws<NanoVlmException>(() => ShapesDataset.Generate(set, options with { Train = 5 })).Message);
        Assert.Equal(6, Directory.GetFiles(Path.Combine(set, "images", "train")).Length);
        Assert.Equal([set], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_folder_with_other_files_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        string thesis = folder.Write("thesis.txt", "years of work");
        var e = Assert.Throws<NanoVlmException>(() => ShapesDataset.Generate(folder.Path, _options));
        Assert.Contains(folder.Path, e.Message);
        Assert.True(File.Exists(thesis));
    }

    [Fact]
    public void A_cancelled_run_leaves_nothing_behind()
    {
        using var folder = new TemporaryFolder();
        Assert.ThrowsAny<OperationCanceledException>(() => ShapesDataset.Generate(Path.Combine(folder.Path, "set"), _options with { Train = 10 }, new CancellationToken(true)));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    // Answers from the text and the listed objects, in no way as the generator does.
    private static string? Answer(string text, JsonElement[] objects)
    {
        string[] words = text.TrimEnd('?').Replace("in the picture", "").Replace("is the colour of", "colour is").Replace("is the shape of", "shape is")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is ["What", var attribute, "is", "the", .. var one])
            return objects.Single(item => Is(item, one)).GetProperty(attribute).GetString();
        if (words is ["How", "many", ..])
            return objects.Count(item => Is(item, [.. words[2..].TakeWhile(word => word != "are")])).ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (words.Contains("there"))
            return objects.Any(item => Is(item, [.. words[1..].Where(word => word is not ("there" or "a" or "an"))])) ? "yes" : "no";
        var match = Regex.Match(text, @"^Is the (\w+) (\w+) (left of|right of|above|below) the (\w+) (\w+)\?$");
        Assert.True(match.Success, text);
        var (a, b) = (objects.Single(item => Is(item, [match.Groups[1].Value, match.Groups[2].Value])), objects.Single(item => Is(item, [match.Groups[4].Value, match.Groups[5].Value])));
        string axis = match.Groups[3].Value is "above" or "below" ? "y" : "x";
        double difference = a.GetProperty(axis).GetDouble() - b.GetProperty(axis).GetDouble();
        Assert.True(Math.Abs(difference) >= 10, text);
        return difference < 0 == match.Groups[3].Value is "left of" or "above" ? "yes" : "no";
    }

    private static bool Is(JsonElement item, string[] words) => words.All(word =>
        word.StartsWith("object", StringComparison.Ordinal) || new[] { "size", "colour", "shape" }.Any(key => item.GetProperty(key).GetString() is { } value && (word == value || word == value + "s")));
}
