using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Data.Shapes;
using NanoVlm.Data.Sources;

namespace NanoVlm.Training;

/// <summary>The conversations of a run: to train on, to choose the best checkpoint by, and to test.</summary>
public sealed class TrainingData : IDisposable
{
    private readonly List<ConversationSource> open = [];

    private TrainingData()
    {
        Train = Validation = Test = [];
    }

    /// <summary>To train on.</summary>
    public IReadOnlyList<RawSample> Train { get; private set; }

    /// <summary>To choose the best checkpoint by.</summary>
    public IReadOnlyList<RawSample> Validation { get; private set; }

    /// <summary>To report at the end; empty when the configuration names none.</summary>
    public IReadOnlyList<RawSample> Test { get; private set; }

    /// <summary>Opens a run's sources; renders the shapes where they are not there yet.</summary>
    /// <param name="data">The configuration.</param>
    /// <param name="say">Hears what takes time.</param>
    /// <param name="cancellation">Stops the rendering.</param>
    /// <exception cref="NanoVlmException">A file is missing or holds nothing.</exception>
    public static TrainingData Open(DataSection data, Action<string> say, CancellationToken cancellation)
    {
        var opened = new TrainingData();
        try
        {
            var (train, validation, test) = (new List<RawSample>(), new List<RawSample>(), new List<RawSample>());
            foreach (var source in data.Train)
                switch (source)
                {
                    case ShapesSource shapes:
                        Render(shapes, say, cancellation);
                        train.AddRange(opened.Read(Path.Combine(shapes.Path, "train.jsonl")));
                        validation.AddRange(opened.Read(Path.Combine(shapes.Path, "validation.jsonl")));
                        test.AddRange(opened.Read(Path.Combine(shapes.Path, "test.jsonl")));
                        break;
                    case JsonlSource file:
                        train.AddRange(opened.Read(file.Path));
                        break;
                }
            foreach (var source in data.Validation) validation.AddRange(opened.All(source, "validation.jsonl", say, cancellation));
            foreach (var source in data.Test) test.AddRange(opened.All(source, "test.jsonl", say, cancellation));
            if (validation.Count == 0) (train, validation) = Split(train, data);
            (opened.Train, opened.Validation, opened.Test) = (train, validation, test);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var source in open) source.Dispose();
    }

    private IEnumerable<RawSample> All(DataSource source, string split, Action<string> say, CancellationToken cancellation)
    {
        if (source is not ShapesSource shapes) return Read(((JsonlSource)source).Path);
        Render(shapes, say, cancellation);
        return Read(Path.Combine(shapes.Path, split));
    }

    private ConversationSource Read(string path)
    {
        var source = ConversationSource.Open(path);
        open.Add(source);
        return source;
    }

    private static void Render(ShapesSource shapes, Action<string> say, CancellationToken cancellation)
    {
        var options = new ShapesOptions
        {
            Seed = shapes.Seed,
            Train = shapes.Images,
            Validation = shapes.Validation,
            Test = shapes.Test,
            QuestionsPerImage = shapes.QuestionsPerImage,
        };
        var watch = System.Diagnostics.Stopwatch.StartNew();
        if (!File.Exists(Path.Combine(shapes.Path, ShapesDataset.StampFile)))
            say($"rendering {shapes.Images + shapes.Validation + shapes.Test} pictures of shapes to {shapes.Path}, once");
        if (ShapesDataset.Generate(shapes.Path, options, cancellation))
            say($"rendered {shapes.Images + shapes.Validation + shapes.Test} pictures of shapes to {shapes.Path} in {watch.Elapsed.TotalSeconds:0.0} s");
    }

    // A seeded split by conversation: no image is on both sides.
    private static (List<RawSample> Train, List<RawSample> Validation) Split(List<RawSample> all, DataSection data)
    {
        var held = Math.Max(1, (int)(all.Count * data.ValidationFraction));
        if (all.Count < 2) throw new NanoVlmException("There is one conversation to train on; a second one is needed to validate with.");
        var order = DataLoader.Permutation(data.Seed, -1, all.Count);
        return ([.. order[held..].Order().Select(i => all[i])], [.. order[..held].Order().Select(i => all[i])]);
    }
}
