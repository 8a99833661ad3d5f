using System.Collections;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Data.Shapes;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Running;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Text;
using NanoVlm.Weights.Hub;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Running;

public sealed class EvaluationRunnerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nanovlm-").FullName;
    private readonly VisionLanguageModel model;
    private readonly TextGenerator generator;
    private readonly SampleBuilder builder;
    private readonly IReadOnlyList<TaskItem> items;

    public EvaluationRunnerTests()
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
        model = new VisionLanguageModel(architecture, tokenizer.TokenToId(ImageTokens.Image)!.Value);
        Initialization.Apply(model, config.Model, 1); // large weights: answers depend on the picture
        generator = new TextGenerator(model, tokenizer);
        builder = new SampleBuilder(tokenizer, new ImageProcessor(new ImageProcessorConfig { TileSize = 64, MaxSide = 64, Split = false }), architecture.MpImageTokenLength);
        ShapesDataset.Generate(Path.Combine(folder, "data"), new ShapesOptions { Train = 2, Validation = 2, Test = 5, QuestionsPerImage = 6 });
        items = ConversationTask.Shapes.Open(new TaskData(Path.Combine(folder, "data")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public void Answers_are_those_of_asking_one_by_one_whatever_the_batch(int batchSize)
    {
        var answers = Ask(items, batchSize);
        Assert.Equal(items.Select(item => (item.Id, item.Question)), answers.Select(answer => (answer.Id, answer.Question)));
        Assert.Equal(items.Select(Alone), answers.Select(answer => answer.Answer));
        Assert.True(answers.Select(answer => answer.Answer).Distinct().Count() > 3); // not all one
    }

    [Fact]
    public void Items_without_an_image_and_with_two_are_asked_too()
    {
        TaskItem[] mixed = [items[0], items[1] with { Id = "plain", Images = [] }, items[2] with { Id = "two", Images = [.. items[0].Images, .. items[^1].Images] }, items[3]];
        Assert.Equal(mixed.Select(Alone), Ask(mixed, 8).Select(answer => answer.Answer));
    }

    [Fact]
    public void A_blind_model_does_not_see_which_picture_it_is()
    {
        TaskItem[] others = [.. items.Select(item => item with { Images = items[^1].Images })];
        string[] blind = [.. Ask(items, 8, blind: true).Select(answer => answer.Answer)];
        Assert.Equal(blind, Ask(others, 8, blind: true).Select(answer => answer.Answer));
        Assert.NotEqual(blind, Ask(items, 8).Select(answer => answer.Answer));
    }

    [Fact]
    public void Nothing_is_left_alive()
    {
        Ask(items, 8);
        var before = LeakCheck.LiveTensors();
        Ask(items, 8);
        LeakCheck.AssertNoneSince(before, "An evaluation");
    }

    [Fact]
    public void What_cannot_be_read_is_an_error_of_its_own_and_named()
    {
        TaskItem[] some = [items[0], items[1] with { Id = "gone", Images = [new StoredImage("nowhere.png")] }, items[2]];
        var warnings = new List<string>();
        var answers = new EvaluationRunner(generator, builder, new EvaluationOptions(), 1024).Ask(ConversationTask.Shapes, new Failing(some, 2), warnings.Add);
        Assert.Null(answers[0].Error);
        Assert.Contains("nowhere.png", answers[1].Error);
        Assert.Equal(("#2", "row 2 is damaged", 0), (answers[2].Id, answers[2].Error, answers[2].Score));
        Assert.Equal(2, warnings.Count);
        Assert.Contains(warnings, warning => warning.Contains("shapes, item gone counts as wrong", StringComparison.Ordinal));
        ConversationTask.Shapes.Summarize([.. answers.Select(answer => answer.Scored())], Rules.Strict);
    }

    [Fact]
    public void A_cancelled_evaluation_stops() => Assert.Throws<OperationCanceledException>(() =>
        new EvaluationRunner(generator, builder, new EvaluationOptions(), 1024).Ask(ConversationTask.Shapes, items, _ => { }, new CancellationToken(true)));

    [Fact]
    public void What_is_wrong_in_the_reading_of_data_ends_the_evaluation() => Assert.Throws<InvalidDataException>(() =>
        new EvaluationRunner(generator, builder, new EvaluationOptions(), 1024).Ask(ConversationTask.Shapes, new Failing(items, 3, new InvalidDataException()), _ => { }));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Shares_are_the_batches_of_one_process_dealt_out(int shares)
    {
        var whole = Batches(new EvaluationOptions { BatchSize = 2 });
        var dealt = Enumerable.Range(0, shares).Select(share => Batches(new EvaluationOptions { BatchSize = 2, Share = share, Shares = shares })).ToArray();
        Assert.Equal(whole.Select(batch => string.Join(' ', batch)).Order(), dealt.SelectMany(share => share).Select(batch => string.Join(' ', batch)).Order());
        Assert.All(dealt, share => Assert.NotEmpty(share));
        Assert.Equal(Enumerable.Range(0, items.Count), whole.SelectMany(batch => batch).Order());
    }

    [Fact]
    public void The_longest_prompts_come_first_and_questions_about_a_picture_stay_together()
    {
        TaskItem[] mixed = [.. items, items[0] with { Id = "long", Images = [], Question = string.Concat(Enumerable.Repeat("How many? ", 60)) }];
        var batches = new BatchPlan(mixed, builder, new EvaluationOptions { BatchSize = 2 }, 4096).Batches(_ => false, default).ToArray();
        Assert.Equal(3, batches.Length);
        Assert.Equal("long", batches[0][0].Item!.Id);
        Assert.Equal(7, batches[0].Count); // and one picture's
        foreach (var batch in batches)
            foreach (var picture in batch.Where(item => item.Item!.Images.Count > 0).GroupBy(item => item.Item!.Images[0])) Assert.Equal(6, picture.Count());
    }

    [Fact]
    public void What_is_done_is_not_even_read() =>
        Assert.Empty(new BatchPlan(new Failing(items, 0, new InvalidDataException()), builder, new EvaluationOptions(), 1024).Batches(_ => true, default));

    [Fact]
    public void A_result_names_no_folder_of_the_machine()
    {
        var columns = Tasks.PublishedRows.Of["mmstar"].Select(column => column.Form != "image.bytes" ? column : new Tasks.Column("image.bytes", [.. column.Values.Select((bytes, i) => i == 1 ? "no picture"u8.ToArray() : bytes)])).ToArray();
        var repository = Path.Combine(folder, "hub", "datasets--Lin-Chen--MMStar");
        var commit = new string('a', 40);
        Directory.CreateDirectory(Path.Combine(repository, "refs"));
        File.WriteAllText(Path.Combine(repository, "refs", "main"), commit);
        Tasks.PublishedRows.Write(Path.Combine(repository, "snapshots", commit, "mmstar.parquet"), columns);
        var local = Tasks.PublishedRows.Write(Path.Combine(folder, "mmstar", "mmstar.parquet"), columns);
        foreach (var path in new[] { null, local, Path.GetDirectoryName(local) })
        {
            var data = new TaskData(path) { Hub = () => new HubClient(new HubOptions { CacheFolder = Path.Combine(folder, "hub"), Offline = true }) };
            var identity = new EvaluatedModel { Name = "tiny", WeightsSha256 = "", Precision = "fp32", Config = [] };
            var options = new EvaluationOptions { MaxNewTokens = 2 };
            var evaluation = new Evaluation.Running.Evaluation(identity, [new TaskRequest(Benchmarks.Named("mmstar"), data)], options, Path.Combine(folder, "r.json"), restart: true);
            evaluation.Run(new EvaluationRunner(generator, builder, options, 1024), _ => { }, _ => { }, default);
            var items = evaluation.Finish()!.Tasks[0].Items;
            Assert.Equal(["mmstar.parquet, row 0, image", "mmstar.parquet, row 1, image (1.png)", "mmstar.parquet, row 2, image (2.png)"], items.SelectMany(item => item.Images));
            Assert.Contains("'mmstar.parquet, row 1", items[1].Error);
            Assert.DoesNotContain(folder, string.Concat(items.Select(item => item.Error)));
        }
    }

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private int[][] Batches(EvaluationOptions options) =>
        [.. new BatchPlan(items, builder, options, 1024).Batches(_ => false, default).Select(batch => batch.Select(item => item.Index).ToArray())];

    private IReadOnlyList<ItemResult> Ask(IReadOnlyList<TaskItem> asked, int batchSize, bool blind = false) =>
        new EvaluationRunner(generator, builder, new EvaluationOptions { BatchSize = batchSize, Blind = blind, MaxNewTokens = 6 }, 1024)
            .Ask(ConversationTask.Shapes, asked, warning => Assert.Fail(warning));

    private string Alone(TaskItem item) => generator.Generate([builder.Prompt(item.Question, [.. item.Images.Select(image => image.Decode())])], new GenerationOptions { MaxNewTokens = 6 })[0].Text;

    private sealed class Failing(IReadOnlyList<TaskItem> items, int bad, Exception? error = null) : IReadOnlyList<TaskItem>
    {
        public int Count => items.Count;

        public TaskItem this[int index] => index == bad ? throw error ?? new NanoVlmException($"row {index} is damaged") : items[index];

        public IEnumerator<TaskItem> GetEnumerator() => items.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
