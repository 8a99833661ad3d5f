using NanoVlm.Generation;
using NanoVlm.Language;
using NanoVlm.Models;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Generation;

/// <summary>The cache of Gemma-3, whose layers have windows of 8 but for one.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class KvCacheTests
{
    [Fact]
    public void Layers_with_a_window_take_memory_for_it_alone()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var decoder = Pretrained.LoadLanguageModel(RepositoryFiles.Golden("gemma3-text"));
        var config = decoder.Config;
        using var cache = new KvCache(config, 3, 1000);
        decoder.forward(decoder.Embed(ones(3, 30, ScalarType.Int64)), cache: cache);
        long[] slots = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => config.Window(layer) is > 0 and var window ? window : 1000L)];
        Assert.Contains(8, slots);
        Assert.Contains(1000, slots);
        Assert.Equal(slots.Sum() * 3 * config.NumKeyValueHeads * config.HeadDim * 2 * sizeof(float), cache.Bytes);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Rows_of_any_length_that_leave_and_are_taken_twice_go_on_as_each_would_alone(bool fused)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var kernel = Kernel.Fused(fused);
        using var decoder = Pretrained.LoadLanguageModel(RepositoryFiles.Golden("gemma3-text"));
        var random = new Random(5);
        List<long>[] texts = [.. new[] { 5, 20, 11, 8 }.Select(length => Enumerable.Range(0, length).Select(_ => (long)random.Next(3, 140)).ToList())];
        var ids = tensor(texts.SelectMany(text => text.Concat(new long[20 - text.Count])).ToArray(), [4, 20]);
        using var rows = new Continuation(decoder, decoder.Embed(ids), [.. texts.Select(text => (long)text.Count)], 20);
        for (var step = 0; step < 18; step++)
        {
            using var inner = NewDisposeScope();
            for (var row = 0; row < texts.Length; row++)
            {
                var whole = decoder.forward(decoder.Embed(tensor(texts[row].ToArray(), [1, texts[row].Count])));
                Near.Equal(decoder.Logits(whole.select(1, texts[row].Count - 1)), rows.Logits.narrow(0, row, 1), 1e-4, $"row {row} after {step} tokens");
            }
            int[] kept = step switch { 4 => [3, 1, 1, 0], 9 => [2, 0], 13 => [1], _ => [.. Enumerable.Range(0, texts.Length)] };
            rows.Select(kept);
            texts = [.. kept.Select(row => texts[row].ToList())];
            var next = texts.Select(_ => (long)random.Next(3, 140)).ToArray();
            rows.Append(tensor(next));
            for (var row = 0; row < texts.Length; row++) texts[row].Add(next[row]);
        }
    }

    [Fact]
    public void More_rows_than_there_are_places_are_refused()
    {
        using var decoder = Pretrained.LoadLanguageModel(RepositoryFiles.Golden("gemma3-text"));
        using var cache = new KvCache(decoder.Config, 2, 10);
        Assert.Contains("places for 2 rows; 3", Assert.Throws<InvalidOperationException>(() => cache.Select([0, 1, 1])).Message);
    }
}
