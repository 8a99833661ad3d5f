namespace NanoVlm.Generation;

/// <summary>How answers are made.</summary>
public sealed record GenerationOptions
{
    /// <summary>The longest answer, in tokens.</summary>
    public int MaxNewTokens { get; init; } = 64;

    /// <summary>Texts that end an answer and are left out of it.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>How the next token is chosen.</summary>
    public Sampling Sampling { get; init; } = Sampling.Greedy;

    /// <summary>Whether the log-probabilities of the tokens are wanted.</summary>
    public bool LogProbabilities { get; init; }
}
