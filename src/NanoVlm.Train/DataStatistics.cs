using System.Globalization;
using NanoVlm.Data;

namespace NanoVlm.Training;

/// <summary>What a pass over a run's training data found: what <c>data</c> prints.</summary>
internal sealed class DataStatistics
{
    private readonly SampleMix mix;
    private readonly int? rowTokens;
    private readonly Dictionary<int, long> lengths = [], tiles = [];
    private readonly (long Samples, long Tokens, long Labels)[] sources;
    private IReadOnlyList<long> taken = [];
    private long positions, rows, batches;

    /// <param name="mix">What is read.</param>
    /// <param name="rowTokens">With packing: the tokens of a row.</param>
    public DataStatistics(SampleMix mix, int? rowTokens)
    {
        (this.mix, this.rowTokens) = (mix, rowTokens);
        sources = new (long, long, long)[mix.Sources.Count];
    }

    /// <summary>Samples used.</summary>
    public long Samples => sources.Sum(source => source.Samples);

    /// <summary>Tokens of the samples used.</summary>
    public long Tokens => sources.Sum(source => source.Tokens);

    /// <summary>Tokens that a model is trained to say.</summary>
    public long Labels => sources.Sum(source => source.Labels);

    /// <summary>The share of positions that hold a token: of the rows' budget where they are packed, else of the batches.</summary>
    public double Efficiency => positions == 0 ? 0 : (double)Tokens / positions;

    /// <summary>How long the samples are.</summary>
    internal Histogram Lengths => Histogram.ByDoubling("tokens of a sample", lengths);

    /// <summary>How many tiles their images have.</summary>
    internal Histogram Tiles => Histogram.ByDoubling("tiles of a sample", tiles);

    /// <summary>Counts a batch.</summary>
    public void Add(Batch batch)
    {
        foreach (var sample in batch.Rows.SelectMany(row => row))
        {
            var (samples, tokens, labels) = sources[sample.Source];
            sources[sample.Source] = (samples + 1, tokens + sample.Tokens, labels + sample.Labels);
            lengths[sample.Tokens] = lengths.GetValueOrDefault(sample.Tokens) + 1;
            tiles[sample.Tiles] = tiles.GetValueOrDefault(sample.Tiles) + 1;
        }
        positions += (long)batch.Size * (rowTokens ?? batch.Length);
        rows += batch.Size;
        taken = batch.State?.Taken ?? taken;
        batches++;
    }

    /// <summary>The facts, a name and a value each.</summary>
    /// <param name="counts">What became of the samples.</param>
    /// <param name="seconds">How long the pass took.</param>
    public IReadOnlyList<(string Name, string Value)> Facts(LoaderCounts counts, double seconds)
    {
        var facts = new List<(string, string)>();
        for (var i = 0; i < sources.Length; i++)
            facts.Add((mix.Sources[i].Name, Text($"{mix.Sources[i].Count:N0} rows; {sources[i].Samples:N0} samples used, {sources[i].Tokens:N0} tokens")));
        facts.Add(("read", Text($"{counts.Read:N0} samples")));
        facts.Add(("used", Text($"{Samples:N0} samples, {Tokens:N0} tokens, {rows:N0} rows, {batches:N0} batches")));
        foreach (var (reason, count) in counts.Dropped.OrderByDescending(pair => pair.Value)) facts.Add(($"dropped: {DataLoader.Words(reason)}", Text($"{count:N0} samples ({Share(count, counts.Read)})")));
        if (counts.Skipped > 0) facts.Add(("skipped: unreadable", Text($"{counts.Skipped:N0} samples ({Share(counts.Skipped, counts.Read)})")));
        if (counts.TurnsLeftOut > 0) facts.Add(("turns left out", Text($"{counts.TurnsLeftOut:N0}")));
        if (counts.StrayImageTokens > 0) facts.Add(("image tokens taken out of texts", Text($"{counts.StrayImageTokens:N0}")));
        facts.Add(("labelled", Text($"{Share(Labels, Tokens)} of the tokens")));
        facts.Add((rowTokens is null ? "tokens, not padding" : "packing efficiency", Text($"{Efficiency:P1} of the positions")));
        facts.Add(("speed", Text($"{Samples / seconds:N0} samples/s, {Tokens / seconds:N0} tokens/s")));
        return facts;
    }

    /// <summary>What should give pause.</summary>
    /// <param name="counts">What became of the samples.</param>
    public IReadOnlyList<string> Warnings(LoaderCounts counts)
    {
        var warnings = new List<string>();
        if (Tokens > 0 && Labels < Tokens * 0.01) warnings.Add(Text($"only {(double)Labels / Tokens:P2} of the tokens have a label: is the chat template the model's, and are the answers where they should be?"));
        if (counts.Dropped.GetValueOrDefault(DropReason.NoLabels) is > 0 and var silent) warnings.Add(Text($"{silent:N0} samples had no label at all and were dropped"));
        if (counts.Dropped.GetValueOrDefault(DropReason.TooLong) is var longer && longer > counts.Read * 0.05) warnings.Add(Text($"{Share(longer, counts.Read)} of the samples are longer than data.max_tokens and are dropped"));
        for (var i = 0; i < sources.Length; i++)
            if (i < taken.Count && taken[i] > mix.Sources[i].Count) warnings.Add(Text($"{mix.Sources[i].Name} repeats: its {mix.Sources[i].Count:N0} rows came {(double)taken[i] / mix.Sources[i].Count:0.#} times"));
        return warnings;
    }

    private static string Share(long part, long whole) => whole == 0 ? "0 %" : Text($"{(double)part / whole:P1}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
