using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Training;

/// <summary>The conversations of a run: to train on, to choose the best checkpoint by, and to test.</summary>
internal sealed class TrainingData : IDisposable
{
    private readonly List<SampleSource> open = [];

    private TrainingData(DataSection data, Action<string> say, CancellationToken cancellation)
    {
        try
        {
            var train = new List<(SampleSource, double)>();
            var (validation, test) = (new List<SampleSource>(), new List<SampleSource>());
            foreach (var source in data.Train)
            {
                var all = Open(source, "train.jsonl", data, say, cancellation);
                if (source is ShapesSource shapes)
                {
                    if (data.Validation.Count == 0) validation.Add(Keep(ConversationSource.Open(Path.Combine(shapes.Path, "validation.jsonl"))));
                    if (data.Test.Count == 0) test.Add(Keep(ConversationSource.Open(Path.Combine(shapes.Path, "test.jsonl"))));
                }
                else if (data.Validation.Count == 0)
                {
                    if (all.Count < 2) throw new NanoVlmException($"{all.Name}: there is one conversation to train on; a second one is needed to validate with (or data.validation).");
                    (all, var held) = SampleRows.Split(all, Math.Max(1, (int)(all.Count * data.ValidationFraction)), data.Seed);
                    validation.Add(held);
                }
                train.Add((all, source.Weight));
            }
            validation.AddRange(data.Validation.Select(source => Open(source, "validation.jsonl", data, say, cancellation)));
            test.AddRange(data.Test.Select(source => Open(source, "test.jsonl", data, say, cancellation)));
            Train = new SampleMix(train, data.Seed, window: data.ShuffleWindow);
            (Validation, Test) = (new Joined(validation), new Joined(test));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>To train on.</summary>
    public SampleMix Train { get; }

    /// <summary>To choose the best checkpoint by.</summary>
    public IReadOnlyList<RawSample> Validation { get; }

    /// <summary>To report at the end; empty when the configuration names none.</summary>
    public IReadOnlyList<RawSample> Test { get; }

    /// <summary>Opens a run's sources; renders the shapes where they are not there yet.</summary>
    /// <param name="data">The configuration.</param>
    /// <param name="say">Hears what takes time; null: nobody does.</param>
    /// <param name="cancellation">Stops the rendering and the downloads.</param>
    /// <exception cref="NanoVlmException">A file is missing or holds nothing.</exception>
    public static TrainingData Open(DataSection data, Action<string>? say = null, CancellationToken cancellation = default) => new(data, say ?? (_ => { }), cancellation);

    /// <summary>A configuration's limits on samples.</summary>
    /// <param name="data">The configuration.</param>
    public static SampleOptions Limits(DataSection data) => new()
    {
        MaxTokens = data.MaxTokens,
        MaxImages = data.MaxImages,
        MaxTiles = data.MaxTiles,
        MinimumRatings = new(data.MinimumRatings.Relevance, data.MinimumRatings.ImageCorrespondence, data.MinimumRatings.VisualDependency, data.MinimumRatings.Formatting),
        IndependentTurns = data.Turns == Turns.Independent,
    };

    /// <summary>How a configuration's training samples are read.</summary>
    /// <param name="data">The configuration.</param>
    /// <param name="batchSize">Rows of a batch.</param>
    public static DataLoaderOptions Reading(DataSection data, int batchSize) => new()
    {
        BatchSize = batchSize,
        Seed = data.Seed,
        Workers = data.Workers,
        MaxSkipped = data.MaxSkipped,
        Packing = data.Packing ? new PackingOptions(data.MaxTokens, data.RowImages, data.LengthWindow ?? 256) : null,
        BucketWindow = data.Packing ? 1 : data.LengthWindow ?? 1,
    };

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var source in open) source.Dispose();
    }

    private SampleSource Open(DataSource source, string split, DataSection data, Action<string> say, CancellationToken cancellation)
    {
        if (source is not ShapesSource shapes) return Keep(TrainingSource.Open(source, data.ShuffleWindow, cancellation: cancellation));
        ShapesTest.Render(shapes, say, cancellation);
        return Keep(ConversationSource.Open(Path.Combine(shapes.Path, split)));
    }

    private SampleSource Keep(SampleSource source)
    {
        open.Add(source);
        return source;
    }

    // Sources one after the other. Rows are read when they are asked for.
    private sealed class Joined(IReadOnlyList<SampleSource> sources) : IReadOnlyList<RawSample>
    {
        public int Count => sources.Sum(source => source.Count);

        public RawSample this[int index]
        {
            get
            {
                var source = 0;
                for (; index >= sources[source].Count; source++) index -= sources[source].Count;
                return sources[source][index];
            }
        }

        public IEnumerator<RawSample> GetEnumerator() => sources.SelectMany(source => source).GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
