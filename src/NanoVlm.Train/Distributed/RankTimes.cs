namespace NanoVlm.Training.Distributed;

/// <summary>How long ranks wait for each other.</summary>
internal sealed record RankTimes
{
    /// <summary>For all ranks to start; they may sit in different queues.</summary>
    public TimeSpan Join { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// For a rank to come to where the others wait, or to give a sign of life, before it is said to hang. Long work apart from the others
    /// says <see cref="RankGroup.Busy"/>.
    /// </summary>
    public TimeSpan Hang { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>For a sign of life once a connection has broken, before a rank is said to be dead.</summary>
    public TimeSpan Death { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>From one sign of life to the next.</summary>
    public TimeSpan Beat { get; init; } = TimeSpan.FromSeconds(0.5);
}
