using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace NanoVlm.Configuration;

/// <summary>What to train on: <c>data</c> in a run's configuration. Paths are relative to the current folder.</summary>
public sealed record DataSection : IChecked
{
    /// <summary>The sources of training samples; at least one.</summary>
    public IReadOnlyList<DataSource> Train { get; init; } = [];

    /// <summary>The sources of validation samples. Empty takes the <c>shapes</c> sources' own validation split and, of other
    /// sources, a seeded share of the training samples.</summary>
    public IReadOnlyList<DataSource> Validation { get; init; } = [];

    /// <summary>The sources of test samples. Empty takes the <c>shapes</c> sources' own test split; other sources have none.</summary>
    public IReadOnlyList<DataSource> Test { get; init; } = [];

    /// <summary>The share of training samples set aside where there is no validation split.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double ValidationFraction { get; init; } = 0.02;

    /// <summary>Longest sample in tokens, image tokens included.</summary>
    [Range(1, int.MaxValue)]
    public int MaxTokens { get; init; } = 1024;

    /// <summary>Whether several samples share a row of <see cref="MaxTokens"/> tokens. They do not see each other.</summary>
    public bool Packing { get; init; }

    /// <summary>With packing: the most images of a row.</summary>
    [Range(1, int.MaxValue)]
    public int RowImages { get; init; } = 64;

    /// <summary>With packing: how many samples the rows are chosen from; null: 256. Without: how many are sorted by length into batches; null: 1, none.</summary>
    [Range(1, 1 << 20)]
    public int? LengthWindow { get; init; }

    /// <summary>Of sets that are read in groups (parquet): how many samples are shuffled among themselves, after the groups.</summary>
    [Range(1, 1 << 24)]
    public int ShuffleWindow { get; init; } = 1024;

    /// <summary>Whether the turns of a conversation see the turns before them.</summary>
    public Turns Turns { get; init; }

    /// <summary>Most images in a sample.</summary>
    [Range(1, int.MaxValue)]
    public int MaxImages { get; init; } = 4;

    /// <summary>Most tiles of a sample's images together.</summary>
    [Range(1, int.MaxValue)]
    public int MaxTiles { get; init; } = 64;

    /// <summary>Turns that are rated lower in any measure are left out, where a set has ratings (FineVision's, 1 to 5).</summary>
    public RatingsSection MinimumRatings { get; init; } = new();

    /// <summary>The share of samples that may be unreadable (a corrupt image, a bad row) before a run ends with an error.</summary>
    [Range(0.0, 1.0)]
    public double MaxSkipped { get; init; } = 0.01;

    /// <summary>Threads that prepare batches.</summary>
    [Range(1, 1024)]
    public int Workers { get; init; } = 2;

    /// <summary>The seed of the order of samples.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; }

    void IChecked.Check(ConfigurationRules rules)
    {
        rules.Require(!Packing || Turns == Turns.Conversation, "packing", "independent turns share the images of their row, so they cannot share it with others; set data.turns to conversation, or packing to false");
        rules.Require(!Packing || MaxImages <= RowImages, "row_images", $"a row must have room for the {MaxImages} images of a sample (data.max_images)");
    }
}

/// <summary>The least ratings of a turn, 1 to 5; 1 takes all but those rated 0, as nanoVLM does.</summary>
public sealed record RatingsSection
{
    /// <summary>Whether the answer is to the question.</summary>
    [Range(0, 5)]
    public int Relevance { get; init; } = 1;

    /// <summary>Whether it is true of the image.</summary>
    [Range(0, 5)]
    public int ImageCorrespondence { get; init; } = 1;

    /// <summary>Whether the image is needed for it.</summary>
    [Range(0, 5)]
    public int VisualDependency { get; init; } = 1;

    /// <summary>Whether it is well written.</summary>
    [Range(0, 5)]
    public int Formatting { get; init; } = 1;
}

/// <summary>A set of samples; <c>kind</c> says which.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ShapesSource), "shapes")]
[JsonDerivedType(typeof(ParquetFileSource), "parquet")]
[JsonDerivedType(typeof(WebDatasetFileSource), "webdataset")]
[JsonDerivedType(typeof(JsonlSource), "jsonl")]
public abstract record DataSource
{
    /// <summary>How often its samples come, relative to the other sources and their sizes: 1 is once an epoch, 2 twice.</summary>
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public double Weight { get; init; } = 1;
}

/// <summary><c>"kind": "shapes"</c>: rendered scenes with questions, generated into a folder when they are not there yet.</summary>
public sealed record ShapesSource : DataSource
{
    /// <summary>The folder of the images and of <c>train.jsonl</c>, <c>validation.jsonl</c> and <c>test.jsonl</c>.</summary>
    public string Path { get; init; } = "data/shapes";

    /// <summary>Images in the training split.</summary>
    [Range(1, 10_000_000)]
    public int Images { get; init; } = 20_000;

    /// <summary>Images in the validation split.</summary>
    [Range(1, 10_000_000)]
    public int Validation { get; init; } = 500;

    /// <summary>Images in the test split.</summary>
    [Range(1, 10_000_000)]
    public int Test { get; init; } = 1_000;

    /// <summary>Questions about each image; together they are one conversation.</summary>
    [Range(1, 16)]
    public int QuestionsPerImage { get; init; } = 8;

    /// <summary>The seed of the scenes and questions.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; }
}

/// <summary>A set of samples in files.</summary>
public abstract record FileSource : DataSource
{
    /// <summary>A file, a folder, a pattern such as <c>data/{000..012}.tar</c> or <c>data/**/train-*.parquet</c>, or a data set of the Hub: <c>org/name</c> or
    /// <c>org/name@revision</c>.</summary>
    public required string Path { get; init; }

    /// <summary>The subset, which is a folder within the folder or the data set. Needed where a data set of the Hub has several.</summary>
    public string? Subset { get; init; }

    /// <summary>The split of a folder or a data set, by the names of its files: <c>train</c> if null, or all files where the names tell no splits.</summary>
    public string? Split { get; init; }
}

/// <summary><c>"kind": "parquet"</c>: parquet files as in the_cauldron and FineVision, with columns <c>images</c> and <c>texts</c>.</summary>
public sealed record ParquetFileSource : FileSource;

/// <summary><c>"kind": "webdataset"</c>: tar shards of pictures with <c>json</c> or <c>txt</c> files beside them.</summary>
public sealed record WebDatasetFileSource : FileSource;

/// <summary><c>"kind": "jsonl"</c>: files of JSON lines, or of one JSON array, with conversations, and image files that they name.</summary>
public sealed record JsonlSource : FileSource
{
    /// <summary>The folder that image paths are relative to; each file's own if null.</summary>
    public string? Images { get; init; }
}

/// <summary>What the turns of a conversation see of each other in training.</summary>
public enum Turns
{
    /// <summary>Each sees those before it.</summary>
    Conversation,

    /// <summary>Each sees the images and itself only, as a question asked alone does; the images are encoded once for all.</summary>
    Independent,
}
