using System.Diagnostics;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Evaluation;
using Serilog;

namespace NanoVlm.Training;

/// <summary>What a run asks its model: validation questions while it trains, test questions at its end.</summary>
internal sealed class TrainingEvaluation(RunConfig config, TrainingData data, SampleBuilder builder, AnswerEvaluator evaluator)
{
    private const int SamplesShown = 8;

    private IReadOnlyList<Question>? validation;

    /// <summary>The accuracy on the validation questions; null: cancelled.</summary>
    internal double? Validate(int step, MetricsLog metrics, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        validation ??= Question.Askable(data.Validation, builder, config.Train.EvalLimit, LeftOut);
        Accuracy accuracy;
        try
        {
            accuracy = Accuracy.Of(evaluator.Ask(validation, cancellation: cancellation));
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        metrics.Write(new EvaluationMetrics(step, accuracy.Overall, accuracy.ByKind, accuracy.Questions, watch.Elapsed.TotalSeconds));
        Log.Information("step {Step}: validation accuracy {Accuracy:P1} over {Questions} questions ({Kinds:l})", step, accuracy.Overall, accuracy.Questions,
            string.Join(", ", accuracy.ByKind.Select(kind => FormattableString.Invariant($"{kind.Key} {kind.Value:P0}"))));
        return accuracy.Overall;
    }

    /// <summary>The accuracies on the test questions (on those of validation where there are none), and some answers.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal (RunSummary Summary, IReadOnlyList<Prediction> Samples) Test(CancellationToken cancellation)
    {
        var questions = Question.Askable(data.Test.Count > 0 ? data.Test : data.Validation, builder, config.Eval.Limit, LeftOut);
        Log.Information("asking {Questions:N0} questions", questions.Count);
        var predictions = evaluator.Ask(questions, cancellation: cancellation);
        var (test, blind, majority) = (Accuracy.Of(predictions), Accuracy.Of(evaluator.Ask(questions, blind: true, cancellation)), Accuracy.OfMajority(questions));
        // Some from all over the set, no two about one image.
        var distinct = predictions.GroupBy(p => p.Question.Images.FirstOrDefault()).Select((image, i) => image.ElementAt(i % image.Count())).ToArray();
        var shown = Math.Min(SamplesShown, distinct.Length);
        var summary = new RunSummary
        {
            TestAccuracy = test.Overall,
            BlindAccuracy = blind.Overall,
            MajorityAccuracy = majority.Overall,
            TestAccuracyByKind = test.ByKind,
            BlindAccuracyByKind = blind.ByKind,
            MajorityAccuracyByKind = majority.ByKind,
            TestQuestions = questions.Count,
        };
        return (summary, [.. Enumerable.Range(0, shown).Select(i => distinct[i * distinct.Length / shown])]);
    }

    private static void LeftOut(string why) => Log.Warning("left out of the questions: {Why:l}", why);
}
