using NanoVlm.Kernels;
using System.Diagnostics;
using NanoVlm.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>The cost of a call, and every kernel beside its composite, forward and backward, at the step's shapes.</summary>
internal static class OperatorBenchmark
{
    private const int Batch = 64, Tokens = 48, Patches = 64, Width = 128, Heads = 4, KvHeads = 2, HeadDim = Width / Heads;

    internal static void Run()
    {
        using var scope = NewDisposeScope();
        var (four, other) = (ones(4), ones(4));
        Console.WriteLine(FormattableString.Invariant($"add of 4 elements: {Seconds(() => four.add(other).Dispose()) * 1e9:F0} ns a call"));
        if (Operators.Implementation != Implementation.Native)
        {
            Console.Error.WriteLine("the fused kernels are not in use (NANOVLM_FUSED=0, or not in this build): nothing to compare");
            return;
        }
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            Console.WriteLine($"{dtype}, forward and backward");
            foreach (var (name, inputs, call) in Cases(dtype))
            {
                var fused = Seconds(() => ForwardAndBackward(inputs, call));
                Operators.Implementation = Implementation.Composite;
                var composite = Seconds(() => ForwardAndBackward(inputs, call));
                Operators.Implementation = Implementation.Native;
                Console.WriteLine(FormattableString.Invariant($"  {name,-22} fused {fused * 1e6,8:F0} us, composite {composite * 1e6,8:F0} us, {composite / fused,5:F2} times"));
            }
        }
    }

    private static IEnumerable<(string Name, Tensor[] Inputs, Func<Tensor[], Tensor> Call)> Cases(ScalarType dtype)
    {
        Tensor Leaf(ScalarType type, params long[] shape) => (randn(shape, ScalarType.Float32) * 0.1).to(type).detach().requires_grad_();
        Tensor Master(params long[] shape) => Leaf(ScalarType.Float32, shape);
        var (rows, targets, angles) = (Batch * 12L, randint(0, 600, [Batch * 12L]), randn(Tokens, HeadDim));
        var ids = randint(0, 600, [Batch, Tokens]);
        yield return ("linear 128 -> 384", [Leaf(dtype, Batch, Tokens, Width), Master(384, Width)], t => Operators.Linear(t[0], t[1]));
        yield return ("linear 128 -> 512 bias", [Leaf(dtype, Batch, Patches, Width), Master(512, Width), Master(512)], t => Operators.Linear(t[0], t[1], t[2]));
        yield return ("linear 512 -> 128 bias", [Leaf(dtype, Batch, Patches, 512), Master(Width, 512), Master(Width)], t => Operators.Linear(t[0], t[1], t[2]));
        yield return ("rms_norm", [Leaf(dtype, Batch, Tokens, Width), Master(Width)], t => Operators.RmsNorm(t[0], t[1], 1e-5));
        yield return ("layer_norm", [Leaf(dtype, Batch, Patches, Width), Master(Width), Master(Width)], t => Operators.LayerNorm(t[0], t[1], t[2], 1e-6));
        yield return ("gelu_tanh", [Leaf(dtype, Batch, Patches, 512)], t => Operators.GeluTanh(t[0]));
        yield return ("swiglu", [Leaf(dtype, Batch, Tokens, 384), Leaf(dtype, Batch, Tokens, 384)], t => Operators.SwiGlu(t[0], t[1]));
        yield return ("embedding", [Master(600, Width)], t => Operators.Embedding(t[0], ids, dtype));
        yield return ("rotary", [Leaf(dtype, Batch, Tokens, Heads, HeadDim)], t => Operators.Rotary(t[0], angles, angles));
        yield return ("attention vision", [.. Enumerable.Range(0, 3).Select(_ => Leaf(dtype, Batch, Patches, Heads, HeadDim))],
            t => Operators.Attention(t[0], t[1], t[2], 1 / Math.Sqrt(HeadDim), Visibility.All));
        yield return ("attention causal", [Leaf(dtype, Batch, Tokens, Heads, HeadDim), Leaf(dtype, Batch, Tokens, KvHeads, HeadDim), Leaf(dtype, Batch, Tokens, KvHeads, HeadDim)],
            t => Operators.Attention(t[0], t[1], t[2], 1 / Math.Sqrt(HeadDim), new Visibility { Causal = true }));
        yield return ("linear_cross_entropy", [Leaf(dtype, rows, Width), Master(600, Width)], t => Operators.LinearCrossEntropy(t[0], t[1], targets));
    }

    private static void ForwardAndBackward(Tensor[] inputs, Func<Tensor[], Tensor> call)
    {
        using var scope = NewDisposeScope();
        var result = call(inputs);
        autograd.grad([result], inputs, [ones_like(result)]);
    }

    // The least of several rounds: what the code costs when the machine does nothing else.
    private static double Seconds(Action action)
    {
        action();
        var count = 1;
        var best = double.PositiveInfinity;
        for (var round = 0; round < 7; round++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < count; i++) action();
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            best = Math.Min(best, seconds / count);
            count = Math.Max(1, (int)(0.02 / best));
        }
        return best;
    }
}
