namespace NanoVlm.Weights.Hub;

/// <summary>What a failed request leaves to do.</summary>
internal enum HubFailure
{
    /// <summary>Try again: the network or the server stumbled.</summary>
    Passing,

    /// <summary>No use in trying again, but a copy in the cache may serve.</summary>
    Refused,

    /// <summary>The Hub knows the repository and says that there is no such thing, or what it says cannot be trusted.</summary>
    Definite,
}

/// <summary>A request that failed; its message is fit for people.</summary>
internal sealed class HubRequestException(HubFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public HubFailure Failure { get; } = failure;

    /// <summary>How long the server asked to wait, if it did.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public NanoVlmException ForPeople() => new(Message, this);
}
