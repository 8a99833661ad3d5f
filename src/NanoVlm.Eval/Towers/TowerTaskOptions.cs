namespace NanoVlm.Evaluation.Towers;

/// <summary>What a tower's task is run with.</summary>
public sealed record TowerTaskOptions
{
    /// <summary>The most pictures of each part of a set, drawn by the seed; null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>The part of the set that is asked about; null: <c>test</c>, else <c>validation</c>, and the whole of a set without parts.</summary>
    public string? Split { get; init; }

    /// <summary>The file of <see cref="ClassNames"/>; null: <c>classes.json</c> in the set's folder, and where there is none the labels themselves.</summary>
    public string? Classes { get; init; }

    /// <summary>Draws pictures under a limit, the part to ask about of a set without parts, and what a linear probe holds out.</summary>
    public int Seed { get; init; }

    /// <summary>Of a set without parts, the share that a linear probe and k-NN are asked about; they learn from the rest.</summary>
    public double Asked { get; init; } = 0.2;

    /// <summary>k of k-NN.</summary>
    public int Neighbours { get; init; } = NearestNeighbours.DefaultCount;

    /// <summary>The temperature of k-NN's votes.</summary>
    public double Temperature { get; init; } = NearestNeighbours.DefaultTemperature;

    /// <summary>Hears of what is being done, and of pictures that cannot be read.</summary>
    public Action<string>? Said { get; init; }
}
