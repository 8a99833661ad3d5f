namespace NanoVlm.Generation;

/// <summary>How the next token is chosen from the logits.</summary>
public sealed record Sampling
{
    /// <summary>The most likely token.</summary>
    public static readonly Sampling Greedy = new() { Temperature = 0 };

    /// <summary>Divides the logits; 0 takes the most likely token.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Draws from the k most likely tokens; 0: from all.</summary>
    public int TopK { get; init; }

    /// <summary>Draws from the most likely tokens up to this probability; 1: from all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Draws from the tokens that are at least this share of the most likely one's probability; 0: from all.</summary>
    public double MinP { get; init; }

    /// <summary>Divides positive logits of tokens that the row already holds, and multiplies negative ones (Keskar et al., "CTRL", 2019), 0.001 to 1000; 1: off.</summary>
    public double RepetitionPenalty { get; init; } = 1;
}
