using System.Diagnostics;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Running;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using Serilog;

namespace NanoVlm.Training;

/// <summary>What a run asks its model: validation questions and some of each benchmark while it trains, test questions and the benchmarks at its end. All of it by
/// the runner of <c>eval</c>.</summary>
internal sealed class TrainingEvaluation
{
    private const int SamplesShown = 8;

    private readonly RunConfig config;
    private readonly TrainingData data;
    private readonly VisionLanguageModel model;
    private readonly SampleBuilder builder;
    private readonly TextGenerator generator;
    private readonly EvaluationOptions options;
    private readonly ConversationTask validation;
    private readonly (TaskRequest Request, IReadOnlyList<TaskItem> Items)[] benchmarks;
    private IReadOnlyList<TaskItem>? questions;

    /// <exception cref="ConfigurationException"><c>eval.tasks</c> names an unknown benchmark.</exception>
    /// <exception cref="NanoVlmException">The data of a benchmark is missing or not as published.</exception>
    internal TrainingEvaluation(RunConfig config, TrainingData data, ModelPlan plan, VisionLanguageModel model)
    {
        (this.config, this.data, this.model) = (config, data, model);
        builder = new SampleBuilder(plan.Tokenizer, new ImageProcessor(plan.Processor), model.Config.MpImageTokenLength);
        generator = new TextGenerator(model, plan.Tokenizer);
        options = new EvaluationOptions { BatchSize = config.Eval.BatchSize, Limit = config.Eval.Limit };
        validation = new ConversationTask("validation", data.Validation);
        benchmarks = [.. config.Eval.Tasks.Select(name => Requested(name)).Select(request => (request, config.Eval.DuringTrainingLimit is null ? [] : request.Task.Open(request.Data)))];
    }

    /// <summary>The accuracy on the validation questions; null: cancelled.</summary>
    internal double? Validate(int step, MetricsLog metrics, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        questions ??= ConversationTask.Items(data.Validation, config.Train.EvalLimit);
        IReadOnlyList<Figure> figures;
        Dictionary<string, double>? scores = null;
        try
        {
            figures = Summarize(validation, Ask(validation, questions, options, cancellation));
            if (config.Eval.DuringTrainingLimit is { } limit)
                scores = benchmarks.ToDictionary(benchmark => benchmark.Request.Task.Name, benchmark =>
                    Summarize(benchmark.Request.Task, Ask(benchmark.Request.Task, Evaluation.Running.Evaluation.Limited(benchmark.Items, limit), options, cancellation))[0].Value);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        var (accuracy, kinds) = (figures[0].Value, ByKind(figures));
        metrics.Write(new EvaluationMetrics(step, accuracy, kinds, questions.Count, watch.Elapsed.TotalSeconds) { Benchmarks = scores });
        Log.Information("step {Step}: validation accuracy {Accuracy:P1} over {Questions} questions ({Kinds:l})", step, accuracy, questions.Count,
            string.Join(", ", kinds.Select(kind => FormattableString.Invariant($"{kind.Key} {kind.Value:P0}"))));
        if (scores is not null) Log.Information("step {Step}: {Scores:l}", step, string.Join(", ", scores.Select(score => FormattableString.Invariant($"{score.Key} {score.Value:0.###}"))));
        return accuracy;
    }

    /// <summary>The accuracies on the test questions (on those of validation where there are none), the benchmarks, and some answers.</summary>
    /// <param name="run">The run's folder: results go to <c>evaluations/</c> in it.</param>
    /// <param name="compute">In what precision the model computes.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal (RunSummary Summary, IReadOnlyList<AnsweredItem> Samples) Test(RunFolder run, ComputeChoice compute, CancellationToken cancellation)
    {
        var identity = ModelIdentity.Of(run.Best, compute.Dtype);
        // The test split of shapes is a benchmark of its own, which `eval` asks again.
        var shapes = (config.Data.Test.Count > 0 ? config.Data.Test : config.Data.Train) is [ShapesSource one] ? one.Path : null;
        var task = new ConversationTask(shapes is null ? ConversationTask.Conversations.Name : ConversationTask.Shapes.Name, data.Test.Count > 0 ? data.Test : data.Validation);
        var (evaluation, result) = Evaluate(run, identity, new TaskRequest(task, new TaskData(shapes)), cancellation);
        var (items, answers) = (evaluation.Items[0], result.Tasks[0].Items);
        Log.Information("asked {Questions:N0} questions; once more without their images", items.Count);
        var (test, blind, majority) = (result.Tasks[0].Figures, Summarize(task, Ask(task, items, options with { Blind = true }, cancellation)), Summarize(task, Majority(answers)));
        var figures = config.Eval.Tasks.Count == 0 ? null : new Dictionary<string, double>();
        foreach (var (request, _) in benchmarks)
        {
            var figure = Evaluate(run, identity, request, cancellation).Result.Tasks[0].Figures[0];
            Log.Information("{Task:l}: {Figure:l} {Value:0.####} ± {Interval:0.####} of {Count:N0} items", request.Task.Name, figure.Name, figure.Value, figure.Interval, figure.Count);
            figures![request.Task.Name] = figure.Value;
        }
        var summary = new RunSummary
        {
            TestAccuracy = test[0].Value,
            BlindAccuracy = blind[0].Value,
            MajorityAccuracy = majority[0].Value,
            TestAccuracyByKind = ByKind(test),
            BlindAccuracyByKind = ByKind(blind),
            MajorityAccuracyByKind = ByKind(majority),
            TestQuestions = items.Count,
            Benchmarks = figures,
        };
        return (summary, Shown(items, answers));
    }

    private (Evaluation.Running.Evaluation Evaluation, EvaluationResult Result) Evaluate(RunFolder run, EvaluatedModel identity, TaskRequest request, CancellationToken cancellation)
    {
        var output = run.File(Path.Combine("evaluations", EvaluationFiles.NameOf(identity, [request.Task.Name], options)));
        Evaluation.Running.Evaluation evaluation;
        try
        {
            evaluation = new(identity, [request], options, output);
        }
        catch (NanoVlmException)
        {
            evaluation = new(identity, [request], options, output, restart: true); // what is there is of other settings
        }
        evaluation.Run(Runner(options), _ => { }, Warn, cancellation);
        var result = evaluation.Finish()!;
        RequireAny(result.Tasks[0].Items);
        return (evaluation, result);
    }

    private IReadOnlyList<ItemResult> Ask(EvalTask task, IReadOnlyList<TaskItem> items, EvaluationOptions options, CancellationToken cancellation)
    {
        var answers = Runner(options).Ask(task, items, Warn, cancellation);
        RequireAny(answers);
        return answers;
    }

    private EvaluationRunner Runner(EvaluationOptions options) => new(generator, builder, options, model.Config.LmMaxPositionEmbeddings);

    private TaskRequest Requested(string name)
    {
        var task = Benchmarks.All.FirstOrDefault(task => task.Name == name) ?? throw Unknown(name);
        var path = config.Eval.Data.GetValueOrDefault(name);
        if (task.Name == ConversationTask.Shapes.Name && path is null) path = ShapesTest.Find(config, message => Log.Information("{Message:l}", message), CancellationToken.None);
        return new TaskRequest(task, new TaskData(path));
    }

    internal static void RequireKnown(RunConfig config)
    {
        if (config.Eval.Tasks.FirstOrDefault(name => Benchmarks.All.All(task => task.Name != name)) is { } unknown) throw Unknown(unknown);
    }

    private static ConfigurationException Unknown(string name) => Evaluation.Commands.EvaluationCommands.Unknown("eval.tasks", "benchmarks", name, Benchmarks.All.Select(task => task.Name), "the run's configuration");

    private static IReadOnlyList<Figure> Summarize(EvalTask task, IReadOnlyList<ItemResult> answers) => task.Summarize([.. answers.Select(answer => answer.Scored())], Rules.Lmms071);

    // A guesser who knows the most frequent answer of each kind and never looks.
    private static ItemResult[] Majority(IReadOnlyList<ItemResult> answers)
    {
        var majority = answers.GroupBy(answer => answer.Reference.Category).ToDictionary(
            kind => kind.Key, kind => kind.GroupBy(answer => answer.Reference.Answers[0]).OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal).First().Key);
        return [.. answers.Select(answer => answer with { Score = answer.Reference.Answers[0] == majority[answer.Reference.Category] ? 1 : 0 })];
    }

    private static SortedDictionary<string, double> ByKind(IReadOnlyList<Figure> figures) => new(figures.Skip(1).ToDictionary(figure => figure.Name, figure => figure.Value), StringComparer.Ordinal);

    // Some from all over the set, no two about one image.
    private static AnsweredItem[] Shown(IReadOnlyList<TaskItem> items, IReadOnlyList<ItemResult> answers)
    {
        var distinct = Enumerable.Range(0, answers.Count).Where(i => answers[i].Error is null).GroupBy(i => items[i].Images.FirstOrDefault()).Select((image, i) => image.ElementAt(i % image.Count())).ToArray();
        var shown = Math.Min(SamplesShown, distinct.Length);
        return [.. Enumerable.Range(0, shown).Select(i => distinct[i * distinct.Length / shown]).Select(i => new AnsweredItem(items[i], answers[i]))];
    }

    private static void RequireAny(IReadOnlyList<ItemResult> answers)
    {
        if (answers.Count > 0 && answers.All(answer => answer.Error is not null))
            throw new NanoVlmException($"None of the {answers.Count} questions to evaluate on can be asked; the first: {answers[0].Error}");
    }

    private static void Warn(string warning) => Log.Warning("{Warning:l}", warning);
}
