using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>
/// Chooses the next token of each row, with random numbers of its own: what other rows there are makes no difference. Filters come before the
/// temperature, as in nanoVLM.
/// </summary>
internal sealed class Sampler : IDisposable
{
    private readonly Sampling sampling;
    private Generator[] generators;
    private Tensor? present; // [B, vocabulary], Bool: tokens that a row holds

    /// <param name="sampling">How.</param>
    /// <param name="seeds">Where each row's random numbers begin.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public Sampler(Sampling sampling, IReadOnlyList<int> seeds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sampling.Temperature);
        ArgumentOutOfRangeException.ThrowIfNegative(sampling.TopK);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sampling.TopP);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sampling.TopP, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(sampling.MinP);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sampling.MinP, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(sampling.RepetitionPenalty, 1e-3); // far from 1, logits become infinite
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sampling.RepetitionPenalty, 1e3);
        this.sampling = sampling;
        generators = sampling.Temperature == 0 ? [] : [.. seeds.Select(seed => new Generator((ulong)seed))];
    }

    /// <summary>Says what rows hold already, which the repetition penalty counts.</summary>
    /// <param name="prompts">The token ids of each row.</param>
    /// <param name="vocabulary">How many tokens there are.</param>
    /// <param name="device">Where the logits are.</param>
    public void Begin(IReadOnlyList<IReadOnlyList<int>> prompts, long vocabulary, Device device)
    {
        if (sampling.RepetitionPenalty == 1) return;
        using var scope = NewDisposeScope();
        var held = new bool[prompts.Count * vocabulary];
        for (var row = 0; row < prompts.Count; row++)
            foreach (var id in prompts[row])
                held[row * vocabulary + id] = true;
        present?.Dispose();
        present = tensor(held, [prompts.Count, vocabulary], device: device).DetachFromDisposeScope();
    }

    /// <summary>The next token of each row.</summary>
    /// <param name="logits">[B, vocabulary], float32.</param>
    /// <returns>[B], Int64.</returns>
    public Tensor Next(Tensor logits)
    {
        using var scope = NewDisposeScope();
        var scores = present is null ? logits : where(present, where(logits > scalar(0), logits / scalar(sampling.RepetitionPenalty), logits * scalar(sampling.RepetitionPenalty)), logits);
        var next = generators.Length == 0 ? scores.argmax(-1) : Draw(Filter(scores, sampling.TopK, sampling.TopP, sampling.MinP));
        present?.scatter_(1, next.unsqueeze(1), ones(next.shape[0], 1, ScalarType.Bool, next.device));
        return next.MoveToOuterDisposeScope();
    }

    /// <summary>Goes on with these rows.</summary>
    public void Select(IReadOnlyList<int> rows)
    {
        using var scope = NewDisposeScope();
        if (generators.Length > 0)
        {
            var kept = rows.Select(row => generators[row]).ToArray();
            foreach (var generator in generators.Except(kept)) generator.Dispose();
            generators = kept;
        }
        if (present is null) return;
        var fewer = present.index_select(0, tensor(rows.Select(row => (long)row).ToArray(), device: present.device)).DetachFromDisposeScope();
        present.Dispose();
        present = fewer;
    }

    /// <summary>Sets the logits of tokens outside of what is drawn from to minus infinity. The most likely token always stays; the one that crosses
    /// <paramref name="topP"/> does not, as in nanoVLM (models/utils.py).</summary>
    /// <param name="logits">[B, vocabulary].</param>
    /// <param name="topK">As <see cref="Sampling.TopK"/>.</param>
    /// <param name="topP">As <see cref="Sampling.TopP"/> (Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020).</param>
    /// <param name="minP">As <see cref="Sampling.MinP"/> (Nguyen et al., "Turning Up the Heat", 2024).</param>
    public static Tensor Filter(Tensor logits, int topK, double topP, double minP = 0)
    {
        using var scope = NewDisposeScope();
        var kept = logits;
        topK = (int)Math.Min(topK, logits.shape[^1]);
        if (topK > 0)
        {
            var least = kept.topk(topK).values.narrow(-1, topK - 1, 1);
            kept = kept.masked_fill(kept < least, scalar(double.NegativeInfinity));
        }
        if (topP < 1)
        {
            var (sorted, order) = kept.sort(-1, descending: true);
            var outside = sorted.softmax(-1).cumsum(-1) > scalar(topP);
            outside.narrow(-1, 0, 1).fill_(scalar(false)); // the most likely token always stays
            kept = kept.masked_fill(outside.scatter(-1, order, outside), scalar(double.NegativeInfinity));
        }
        if (minP > 0) kept = kept.masked_fill(kept < kept.amax([-1], true).plus(Math.Log(minP)), scalar(double.NegativeInfinity));
        return (ReferenceEquals(kept, logits) ? logits.alias() : kept).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the random numbers.</summary>
    public void Dispose()
    {
        foreach (var generator in generators) generator.Dispose();
        present?.Dispose();
    }

    private Tensor Draw(Tensor logits)
    {
        // The largest becomes 0, so that no temperature makes infinities of which softmax makes nothing.
        var chances = ((logits - logits.amax([-1], true)) / scalar(Math.Clamp(sampling.Temperature, 1e-20, 1e20))).softmax(-1);
        return cat([.. generators.Select((generator, row) => chances.select(0, row).multinomial(1, generator: generator))]);
    }
}
