namespace NanoVlm.Data;

/// <summary>
/// Where a <see cref="DataLoader"/> stands after a batch: all it takes to go on with the very next one, whatever the number of workers. Small, and
/// made of plain values: it is stored as JSON.
/// </summary>
public sealed record LoaderState
{
    /// <summary>Rows of each source, to see that it is the same set.</summary>
    public required IReadOnlyList<int> Sizes { get; init; }

    /// <summary>What decided the order, to see that it is the same: weights, seed, windows, rows.</summary>
    public required string Settings { get; init; }

    /// <summary>Which of the ranks that share the set this is.</summary>
    public required int Rank { get; init; }

    /// <summary>How many ranks share it.</summary>
    public required int WorldSize { get; init; }

    /// <summary>How many samples were taken from each source, by all ranks together.</summary>
    public required IReadOnlyList<long> Taken { get; init; }

    /// <summary>Samples read that wait for a row, in order.</summary>
    public required IReadOnlyList<Draw> Waiting { get; init; }

    /// <summary>Rows made.</summary>
    public required long Rows { get; init; }

    /// <summary>What became of the samples so far.</summary>
    public required LoaderCounts Counts { get; init; }

    /// <summary>Where one rank begins so that all together go on where others, as many or not, left off: what some of those had come to and others had
    /// not, and what waited, is dealt out; no sample is lost or comes twice.</summary>
    /// <param name="ranks">Where each rank left off, in order.</param>
    /// <param name="mix">What they read.</param>
    /// <param name="rank">The rank to begin.</param>
    /// <param name="worldSize">How many ranks there are now.</param>
    /// <returns>The very state it left off at where the ranks are as many.</returns>
    public static LoaderState Share(IReadOnlyList<LoaderState> ranks, SampleMix mix, int rank, int worldSize)
    {
        if (ranks.Count == worldSize) return ranks[rank];
        var drawn = ranks.Select(state => state.Taken.Sum()).ToArray();
        var furthest = ranks[Array.IndexOf(drawn, drawn.Max())];
        var left = ranks.SelectMany(state => state.Waiting).ToList();
        var taken = ranks[Array.IndexOf(drawn, drawn.Min())].Taken.ToArray();
        for (var number = drawn.Min(); number < drawn.Max(); number++)
        {
            var source = mix.Next(taken);
            var draw = new Draw(source, taken[source]++);
            if (number >= drawn[number % ranks.Count]) left.Add(draw);
        }
        return furthest with
        {
            Rank = rank,
            WorldSize = worldSize,
            Waiting = [.. left.Where((_, i) => i % worldSize == rank)],
            Rows = ranks.Max(state => state.Rows),
            Counts = rank == 0 ? LoaderCounts.Sum(ranks.Select(state => state.Counts)) : new(),
        };
    }
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

    internal static LoaderCounts Sum(IEnumerable<LoaderCounts> all)
    {
        var counts = all.ToArray();
        return new LoaderCounts
        {
            Read = counts.Sum(one => one.Read),
            Skipped = counts.Sum(one => one.Skipped),
            Dropped = counts.SelectMany(one => one.Dropped).GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value)),
            TurnsLeftOut = counts.Sum(one => one.TurnsLeftOut),
            StrayImageTokens = counts.Sum(one => one.StrayImageTokens),
        };
    }
}
