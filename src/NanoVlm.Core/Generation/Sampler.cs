using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>
/// Chooses the next token. Greedy by default; with a temperature it samples, after top-k and nucleus (top-p) filtering
/// (Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020), filtered before the temperature as in nanoVLM, which also leaves out the token that crosses top-p.
/// </summary>
public sealed class Sampler : IDisposable
{
    private readonly Generator? generator;
    private readonly double temperature;
    private readonly int topK;
    private readonly double topP;

    private Sampler(double temperature, int topK, double topP, Generator? generator)
    {
        this.temperature = temperature;
        this.topK = topK;
        this.topP = topP;
        this.generator = generator;
    }

    /// <summary>Takes the most likely token.</summary>
    public static Sampler Greedy() => new(0, 0, 1, null);

    /// <summary>Draws a token.</summary>
    /// <param name="temperature">Divides the logits; above 0.</param>
    /// <param name="topK">Keeps the k most likely tokens; 0 keeps all.</param>
    /// <param name="topP">Keeps the most likely tokens up to this probability; 1 keeps all.</param>
    /// <param name="seed">Where the stream of random numbers begins.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static Sampler Random(double temperature, int topK, double topP, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        ArgumentOutOfRangeException.ThrowIfNegative(topK);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(topP);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(topP, 1);
        return new Sampler(temperature, topK, topP, new Generator((ulong)seed));
    }

    /// <summary>The next token of each row.</summary>
    /// <param name="logits">[B, vocabulary].</param>
    /// <returns>[B, 1], Int64.</returns>
    public Tensor Next(Tensor logits)
    {
        using var scope = NewDisposeScope();
        if (generator is null) return logits.argmax(-1, true).MoveToOuterDisposeScope();
        var chances = (Filter(logits, topK, topP) / temperature).softmax(-1);
        return chances.multinomial(1, generator: generator).MoveToOuterDisposeScope();
    }

    /// <summary>Sets the logits of tokens outside the k most likely and outside the nucleus to minus infinity.</summary>
    /// <param name="logits">[B, vocabulary].</param>
    /// <param name="topK">0 keeps all.</param>
    /// <param name="topP">1 keeps all.</param>
    public static Tensor Filter(Tensor logits, int topK, double topP)
    {
        using var scope = NewDisposeScope();
        var kept = logits;
        topK = (int)Math.Min(topK, logits.shape[^1]);
        if (topK > 0)
        {
            var least = kept.topk(topK).values.narrow(-1, topK - 1, 1);
            kept = kept.masked_fill(kept < least, double.NegativeInfinity);
        }
        if (topP < 1)
        {
            var (sorted, order) = kept.sort(-1, descending: true);
            var outside = sorted.softmax(-1).cumsum(-1) > topP;
            outside.narrow(-1, 0, 1).fill_(false); // the most likely token always stays
            kept = kept.masked_fill(outside.scatter(-1, order, outside), double.NegativeInfinity);
        }
        return (ReferenceEquals(kept, logits) ? logits.alias() : kept).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the stream of random numbers.</summary>
    public void Dispose() => generator?.Dispose();
}
