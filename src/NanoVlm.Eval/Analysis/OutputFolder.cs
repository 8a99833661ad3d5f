using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>Where an analysis goes: pictures and their numbers, each file whole or not at all.</summary>
internal sealed class OutputFolder
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string folder;

    /// <summary>Makes the folder.</summary>
    /// <exception cref="NanoVlmException">It cannot be made.</exception>
    public OutputFolder(string folder)
    {
        this.folder = folder;
        Try(folder, () => Directory.CreateDirectory(folder));
    }

    public void Write(string name, RgbImage picture) => Write(name, ImageCodec.EncodePng(picture));

    public void Write(string name, JsonObject numbers) => Write(name, [.. JsonSerializer.SerializeToUtf8Bytes(numbers, Readable), (byte)'\n']);

    /// <summary>A matrix as lists; what is not a number becomes null.</summary>
    public static JsonArray Matrix(double[,] values) =>
        [.. Enumerable.Range(0, values.GetLength(0)).Select(i => Vector(Enumerable.Range(0, values.GetLength(1)).Select(j => values[i, j])))];

    /// <summary>Six significant digits are more than float32 sums are worth.</summary>
    public static JsonArray Vector(IEnumerable<double> values) => [.. values.Select(value => double.IsFinite(value)
        ? JsonValue.Create(double.Parse(value.ToString("G6", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture))
        : null)];

    /// <summary>A map over patches as a list of rows.</summary>
    public static JsonArray Map(float[] values, int columns) => [.. values.Chunk(columns).Select(row => Vector(row.Select(value => (double)value)))];

    private void Write(string name, byte[] bytes)
    {
        var path = Path.Combine(folder, name);
        Try(path, () =>
        {
            File.WriteAllBytes(path + ".partial", bytes);
            File.Move(path + ".partial", path, overwrite: true);
        });
    }

    private static void Try(string path, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be written: {error.Message}", error);
        }
    }
}
