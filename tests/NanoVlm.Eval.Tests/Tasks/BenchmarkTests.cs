using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Text;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Evaluation.Tests.Tasks;

public sealed class BenchmarkTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Names => [.. Benchmarks.All.OfType<Benchmark>().Select(task => task.Name)];

    [Fact]
    public void Each_is_asked_and_scored_with_a_model()
    {
        var config = RunConfig.Parse("""
            {
              "model": {
                "vision": { "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "patch_size": 16, "initializer_range": 0.3 },
                "language": { "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "initializer_range": 0.3 },
              },
              "data": { "train": [ { "kind": "shapes" } ] },
            }
            """);
        var tokenizer = ImageTokens.AddTo(Tokenizer.Load(config.Model.Tokenizer!));
        var architecture = config.ToVlmConfig(tokenizer.VocabularySize);
        using var model = new VisionLanguageModel(architecture, tokenizer.TokenToId(ImageTokens.Image)!.Value);
        Initialization.Apply(model, config.Model, 1);
        model.eval();
        var builder = new SampleBuilder(tokenizer, new ImageProcessor(new ImageProcessorConfig { TileSize = 64, MaxSide = 64, Split = false }), architecture.MpImageTokenLength);
        var generator = new TextGenerator(model, tokenizer);
        foreach (var task in Benchmarks.All.OfType<Benchmark>())
        {
            var items = task.Open(new TaskData(task.RowsFile(folder.Path)));
            var prompts = items.Select(item => builder.Prompt(item.Question, [.. item.Images.Select(image => image.Decode())])).ToArray();
            var answers = generator.Generate(prompts, new GenerationOptions { MaxNewTokens = Math.Min(4, task.MaxNewTokens), StopStrings = task.StopStrings });
            foreach (var rules in Rules.All)
            {
                ScoredItem[] scored = [.. items.Zip(answers, (item, answer) => task.Score(item.Id, item.Reference, answer.Text, rules))];
                Assert.All(scored, item => Assert.InRange(item.Score, 0, 1));
                var figures = task.Summarize(scored, rules);
                Assert.NotEmpty(figures);
                Assert.All(figures, figure => Assert.InRange(figure.Value, 0, figure.Scale));
                Assert.Equal(figures.Select(figure => figure.Name).Distinct(), figures.Select(figure => figure.Name));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Right_answers_score_all_there_is(string name)
    {
        var task = Benchmarks.Named(name);
        var items = task.Open(new TaskData(task.RowsFile(folder.Path)));
        Assert.Equal(items.Count, items.Select(item => item.Id).Distinct().Count());
        foreach (var rules in Rules.All)
        {
            ScoredItem[] scored = [.. items.Select(item => task.Score(item.Id, item.Reference, Right(item), rules))];
            var wrong = scored.Where(item => item.Score != 1).Select(item => item.Id).ToList();
            // These harnesses score open questions of MMMU by the text of the list of answers, or not at all.
            Assert.Equal(name == "mmmu_val" && rules.Harness != Harness.None ? ["validation_Math_2"] : [], wrong);
        }

        string Right(TaskItem item) => name == "mmmu_val" && item.Reference.Kind == "open" ? "42" : item.Reference.Answers[0];
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Changed_columns_give_one_message_with_the_column_and_the_expected_schema(string name)
    {
        var task = (Benchmark)Benchmarks.Named(name);
        foreach (var column in task.Columns)
        {
            Column[] others = [new Column("other", [null]), .. task.Columns.Where(other => other != column).SelectMany(PublishedRows.Declared)];
            var renamed = column with { Name = column.Name + "s" };
            if (column.IsRequired)
            {
                Refused(others, $"there is no column {column.Name} (");
                Refused([.. others, .. PublishedRows.Declared(renamed)], $"is it called {renamed.Name}?");
            }
            foreach (var form in PublishedRows.Otherwise(column)) Refused([.. others, PublishedRows.Null(form)], $"column {column.Name} is ");
        }

        void Refused(Column[] columns, string why)
        {
            var path = PublishedRows.Write(folder["drift.parquet"], columns);
            var message = Assert.Throws<NanoVlmException>(() => task.Open(new TaskData(path))).Message;
            Assert.StartsWith($"{name}: {path}: the columns of 1 parquet file are not as published:\n  {path}: ", message);
            Assert.Contains(why, message);
            Assert.EndsWith($"Expected {string.Join(", ", task.Columns)}; other columns are ignored{(task.Columns.All(one => one.IsRequired) ? "" : ", and those with a question mark may be missing")}.", message);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Rows_without_values_are_errors_of_their_own(string name)
    {
        var task = (Benchmark)Benchmarks.Named(name);
        var path = PublishedRows.Write(folder["null.parquet"], [.. task.Columns.SelectMany(PublishedRows.Declared)]);
        var items = task.Open(new TaskData(path));
        Assert.True(items.Count == 1);
        if (name is "captioning" or "flickr30k") return; // without a question of their own
        Assert.Contains($"{path}, row 0: ", Assert.Throws<NanoVlmException>(() => items[0]).Message);
    }

    [Fact]
    public void Pictures_are_those_of_their_rows()
    {
        var items = Open("docvqa_val");
        for (var i = 0; i < items.Count; i++) Assert.Equal(PublishedRows.Picture(i), items[i].Images.Single().Read().ToArray());
        Assert.Equal((12, 8), items[1].Images[0].Size());
        Assert.EndsWith("data.parquet, row 2, image (2.png)", items[2].Images[0].Name);
        Assert.Equal([1, 0, 1], Open("scienceqa").Select(item => item.Images.Count));
    }

    [Fact]
    public void SEED_Bench_leaves_questions_about_videos_out() => Assert.Equal(["101669", "101670"], Open("seedbench").Select(item => item.Id));

    [Fact]
    public void Two_questions_about_one_image_of_MME_are_told_apart_and_belong_together()
    {
        var items = Open("mme");
        Assert.Equal(["count/1.png", "count/1.png#2", "code_reasoning/7.png"], items.Select(item => item.Id));
        Assert.Equal(["count/count/1.png", "count/count/1.png", "code_reasoning/code_reasoning/7.png"], items.Select(item => item.Reference.Group));
    }

    [Fact]
    public void An_answer_that_is_no_choice_is_an_error_of_that_item_alone()
    {
        var path = PublishedRows.Write(folder["a.parquet"], [.. PublishedRows.Of["ai2d"].Select(column => column.Form == "answer" ? column with { Values = ["7", "x", "0"] } : column)]);
        var items = Benchmarks.Named("ai2d").Open(new TaskData(path));
        Assert.EndsWith("row 0: the answer is choice 7 of 2; expected one from 0 to 1.", Assert.Throws<NanoVlmException>(() => items[0]).Message);
        Assert.EndsWith("row 1: the answer is 'x'; expected the index of a choice.", Assert.Throws<NanoVlmException>(() => items[1]).Message);
        Assert.Equal(["A"], items[2].Reference.Answers);
    }

    [Fact]
    public void MMMU_names_an_image_that_is_referred_to_and_not_there()
    {
        var path = PublishedRows.Write(folder["a.parquet"], [.. PublishedRows.Of["mmmu_val"].Select(column => column.Form == "question" ? column with { Values = ["<image 3>", "<image 1>", "?"] } : column)]);
        Assert.EndsWith("row 0: the question refers to <image 3>, and image_3 is null.", Assert.Throws<NanoVlmException>(() => Benchmarks.Named("mmmu_val").Open(new TaskData(path))[0]).Message);
    }

    [Fact]
    public void The_published_split_and_subset_are_taken_from_a_folder()
    {
        PublishedRows.Write(folder["mmmu/data/dev-00000-of-00001.parquet"], [.. PublishedRows.Of["mmmu_val"].Select(column => column with { Values = column.Values[..1] })]);
        PublishedRows.Write(folder["mmmu/data/validation-00000-of-00001.parquet"], PublishedRows.Of["mmmu_val"]);
        PublishedRows.Write(folder["mmmu/data/test-00000-of-00001.parquet"], [new Column("other", "x")]);
        Assert.Equal(3, Benchmarks.Named("mmmu_val").Open(new TaskData(folder["mmmu"])).Count);
        Assert.Single(Benchmarks.Named("mmmu_val").Open(new TaskData(folder["mmmu"], Split: "dev")));
        PublishedRows.Write(folder["doc/DocVQA/validation-00000-of-00001.parquet"], [.. PublishedRows.Of["docvqa_val"].Select(column => column with { Values = column.Values[..1] })]);
        PublishedRows.Write(folder["doc/InfographicVQA/validation-00000-of-00001.parquet"], PublishedRows.Of["infovqa_val"]);
        Assert.Single(Benchmarks.Named("docvqa_val").Open(new TaskData(folder["doc"])));
        Assert.Equal(3, Benchmarks.Named("infovqa_val").Open(new TaskData(folder["doc"])).Count);
        Assert.Equal(3, Benchmarks.Named("infovqa_val").Open(new TaskData(folder["doc/InfographicVQA"])).Count);
        PublishedRows.Write(folder["pope/data/test-00000-of-00001.parquet"], PublishedRows.Of["pope"]);
        PublishedRows.Write(folder["pope/Full/random-00000-of-00001.parquet"], [new Column("other", "x")]);
        Assert.Equal(3, Benchmarks.Named("pope").Open(new TaskData(folder["pope"])).Count);
    }

    [Fact]
    public void Missing_files_and_splits_are_named()
    {
        Assert.Contains("no such file or folder", Assert.Throws<NanoVlmException>(() => Benchmarks.Named("pope").Open(new TaskData(folder["nowhere.parquet"]))).Message);
        Directory.CreateDirectory(folder["empty"]);
        Assert.Contains("has no *.parquet files", Assert.Throws<NanoVlmException>(() => Benchmarks.Named("pope").Open(new TaskData(folder["empty"]))).Message);
        PublishedRows.Write(folder["half/train-00000-of-00001.parquet"], PublishedRows.Of["pope"]);
        Assert.Contains("has no split 'test'", Assert.Throws<NanoVlmException>(() => Benchmarks.Named("pope").Open(new TaskData(folder["half"]))).Message);
    }

    [Theory]
    [InlineData("mmstar", "mmstar.parquet")] // whose files name no split
    [InlineData("mmmu_val", "data/validation-00000-of-00001.parquet")]
    [InlineData("scienceqa", "ScienceQA-FULL/test-00000-of-00001.parquet")]
    [InlineData("infovqa_val", "InfographicVQA/validation-00000-of-00001.parquet")]
    public void The_published_set_is_found_in_the_Hubs_cache_without_a_network(string name, string file)
    {
        var task = (Benchmark)Benchmarks.Named(name);
        var repository = folder[$"hub/datasets--{task.Published.Repository.Replace("/", "--")}"];
        var commit = new string('a', 40);
        Directory.CreateDirectory(Path.Combine(repository, "refs"));
        File.WriteAllText(Path.Combine(repository, "refs", "main"), commit);
        PublishedRows.Write(Path.Combine(repository, "snapshots", commit, file), PublishedRows.Of[name]);
        if (name == "infovqa_val") PublishedRows.Write(Path.Combine(repository, "snapshots", commit, "DocVQA", "validation-00000-of-00001.parquet"), [new Column("other", "x")]);
        var data = new TaskData(null) { Hub = () => new HubClient(new HubOptions { CacheFolder = folder["hub"], Offline = true }) };
        Assert.Equal(3, task.Open(data).Count);
        Assert.Equal(3, task.Open(data with { Path = $"{task.Published.Repository}@{commit}" }).Count);
        Assert.Contains($"lacks {Benchmarks.All.OfType<Benchmark>().First(other => other.Name == "mme").Published.Repository}", Assert.Throws<NanoVlmException>(() => Benchmarks.Named("mme").Open(data)).Message);
    }

    [Fact]
    public void An_unknown_task_is_answered_with_the_nearest() =>
        Assert.StartsWith("There is no task 'mmmu'; did you mean 'mme'", Assert.Throws<NanoVlmException>(() => Benchmarks.Named("mmmu")).Message);

    public void Dispose() => folder.Dispose();

    private IReadOnlyList<TaskItem> Open(string name) => Benchmarks.Named(name).Open(new TaskData(Benchmarks.Named(name).RowsFile(folder.Path)));
}
