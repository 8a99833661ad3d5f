namespace NanoVlm.Generation;

/// <summary>Why an answer ends.</summary>
public enum StopReason
{
    /// <summary>The model ended it.</summary>
    EndOfText,

    /// <summary>A stop string came up.</summary>
    StopString,

    /// <summary>It is as long as it may be.</summary>
    MaxNewTokens,
}

/// <summary>What a model made of a prompt.</summary>
/// <param name="Ids">The tokens, without the one that ends the text.</param>
/// <param name="Text">The same as text, without a stop string.</param>
/// <param name="Reason">Why it ends.</param>
/// <param name="LogProbabilities">The natural logarithm of each token's probability before sampling's filters; null where not asked for.</param>
public sealed record Completion(IReadOnlyList<int> Ids, string Text, StopReason Reason, IReadOnlyList<float>? LogProbabilities = null);
