using System.Text.Json.Nodes;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Running;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Tests.Running;

public sealed class EvaluationResultTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nanovlm-").FullName;

    [Fact]
    public void A_result_is_read_as_it_was_written_an_item_a_line()
    {
        var result = Result("vqa-jsonl", Rules.Strict, [Item("1", 1, answer: "a \"quoted\"\nline, and <b>é漢</b>"), Item("2", 0) with { Error = "cut", Extracted = "x" }]);
        var path = Path.Combine(folder, "r.json");
        result.Save(path);
        var again = EvaluationResult.Load(path);
        Assert.Equal(result.ToJson(), again.ToJson());
        Assert.Equal(result.Tasks[0].Items.Select(item => (item.Id, item.Answer, item.Score, item.Error, item.Extracted)), again.Tasks[0].Items.Select(item => (item.Id, item.Answer, item.Score, item.Error, item.Extracted)));
        Assert.Equal(2, File.ReadLines(path).Count(line => line.TrimStart().StartsWith("{\"id\":", StringComparison.Ordinal)));
        Assert.Equal([path], Directory.GetFiles(folder));
        Assert.Contains("é漢", File.ReadAllText(path)); // not escaped
    }

    [Theory]
    [InlineData("{}", "has no \"format\"")]
    [InlineData("{\"format\": 99}", "has format 99")]
    [InlineData("{\"format\": 1}", "is not a result of an evaluation")]
    [InlineData("[1, 2", "is not a result of an evaluation")]
    [InlineData("{\"format\": 1, \"model\": 3}", "is not a result of an evaluation")]
    [InlineData("""{"format": 1, "model": null, "rules": "strict", "tasks": []}""", "is not a result of an evaluation")]
    [InlineData("""{"format": 1, "model": {"name": "m", "weights_sha256": "", "precision": "fp32", "config": {}}, "rules": "strict", "tasks": [null]}""", "is not a result of an evaluation")]
    [InlineData("""{"format": 1, "model": {"name": "m", "weights_sha256": "", "precision": "fp32", "config": {}}, "rules": "strict", "tasks": [{"task": "pope", "prompts": "lmms", "prompts_version": "1", "items": [{"id": "1", "answer": null}]}]}""", "is not a result of an evaluation")]
    public void What_is_no_result_is_refused_by_name(string text, string said)
    {
        var path = Path.Combine(folder, "r.json");
        File.WriteAllText(path, text);
        var message = Assert.Throws<NanoVlmException>(() => EvaluationResult.Load(path)).Message;
        Assert.Contains(path, message);
        Assert.Contains(said, message);
        Assert.Contains("nowhere.json", Assert.Throws<NanoVlmException>(() => EvaluationResult.Load(Path.Combine(folder, "nowhere.json"))).Message);
    }

    [Fact]
    public void What_cannot_be_written_leaves_nothing_behind()
    {
        var path = Directory.CreateDirectory(Path.Combine(folder, "r.json")).FullName;
        Assert.Contains("cannot be written", Assert.Throws<NanoVlmException>(() => Result("shapes", Rules.Strict, [Item("1", 1)]).Save(path)).Message);
        Assert.Equal([path], Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void Answers_are_scored_by_other_rules_without_anything_else()
    {
        // A lone small letter was right for lmms-eval's first reading of MMStar's answers, and is not for its second.
        var item = Item("1", 1, answer: "b", right: "B") with { Reference = new Reference { Answers = ["B"], Category = "c", Subcategory = "d" } };
        var result = Result("mmstar", Rules.Lmms071, [item, item with { Id = "2", Answer = "B" }, item with { Id = "3", Answer = "", Score = 0, Error = "cut" }]);
        var head = result.Rescored(Rules.LmmsHead);
        Assert.Equal([0.0, 1, 0], head.Tasks[0].Items.Select(scored => scored.Score));
        Assert.Equal("lmms-head", head.Rules);
        Assert.Equal("cut", head.Tasks[0].Items[2].Error);
        Assert.Equal(1.0 / 3, head.Tasks[0].Figures[0].Value, 12);
        Assert.Equal(result.Rescored(Rules.Lmms071).ToJson(), head.Rescored(Rules.Lmms071).ToJson());
    }

    [Fact]
    public void The_bootstrap_of_a_mean_has_the_interval_of_the_normal_distribution()
    {
        const int n = 600;
        var random = new Random(1);
        var pairs = Enumerable.Range(0, n).Select(i => (A: random.NextDouble() < 0.5 ? 1.0 : 0, B: random.NextDouble() < 0.65 ? 1.0 : 0)).ToArray();
        var (a, b) = (Result("vqa-jsonl", Rules.Strict, [.. pairs.Select((pair, i) => Item($"{i}", pair.A))]), Result("vqa-jsonl", Rules.Strict, [.. pairs.Select((pair, i) => Item($"{i}", pair.B))]));
        var compared = Assert.Single(Comparison.Of(a, b));
        var figure = compared.Figures[0];
        var mean = pairs.Average(pair => pair.B - pair.A);
        var deviation = Math.Sqrt(pairs.Average(pair => Math.Pow(pair.B - pair.A - mean, 2)) / n);
        Assert.Equal(mean, figure.Difference, 12);
        Assert.InRange(figure.Low!.Value, mean - 2.1 * deviation, mean - 1.8 * deviation);
        Assert.InRange(figure.High!.Value, mean + 1.8 * deviation, mean + 2.1 * deviation);
        Assert.True(figure.P < 0.001);
        Assert.Equal(pairs.Count(pair => pair.B > pair.A), compared.Better.Count);
        Assert.Equal(pairs.Count(pair => pair.B < pair.A), compared.Worse.Count);
        Assert.Equal(compared.Figures, Comparison.Of(a, b)[0].Figures); // seeded
        Assert.Equal((0.0, 1.0), (Comparison.Of(a, a)[0].Figures[0].Difference, Comparison.Of(a, a)[0].Figures[0].P));
    }

    [Fact]
    public void Figures_that_are_no_means_are_taken_of_drawn_groups()
    {
        // MME: 200 points an image when both of its questions are right. B loses half of the images.
        const int images = 100;
        EvaluationResult Mme(Func<int, double> score) => Result("mme", Rules.Lmms071, [.. Enumerable.Range(0, 2 * images).Select(i => Item($"{i}", score(i / 2), answer: score(i / 2) == 1 ? "yes" : "no", right: "yes") with
        {
            Reference = new Reference { Answers = ["yes"], Category = "existence", Group = $"existence/{i / 2}" },
        })]);
        var perception = Comparison.Of(Mme(_ => 1), Mme(image => image % 2), resamples: 2000)[0].Figures.Single(figure => figure.Name == "perception");
        Assert.Equal((200.0, 100.0), (perception.A, perception.B));
        var deviation = 200 * Math.Sqrt(0.25 / images);
        Assert.InRange(perception.Low!.Value, -100 - 2.25 * deviation, -100 - 1.7 * deviation);
        Assert.InRange(perception.High!.Value, -100 + 1.7 * deviation, -100 + 2.25 * deviation);
    }

    [Fact]
    public void Results_of_other_items_are_not_compared()
    {
        var a = Result("vqa-jsonl", Rules.Strict, [Item("1", 1), Item("2", 0)]);
        Refused(Result("vqa-jsonl", Rules.Strict, [Item("1", 1)]), "A has 2 items, B 1");
        Refused(Result("vqa-jsonl", Rules.Strict, [Item("1", 1), Item("3", 0)]), "item 1 is 2 in A, 3 in B");
        Refused(Result("vqa-jsonl", Rules.Strict, [Item("1", 1, right: "other"), Item("2", 0)]), "item 1 has other right answers");
        Refused(Result("shapes", Rules.Strict, [Item("1", 1), Item("2", 0)]), "no benchmark in common");

        void Refused(EvaluationResult b, string said) => Assert.Contains(said, Assert.Throws<NanoVlmException>(() => Comparison.Of(a, b)).Message);
    }

    [Fact]
    public void A_page_cannot_be_ended_by_an_answer()
    {
        var path = Path.Combine(folder, "page.html");
        ResultsPage.Write(path, [("r.json", Result("vqa-jsonl", Rules.Strict, [Item("1", 1, answer: "</script><script>alert(1)</script>")]))]);
        var page = File.ReadAllText(path);
        Assert.Equal(2, page.Split("</script>").Length - 1);
        Assert.Contains("\\u003c/script>", page);
    }

    [Theory]
    [InlineData("""{"question": "Q", "answer": "A"}""", null)]
    [InlineData("""{"question": "Q", "answers": ["A", 2], "metric": "anls", "category": "c", "image": null}""", null)]
    [InlineData("""{"answer": "A"}""", "q.jsonl:1: the key \"question\" is missing; found \"answer\"")]
    [InlineData("""{"question": "Q", "Answer": "A"}""", "q.jsonl:1: the key \"answer\" (or \"answers\") is missing (\"Answer\" is another)")]
    [InlineData("""{"question": "Q", "answer": "A", "image": "no.png"}""", null)] // an error of that question, when it is asked
    [InlineData("""{"question": "Q", "answer": "A", "metric": "bleu"}""", "\"metric\" is 'bleu'; there are exact, vqa, anls")]
    [InlineData("""{"question": "Q", "answer": "A", "metric": "vqa"}""", "must hold those of several")]
    [InlineData("""{"question": ["Q"], "answer": "A"}""", "\"question\" must be a text or a number; found [\"Q\"]")]
    [InlineData("""{"question": "Q" """, "q.jsonl:1: not valid JSON")]
    [InlineData("""["Q"]""", "q.jsonl:1: expected a JSON object")]
    public void A_file_of_questions_is_read_or_what_is_wrong_with_it_named(string line, string? said)
    {
        var path = Path.Combine(folder, "q.jsonl");
        File.WriteAllText(path, line + "\n");
        if (said is null) Assert.Single(new VqaJsonlTask().Open(new TaskData(path)));
        else Assert.Contains(said, Assert.Throws<NanoVlmException>(() => new VqaJsonlTask().Open(new TaskData(path))).Message);
    }

    [Theory]
    [InlineData("exact", " Red\n", "red", 1)]
    [InlineData("exact", "dark red", "red", 0)]
    [InlineData("contains", "It is dark RED.", "red", 1)]
    [InlineData("anls", "rad", "red", 2.0 / 3)]
    [InlineData("relaxed", "10.4", "10", 1)]
    [InlineData("relaxed", "10.6", "10", 0)]
    public void Each_question_is_scored_by_its_metric(string metric, string answer, string right, double score) =>
        Assert.Equal(score, new VqaJsonlTask().Score("1", new Reference { Answers = [right], Kind = metric }, answer, Rules.Strict).Score, 12);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static ItemResult Item(string id, double score, string answer = "a", string right = "a") =>
        new() { Id = id, Question = "?", Answer = answer, Score = score, Reference = new Reference { Answers = [right] } };

    private static EvaluationResult Result(string task, Rules rules, IReadOnlyList<ItemResult> items) => new()
    {
        Model = new EvaluatedModel { Name = "run/step_000001", WeightsSha256 = new string('0', 64), Precision = "fp32", Config = new JsonObject { ["lm_n_blocks"] = 1 } },
        Rules = rules.Name,
        BatchSize = 1,
        Tasks = [new TaskResult { Task = task, Prompts = "lmms", PromptsVersion = "1", MaxNewTokens = 16 }.With(Benchmarks.Named(task), items, rules)],
    };
}
