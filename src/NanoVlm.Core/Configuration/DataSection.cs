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

    /// <summary>Whether several samples share a row. Not available yet.</summary>
    public bool Packing { get; init; }

    /// <summary>Whether the turns of a conversation see the turns before them.</summary>
    public Turns Turns { get; init; }

    /// <summary>Most images in a sample.</summary>
    [Range(1, int.MaxValue)]
    public int MaxImages { get; init; } = 4;

    /// <summary>Threads that prepare batches.</summary>
    [Range(1, 1024)]
    public int Workers { get; init; } = 2;

    /// <summary>The seed of the order of samples.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; }

    void IChecked.Check(ConfigurationRules rules)
    {
        rules.Require(!Packing, "packing", "packing is not available yet; leave it out or set it to false");
    }
}

/// <summary>A set of samples; <c>kind</c> says which.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ShapesSource), "shapes")]
[JsonDerivedType(typeof(ParquetFileSource), "parquet")]
[JsonDerivedType(typeof(WebDatasetFileSource), "webdataset")]
[JsonDerivedType(typeof(JsonlSource), "jsonl")]
public abstract record DataSource
{
    /// <summary>How often its samples are drawn, relative to their number: 1 is each once an epoch, 2 twice.</summary>
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
