using System.Collections.Immutable;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using NanoVlm.Images;

namespace NanoVlm.Data.Shapes;

/// <summary>
/// The built-in data set: pictures of coloured shapes as PNG files, and questions about them in <c>train.jsonl</c>,
/// <c>validation.jsonl</c> and <c>test.jsonl</c>, one line an image, in LLaVA's form with the kinds of the questions and the
/// true scene beside it. It is read like any other set, by <see cref="Sources.ConversationSource"/>.
/// </summary>
internal static class ShapesDataset
{
    /// <summary>The file that says what a folder holds; its presence means that the folder is complete.</summary>
    public const string StampFile = "shapes.json";

    // Raise when other files come out of equal options.
    private const int Version = 1;

    /// <summary>
    /// Makes the data set in a folder, unless it is there already. The folder appears whole or not at all; one that holds
    /// shapes of other options is left alone.
    /// </summary>
    /// <param name="folder">Where to.</param>
    /// <param name="options">What to make.</param>
    /// <param name="cancellationToken">Stops the work; nothing is left behind.</param>
    /// <returns>True when it was made, false when it was there.</returns>
    /// <exception cref="NanoVlmException">The folder holds something else, or the options cannot be met.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static bool Generate(string folder, ShapesOptions options, CancellationToken cancellationToken = default)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var stamp = Stamp(options);
        var stampPath = Path.Combine(folder, StampFile);
        if (IsThere())
            return false;
        if (File.Exists(stampPath))
            throw new NanoVlmException($"{folder}: holds shapes of other options ({File.ReadAllText(stampPath).Trim()}). Name another folder (path of the shapes source) or delete this one.");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new NanoVlmException($"{folder}: not a folder of the shapes data set (it has files but no {StampFile}). Name an empty or a new folder.");

        var plan = ShapesPlan.Draw(options, cancellationToken);
        var temporary = $"{folder}.new-{Environment.ProcessId}";
        try
        {
            Write(temporary, "train", plan.Train, cancellationToken);
            Write(temporary, "validation", plan.Validation, cancellationToken);
            Write(temporary, "test", plan.Test, cancellationToken);
            File.WriteAllText(Path.Combine(temporary, StampFile), stamp);
            if (IsThere()) // another process was at it too
                return false;
            if (Directory.Exists(folder))
                Directory.Delete(folder); // an empty one; others were refused
            Directory.Move(temporary, folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException || e is AggregateException { InnerException: IOException or UnauthorizedAccessException })
        {
            throw new NanoVlmException($"{folder}: the shapes cannot be written: {(e.InnerException ?? e).Message}", e);
        }
        finally
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
        }
        return true;

        bool IsThere() => File.Exists(stampPath) && File.ReadAllText(stampPath) == stamp;
    }

    private static string Stamp(ShapesOptions options) => JsonSerializer.Serialize(new { Generator = Version, Options = options }) + "\n";

    private static void Write(string folder, string split, ImmutableArray<PlannedImage> images, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.Combine(folder, "images", split));
        Parallel.For(0, images.Length, new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount }, index =>
            File.WriteAllBytes(Path.Combine(folder, ImagePath(split, index)), ImageCodec.EncodePng(SceneRenderer.Render(images[index].Scene))));
        using var lines = new FileStream(Path.Combine(folder, split + ".jsonl"), FileMode.CreateNew);
        for (var index = 0; index < images.Length; index++)
        {
            WriteLine(lines, ImagePath(split, index), images[index]);
            lines.WriteByte((byte)'\n');
        }
    }

    private static string ImagePath(string split, int index) => string.Create(CultureInfo.InvariantCulture, $"images/{split}/{index:D6}.png");

    private static void WriteLine(Stream stream, string image, PlannedImage planned)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteString("image", image);
        json.WriteStartArray("conversations");
        foreach (var question in planned.Questions)
        {
            WriteTurn(json, "human", question.Text);
            WriteTurn(json, "gpt", question.AnswerText);
        }
        json.WriteEndArray();
        json.WriteStartArray("kinds");
        foreach (var question in planned.Questions)
            json.WriteStringValue(Question.Name(question.Kind));
        json.WriteEndArray();
        json.WriteStartArray("objects");
        foreach (var item in planned.Scene.Objects)
        {
            json.WriteStartObject();
            json.WriteString("size", Lower(item.Size));
            json.WriteString("colour", Lower(item.Colour));
            json.WriteString("shape", Lower(item.Shape));
            json.WriteNumber("x", item.X);
            json.WriteNumber("y", item.Y);
            json.WriteNumber("radius", item.Radius);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNumber("background", planned.Scene.Background);
        json.WriteEndObject();
    }

    private static void WriteTurn(Utf8JsonWriter json, string from, string value)
    {
        json.WriteStartObject();
        json.WriteString("from", from);
        json.WriteString("value", value);
        json.WriteEndObject();
    }

    private static string Lower<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
