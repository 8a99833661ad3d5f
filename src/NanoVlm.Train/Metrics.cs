using System.Text.Json;

namespace NanoVlm.Training;

/// <summary>The figures of a training step, a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Steps done, from 1.</param>
/// <param name="Loss">Mean cross-entropy over the labelled tokens of the global batch.</param>
/// <param name="LearningRate">The largest of the groups' rates.</param>
/// <param name="GradNorm">The gradients' norm before clipping.</param>
/// <param name="SamplesPerSecond">Conversations a second, waiting for data included.</param>
/// <param name="TokensPerSecond">Tokens a second, padding not counted, waiting for data included.</param>
/// <param name="LabelsPerSecond">Labelled tokens a second.</param>
/// <param name="DataSeconds">Time spent waiting for data.</param>
/// <param name="LiveTensors">Tensor objects alive after the step.</param>
/// <param name="RssBytes">The process's resident memory.</param>
public sealed record StepMetrics(
    int Step, double Loss, double LearningRate, double GradNorm, double SamplesPerSecond, double TokensPerSecond, double LabelsPerSecond, double DataSeconds, long LiveTensors, long RssBytes);

/// <summary>The figures of an evaluation, a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="ValidationAccuracy">Right answers over all questions.</param>
/// <param name="ByKind">The same by kind of question.</param>
/// <param name="Questions">How many questions.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record EvaluationMetrics(int Step, double ValidationAccuracy, IReadOnlyDictionary<string, double> ByKind, int Questions, double Seconds);

/// <summary>Writes a run's figures to <c>metrics.jsonl</c>, a JSON object a line, each line at once.</summary>
/// <param name="path">The file.</param>
public sealed class MetricsLog(string path) : IDisposable
{
    private readonly StreamWriter writer = new(path, append: false) { AutoFlush = true };

    /// <summary>Adds a line.</summary>
    public void Write<T>(T figures) => writer.WriteLine(JsonSerializer.Serialize(figures, Json.Line));

    /// <summary>Closes the file.</summary>
    public void Dispose() => writer.Dispose();
}

/// <summary>What a finished run comes to: <c>summary.json</c>. Accuracies are shares from 0 to 1.</summary>
public sealed record RunSummary
{
    /// <summary>Right answers on the test set (on the validation set where there is no test set).</summary>
    public double TestAccuracy { get; init; }
    /// <summary>The same with a flat grey picture in place of every image.</summary>
    public double BlindAccuracy { get; init; }
    /// <summary>Right answers of always giving the most frequent answer of each kind.</summary>
    public double MajorityAccuracy { get; init; }
    /// <summary><see cref="TestAccuracy"/> by kind of question.</summary>
    public required IReadOnlyDictionary<string, double> TestAccuracyByKind { get; init; }
    /// <summary><see cref="BlindAccuracy"/> by kind of question.</summary>
    public required IReadOnlyDictionary<string, double> BlindAccuracyByKind { get; init; }
    /// <summary><see cref="MajorityAccuracy"/> by kind of question.</summary>
    public required IReadOnlyDictionary<string, double> MajorityAccuracyByKind { get; init; }
    /// <summary>Questions asked.</summary>
    public int TestQuestions { get; init; }
    /// <summary>The step whose checkpoint was tested.</summary>
    public int BestStep { get; init; }
    /// <summary>Steps done.</summary>
    public int Steps { get; init; }
    /// <summary>Parameters of the model.</summary>
    public long Parameters { get; init; }
    /// <summary>Seconds from the first step to the last, evaluations included.</summary>
    public double TrainSeconds { get; init; }
    /// <summary>Conversations a second over the run, evaluations left out.</summary>
    public double SamplesPerSecond { get; init; }
    /// <summary>The process's largest resident memory.</summary>
    public long PeakRssBytes { get; init; }
    /// <summary>The loss of the last step.</summary>
    public double FinalLoss { get; init; }
}
