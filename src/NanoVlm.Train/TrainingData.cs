using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Data.Shapes;
using NanoVlm.Data.Sources;

namespace NanoVlm.Training;

/// <summary>The conversations of a run: to train on, to choose the best checkpoint by, and to test.</summary>
public sealed class TrainingData : IDisposable
{
    private readonly List<SampleSource> open = [];

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
    /// <param name="cancellation">Stops the rendering and the downloads.</param>
    /// <exception cref="NanoVlmException">A file is missing or holds nothing.</exception>
    public static TrainingData Open(DataSection data, Action<string> say, CancellationToken cancellation)
    {
        var opened = new TrainingData();
        try
        {
            var (train, validation, test) = (new List<IReadOnlyList<RawSample>>(), new List<IReadOnlyList<RawSample>>(), new List<IReadOnlyList<RawSample>>());
            foreach (var source in data.Train)
                switch (source)
                {
                    case ShapesSource shapes:
                        Render(shapes, say, cancellation);
                        train.Add(opened.Read(Path.Combine(shapes.Path, "train.jsonl")));
                        if (data.Validation.Count == 0) validation.Add(opened.Read(Path.Combine(shapes.Path, "validation.jsonl")));
                        if (data.Test.Count == 0) test.Add(opened.Read(Path.Combine(shapes.Path, "test.jsonl")));
                        break;
                    case FileSource file when data.Validation.Count == 0:
                        var (kept, held) = Split(opened.Keep(TrainingSource.Open(file, cancellation: cancellation)), data);
                        train.Add(kept);
                        validation.Add(held);
                        break;
                    case FileSource file:
                        train.Add(opened.Keep(TrainingSource.Open(file, cancellation: cancellation)));
                        break;
                }
            foreach (var source in data.Validation) validation.Add(opened.Open(source, "validation.jsonl", say, cancellation));
            foreach (var source in data.Test) test.Add(opened.Open(source, "test.jsonl", say, cancellation));
            (opened.Train, opened.Validation, opened.Test) = (SampleView.Joined(train), SampleView.Joined(validation), SampleView.Joined(test));
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

    private SampleSource Open(DataSource source, string split, Action<string> say, CancellationToken cancellation)
    {
        if (source is not ShapesSource shapes) return Keep(TrainingSource.Open(source, cancellation: cancellation));
        Render(shapes, say, cancellation);
        return Read(Path.Combine(shapes.Path, split));
    }

    private SampleSource Read(string path) => Keep(ConversationSource.Open(path));

    private SampleSource Keep(SampleSource source)
    {
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

    // A seeded split by row.
    private static (IReadOnlyList<RawSample> Train, IReadOnlyList<RawSample> Validation) Split(SampleSource all, DataSection data)
    {
        var held = Math.Max(1, (int)(all.Count * data.ValidationFraction));
        if (all.Count < 2) throw new NanoVlmException("There is one conversation to train on; a second one is needed to validate with.");
        var order = DataLoader.Permutation(data.Seed, -1, all.Count);
        return (new SampleView(all, [.. order[held..].Order()]), new SampleView(all, [.. order[..held].Order()]));
    }

    // Some rows of a source, or several sources one after the other. Rows are read when they are asked for.
    private sealed class SampleView(IReadOnlyList<(IReadOnlyList<RawSample> Source, int Index)> rows) : IReadOnlyList<RawSample>
    {
        public SampleView(IReadOnlyList<RawSample> source, int[] indices) : this([.. indices.Select(index => (source, index))])
        {
        }

        public int Count => rows.Count;

        public RawSample this[int index] => rows[index].Source[rows[index].Index];

        public static SampleView Joined(IEnumerable<IReadOnlyList<RawSample>> sources) =>
            new([.. sources.SelectMany(source => Enumerable.Range(0, source.Count).Select(index => (source, index)))]);

        public IEnumerator<RawSample> GetEnumerator() => rows.Select(row => row.Source[row.Index]).GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
