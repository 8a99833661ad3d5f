namespace NanoVlm.Data;

/// <summary>
/// Where a <see cref="DataLoader"/> stands after a batch: all it takes to go on with the very next one, whatever the number of workers. Small, and
/// made of plain values: it is stored as JSON.
/// </summary>
public sealed record LoaderState
{
    /// <summary>Rows of each source, to see that it is the same set.</summary>
    public required IReadOnlyList<int> Sizes { get; init; }

    /// <summary>What decided the order, to see that it is the same: weights, seed, windows, rows, rank.</summary>
    public required string Settings { get; init; }

    /// <summary>How many samples were taken from each source, by all ranks together.</summary>
    public required IReadOnlyList<long> Taken { get; init; }

    /// <summary>Samples read that wait for a row, in order.</summary>
    public required IReadOnlyList<Draw> Waiting { get; init; }

    /// <summary>Rows made.</summary>
    public required long Rows { get; init; }

    /// <summary>What became of the samples so far.</summary>
    public required LoaderCounts Counts { get; init; }
}

/// <summary>What became of the samples that were read.</summary>
public sealed record LoaderCounts
{
    /// <summary>Samples read, be they used or not.</summary>
    public long Read { get; init; }

    /// <summary>Samples that could not be read or decoded.</summary>
    public long Skipped { get; init; }

    /// <summary>Sound samples beyond a limit, by reason.</summary>
    public IReadOnlyDictionary<DropReason, long> Dropped { get; init; } = new Dictionary<DropReason, long>();

    /// <summary>Turns left out of samples that were used.</summary>
    public long TurnsLeftOut { get; init; }

    /// <summary>Image tokens taken out of texts.</summary>
    public long StrayImageTokens { get; init; }
}
