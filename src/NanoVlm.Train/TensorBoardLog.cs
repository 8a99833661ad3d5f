using System.Text.Json;
using TorchSharp.Modules;
using static TorchSharp.torch.utils;

namespace NanoVlm.Training;

/// <summary>
/// The lines of <c>metrics.jsonl</c> as an event file of TensorBoard: each number is a scalar, <c>train/loss</c> or
/// <c>evaluation/by_kind/colour</c>. A run that goes on
/// writes the file anew from the lines that it keeps, so that no step is there twice.
/// </summary>
internal sealed class TensorBoardLog
{
    private readonly SummaryWriter writer;

    /// <summary>Begins the file.</summary>
    /// <param name="folder">The folder, made if need be.</param>
    /// <param name="lines">The lines so far.</param>
    public TensorBoardLog(string folder, IEnumerable<string> lines)
    {
        Directory.CreateDirectory(folder);
        foreach (var old in Directory.GetFiles(folder, "*.tfevents.*")) File.Delete(old);
        writer = tensorboard.SummaryWriter(folder, createRunName: false);
        foreach (var line in lines) Write(line);
    }

    /// <summary>Adds a line.</summary>
    public void Write(string line)
    {
        using var json = JsonDocument.Parse(line);
        var figures = json.RootElement;
        var kind = figures.TryGetProperty("validation_accuracy", out _) ? "evaluation" : "train";
        foreach (var (tag, value) in Numbers(kind, figures))
            if (tag != kind + "/step") writer.add_scalar(tag, value, figures.GetProperty("step").GetInt32());
    }

    // A figure that is not finite is null in the line, and a gap in the curve.
    private static IEnumerable<(string Tag, float Value)> Numbers(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => [(name, value.GetSingle())],
        JsonValueKind.Object => value.EnumerateObject().SelectMany(property => Numbers($"{name}/{property.Name}", property.Value)),
        _ => [],
    };
}
