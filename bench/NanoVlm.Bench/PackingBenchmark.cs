using NanoVlm.Kernels;
using System.Diagnostics;
using NanoVlm.Data.Packing;
using NanoVlm.Layers;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>How full packed rows are, beside nanoVLM's, and what attention over such a row costs.</summary>
internal static class PackingBenchmark
{
    private const int Samples = 100_000;
    private const int MaxImages = 18; // nanoVLM's max_images_per_knapsack

    internal static void Run()
    {
        (int Tokens, int Images)[] mix = LengthMix.Make(seed: 0, Samples);
        Console.WriteLine("Tokens / (rows x budget) while samples come; rows of at most 18 images, or of any number");
        Console.WriteLine("budget   window   18 images   any number   thousand rows/s");
        foreach (int budget in new[] { 1024, 2048, 4096, 8192 })
        {
            var items = mix.Where(item => item.Tokens <= budget).ToArray();
            foreach (int window in new[] { 64, 256, 1024 })
            {
                var (few, _) = Efficiency(items, budget, MaxImages, window);
                var (any, rate) = Efficiency(items, budget, int.MaxValue, window);
                Console.WriteLine(FormattableString.Invariant($"{budget,6} {window,8} {few,11:P2} {any,12:P2} {rate / 1000,17:N1}"));
            }
            foreach (int sequences in new[] { 8, 1024 })
                Console.WriteLine(FormattableString.Invariant(
                    $"{budget,6}  nanoVLM {Knapsack(items, budget, sequences, MaxImages),9:P2} {Knapsack(items, budget, sequences, null),12:P2}   buffers of {sequences} rows"));
        }
        Attention();
    }

    /// <summary>How full the rows are while items come, and rows made a second.</summary>
    internal static (double Efficiency, double RowsPerSecond) Efficiency((int Tokens, int Images)[] items, int budget, int maxImages, int window)
    {
        var packer = new RowPacker<int>(budget, maxImages, window, seed: 0);
        long tokens = 0;
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < items.Length; i++)
        {
            packer.Add(i, items[i].Tokens, items[i].Images);
            while (packer.TryTake(out var row))
                foreach (int item in row)
                    tokens += items[item].Tokens;
        }
        return ((double)tokens / (packer.Rows * budget), packer.Rows / clock.Elapsed.TotalSeconds);
    }

    // Its samples have a padding token more, and those of the budget or longer are dropped.
    private static double Knapsack((int Tokens, int Images)[] items, int budget, int sequences, int? maxImages)
    {
        long tokens = 0, rows = 0, held = 0;
        var buffer = new List<(int Tokens, int Images)>();
        foreach (var (length, images) in items.Where(item => item.Tokens < budget))
        {
            buffer.Add((length + 1, images));
            held += length + 1;
            if (held < (long)budget * sequences) continue;
            rows += BalancedKnapsack.Groups(buffer, budget, maxImages: maxImages).Count;
            tokens += held - buffer.Count;
            buffer.Clear();
            held = 0;
        }
        return (double)tokens / (rows * budget);
    }

    private static void Attention()
    {
        const int budget = 4096, heads = 9, groups = 3, size = 64; // SmolLM2-135M's
        var mix = LengthMix.Make(seed: 0, 4096);
        var packer = new RowPacker<int>(budget, int.MaxValue, 256, seed: 0);
        IReadOnlyList<int> row = [];
        for (int i = 0; packer.Rows < 50; i++) // the first rows take the longest items of the window
        {
            packer.Add(i, mix[i].Tokens, mix[i].Images);
            packer.TryTake(out row);
        }
        var lengths = row.Select(item => mix[item].Tokens).ToList();
        if (budget - lengths.Sum() is > 0 and var gap) lengths.Add(gap); // padding
        using var scope = NewDisposeScope();
        var documents = tensor(lengths.SelectMany((length, i) => Enumerable.Repeat(i + 1L, length)).ToArray(), [1, budget]);
        var positions = tensor(lengths.SelectMany(length => Enumerable.Range(0, length).Select(at => (long)at)).ToArray(), [1, budget]);
        var packed = new Visibility { Causal = true, Documents = documents, Positions = positions };
        Tensor q = Leaf(heads), k = Leaf(groups), v = Leaf(groups);
        Console.WriteLine();
        Console.WriteLine(FormattableString.Invariant($"Attention forward and backward over a row of {budget} ({heads}/{groups} heads of {size}, {lengths.Count} documents, the longest {lengths.Max()}), ms"));
        foreach (var (name, visible, fused) in new[]
        {
            ("one text", new Visibility { Causal = true }, true), ("packed", packed, true), ("packed, window 512", packed with { Window = 512 }, true), ("packed, composite", packed, false),
        })
        {
            Operators.Implementation = fused ? Implementation.Native : Implementation.Composite;
            double best = double.MaxValue;
            for (int round = 0; round < 5; round++)
            {
                using var inner = NewDisposeScope();
                var clock = Stopwatch.StartNew();
                var y = Operators.Attention(q, k, v, 1 / Math.Sqrt(size), visible);
                autograd.grad([y], [q, k, v], [ones_like(y)]);
                best = Math.Min(best, clock.Elapsed.TotalMilliseconds);
            }
            Console.WriteLine(FormattableString.Invariant($"{name,-20} {best,8:N1}"));
        }

        static Tensor Leaf(int heads) => randn(1, budget, heads, size).requires_grad_();
    }
}
