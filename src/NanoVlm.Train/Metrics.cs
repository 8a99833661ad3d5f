using System.Text.Json;
using System.Text.Json.Serialization;

namespace NanoVlm.Training;

/// <summary>
/// The figures of a training step, a line of <c>metrics.jsonl</c>. Rates are over the whole step, the wait for data included.
/// </summary>
internal sealed record StepMetrics
{
    /// <summary>Steps done, from 1.</summary>
    public required int Step { get; init; }
    /// <summary>Mean cross-entropy over the labelled tokens of the global batch; null: it is not finite.</summary>
    public required double? Loss { get; init; }
    /// <summary>The largest of the groups' rates.</summary>
    public required double LearningRate { get; init; }
    /// <summary>The gradients' norm before clipping; null: it is not finite.</summary>
    public required double? GradNorm { get; init; }
    /// <summary>Conversations a second.</summary>
    public required double SamplesPerSecond { get; init; }
    /// <summary>Tokens a second, padding not counted.</summary>
    public required double TokensPerSecond { get; init; }
    /// <summary>Labelled tokens a second.</summary>
    public required double LabelsPerSecond { get; init; }
    /// <summary>Conversations of the step.</summary>
    public required int Samples { get; init; }
    /// <summary>Tokens of the step, padding not counted.</summary>
    public required int Tokens { get; init; }
    /// <summary>Images of the step.</summary>
    public required int Images { get; init; }
    /// <summary>Floating-point operations of the step.</summary>
    public required double Flops { get; init; }
    /// <summary>Model-FLOPs utilisation: the share of the machine's measured matmul rate that the step's operations took.</summary>
    public required double Mfu { get; init; }
    /// <summary>The whole step.</summary>
    public required double StepSeconds { get; init; }
    /// <summary>Time spent waiting for data.</summary>
    public required double DataSeconds { get; init; }
    /// <summary>Time of the forward passes.</summary>
    public required double ForwardSeconds { get; init; }
    /// <summary>Time of the backward passes.</summary>
    public required double BackwardSeconds { get; init; }
    /// <summary>Time of clipping and the optimizer.</summary>
    public required double OptimizerSeconds { get; init; }
    /// <summary>Steps of the run left out so far because a loss or gradient was not finite.</summary>
    public required int SkippedSteps { get; init; }
    /// <summary>Tensor objects alive after the step.</summary>
    public required long LiveTensors { get; init; }
    /// <summary>The process's resident memory.</summary>
    public required long RssBytes { get; init; }
}

/// <summary>The figures of an evaluation, a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="ValidationAccuracy">Right answers over all questions.</param>
/// <param name="ByKind">The same by kind of question.</param>
/// <param name="Questions">How many questions.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record EvaluationMetrics(int Step, double ValidationAccuracy, IReadOnlyDictionary<string, double> ByKind, int Questions, double Seconds)
{
    /// <summary>
    /// The headline figure of each benchmark in <c>eval.tasks</c>, over its first questions; null: none is asked while training.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? Benchmarks { get; init; }
}

/// <summary>
/// Writes a run's figures to <c>metrics.jsonl</c>, a JSON object a line, each line at once, and for TensorBoard where asked to.
/// </summary>
internal sealed class MetricsLog : IDisposable
{
    private readonly string path;
    private readonly StreamWriter writer;
    private readonly TensorBoardLog? tensorBoard;

    /// <summary>Opens the file of a new run, or of one that goes on.</summary>
    /// <param name="path">The file.</param>
    /// <param name="step">The step that the run goes on from: lines of later ones, which will be done again, and a last line cut short
    /// go.</param>
    /// <param name="tensorBoardFolder">Where TensorBoard finds the figures; null: nowhere.</param>
    /// <exception cref="NanoVlmException">The file cannot be written.</exception>
    public MetricsLog(string path, int step = 0, string? tensorBoardFolder = null)
    {
        this.path = path;
        (writer, tensorBoard) = Writing(() =>
        {
            var kept = step > 0 && File.Exists(path) ? File.ReadLines(path).Where(line => StepOf(line) <= step).ToArray() : [];
            File.WriteAllLines(path + ".partial", kept);
            File.Move(path + ".partial", path, overwrite: true);
            return (new StreamWriter(path, append: true) { AutoFlush = true }, tensorBoardFolder is null ? null : new TensorBoardLog(tensorBoardFolder, kept));
        });
    }

    /// <summary>Adds a line.</summary>
    /// <exception cref="NanoVlmException">It cannot be written.</exception>
    public void Write<T>(T figures) => Writing(() =>
    {
        var line = JsonSerializer.Serialize(figures, Json.Line);
        writer.WriteLine(line);
        tensorBoard?.Write(line);
        return true;
    });

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        try
        {
            writer.Dispose();
        }
        catch (IOException)
        {
            // The disk is full, which Write has said.
        }
    }

    private static int? StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("step").GetInt32();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private T Writing<T>(Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be written: {e.Message}", e);
        }
    }
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
    /// <summary>The headline figure of each benchmark in <c>eval.tasks</c>; null: there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? Benchmarks { get; init; }
    /// <summary>Questions asked.</summary>
    public int TestQuestions { get; init; }
    /// <summary>The step whose checkpoint was tested.</summary>
    public int BestStep { get; init; }
    /// <summary>Steps done.</summary>
    public int Steps { get; init; }
    /// <summary>Steps left out because a loss or gradient was not finite.</summary>
    public int SkippedSteps { get; init; }
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
