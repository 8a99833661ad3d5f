using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Data.Shapes;
using NanoVlm.Data.Sources;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Text;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests;

public sealed class AnswerEvaluatorTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nanovlm-").FullName;
    private readonly VisionLanguageModel model;
    private readonly Tokenizer tokenizer;
    private readonly SampleBuilder builder;
    private readonly IReadOnlyList<Question> questions;

    public AnswerEvaluatorTests()
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
        tokenizer = ImageTokens.AddTo(Tokenizer.Load(config.Model.Tokenizer!));
        var architecture = config.ToVlmConfig(tokenizer.VocabularySize);
        model = new VisionLanguageModel(architecture, tokenizer.TokenToId(ImageTokens.Image)!.Value);
        Initialization.Apply(model, config.Model, 1); // large weights: answers depend on the picture
        builder = new SampleBuilder(tokenizer, new ImageProcessor(new ImageProcessorConfig { TileSize = 64, MaxSide = 64, Split = false }), architecture.MpImageTokenLength);
        ShapesDataset.Generate(Path.Combine(folder, "data"), new ShapesOptions { Train = 2, Validation = 2, Test = 5, QuestionsPerImage = 6 });
        using var source = ConversationSource.Open(Path.Combine(folder, "data", "test.jsonl"));
        questions = Question.Of(source);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public void Answers_are_those_of_asking_one_by_one_whatever_the_batch(int batchSize)
    {
        var answers = Evaluator(batchSize).Ask(questions);
        Assert.Equal(questions, answers.Select(a => a.Question));
        Assert.Equal(questions.Select(q => Alone(q)), answers.Select(a => a.Answer));
        Assert.True(answers.Select(a => a.Answer).Distinct().Count() > 3); // not all one
    }

    [Fact]
    public void Questions_without_an_image_are_asked_too()
    {
        Question[] mixed = [questions[0], new([], "How many?", "2", "count"), questions[1], new([], "Where?", "here", "count")];
        Assert.Equal(mixed.Select(q => Alone(q)), Evaluator(8).Ask(mixed).Select(a => a.Answer));
    }

    [Fact]
    public void A_blind_model_does_not_see_which_picture_it_is()
    {
        var others = questions.Select(q => q with { Images = questions[^1].Images }).ToArray();
        var blind = Evaluator(8).Ask(questions, blind: true).Select(a => a.Answer).ToArray();
        Assert.Equal(blind, Evaluator(8).Ask(others, blind: true).Select(a => a.Answer));
        Assert.NotEqual(blind, Evaluator(8).Ask(questions).Select(a => a.Answer));
    }

    [Fact]
    public void Training_goes_on_as_it_was()
    {
        model.train();
        Evaluator(8).Ask(questions.Take(2).ToArray());
        Assert.True(model.training);
        model.eval();
        Evaluator(8).Ask(questions.Take(2).ToArray());
        Assert.False(model.training);
    }

    [Fact]
    public void Nothing_is_left_alive()
    {
        Evaluator(8).Ask(questions);
        var before = Tensor.TotalCount;
        Evaluator(8).Ask(questions);
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void A_missing_picture_is_named() =>
        Assert.Contains("nowhere.png", Assert.Throws<NanoVlmException>(() => Evaluator(8).Ask([new([new StoredImage("nowhere.png")], "?", "", "all")])).Message);

    [Fact]
    public void A_cancelled_evaluation_stops() =>
        Assert.Throws<OperationCanceledException>(() => Evaluator(1).Ask(questions, cancellation: new CancellationToken(true)));

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private AnswerEvaluator Evaluator(int batchSize) => new(model, tokenizer, builder, batchSize, maxNewTokens: 6);

    private string Alone(Question question)
    {
        model.eval();
        using var scope = NewDisposeScope();
        var prompt = builder.Prompt(question.Text, [.. question.Images.Select(image => image.Decode())]);
        var ids = tensor(prompt.InputIds.Select(id => (long)id).ToArray(), [1, prompt.InputIds.Length]);
        var pixels = prompt.Tiles == 0 ? null : tensor(prompt.Pixels, [prompt.Tiles, 3, 64, 64]);
        var made = Decoding.Generate(model, ids, pixels, null, 6).data<long>().ToArray().TakeWhile(id => id != tokenizer.EosTokenId).Select(id => (int)id);
        return tokenizer.Decode([.. made], skipSpecialTokens: true).Trim();
    }
}
