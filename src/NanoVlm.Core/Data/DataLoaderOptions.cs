namespace NanoVlm.Data;

/// <summary>How a <see cref="DataLoader"/> reads.</summary>
public sealed record DataLoaderOptions
{
    /// <summary>Rows a batch.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>How samples share rows; null: each has a row of its own.</summary>
    public PackingOptions? Packing { get; init; }

    /// <summary>Where each sample has a row of its own: how many samples are sorted by length into batches, so that little of them is padding; 1: none.</summary>
    public int BucketWindow { get; init; } = 1;

    /// <summary>The seed of what packing and buckets shuffle.</summary>
    public int Seed { get; init; }

    /// <summary>How many epochs of the mix to make; null never ends.</summary>
    public int? Epochs { get; init; }

    /// <summary>Where to go on; null: at the beginning.</summary>
    public LoaderState? Start { get; init; }

    /// <summary>How many samples are prepared at once, at least 1. Changes nothing but the speed.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>Which of the ranks that share the data this one is: of all samples in order it takes every so many-th.</summary>
    public int Rank { get; init; }

    /// <summary>How many ranks share the data.</summary>
    public int WorldSize { get; init; } = 1;

    /// <summary>The share of samples that may be unreadable before reading ends with an error.</summary>
    public double MaxSkipped { get; init; } = 0.01;
}

/// <summary>How samples share rows.</summary>
/// <param name="RowTokens">Tokens of a row.</param>
/// <param name="RowImages">The most images of a row.</param>
/// <param name="Window">How many samples the packer chooses from.</param>
public sealed record PackingOptions(int RowTokens, int RowImages, int Window);
