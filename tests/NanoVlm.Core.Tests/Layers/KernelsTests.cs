using NanoVlm.Kernels;
using NanoVlm.Layers;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Layers;

/// <summary>
/// Every fused kernel against its composite: results and gradients, float32 and bfloat16, odd sizes, one element, nothing.
/// </summary>
[Collection(KernelChoice.Name)]
public sealed class KernelsTests
{
    public static TheoryData<ScalarType> Types => [ScalarType.Float32, ScalarType.BFloat16];

    [Theory, MemberData(nameof(Types))]
    public void Linear(ScalarType dtype) => Each([[5, 7, 3], [1, 1, 1], [33, 65, 129], [0, 4, 3], [2, 3, 31, 17]], dtype, (shape, draw) =>
    {
        var (inputs, outputs) = (shape[^2], shape[^1]);
        var (x, weight, bias) = (draw([.. shape[..^2], inputs], dtype), draw([outputs, inputs], ScalarType.Float32), draw([outputs], ScalarType.Float32));
        return ([x, weight, bias], () => Operators.Linear(x, weight, bias));
    });

    [Theory, MemberData(nameof(Types))]
    public void Linear_without_a_bias_on_strided_rows(ScalarType dtype) => Each([[4, 5, 9], [1, 1, 1], [3, 33, 65]], dtype, (shape, draw) =>
    {
        var (x, weight) = (draw([shape[1], shape[0]], dtype), draw([shape[2], shape[1]], ScalarType.Float32));
        return ([x, weight], () => Operators.Linear(x.t(), weight));
    });

    [Theory, MemberData(nameof(Types))]
    public void Rms_norm(ScalarType dtype) => Each([[3, 5, 7], [1, 1], [2, 129], [0, 6], [17, 64]], dtype, (shape, draw) =>
    {
        var (x, weight) = (draw(shape, dtype), draw([shape[^1]], ScalarType.Float32));
        return ([x, weight], () => Operators.RmsNorm(x, weight, 0.1));
    });

    [Theory, MemberData(nameof(Types))]
    public void Rms_norm_of_one_plus_the_weight(ScalarType dtype) => Each([[3, 5, 7], [1, 1], [0, 6], [17, 64]], dtype, (shape, draw) =>
    {
        var (x, weight) = (draw(shape, dtype), draw([shape[^1]], ScalarType.Float32));
        return ([x, weight], () => Operators.RmsNorm(x, weight, 0.1, unitOffset: true));
    });

    [Theory, MemberData(nameof(Types))]
    public void Layer_norm(ScalarType dtype) => Each([[3, 5, 7], [2, 129], [0, 6], [17, 64]], dtype, (shape, draw) =>
    {
        var (x, weight, bias) = (draw(shape, dtype), draw([shape[^1]], ScalarType.Float32), draw([shape[^1]], ScalarType.Float32));
        return ([x, weight, bias], () => Operators.LayerNorm(x, weight, bias, 1e-3));
    });

    [Fact]
    public void Layer_norm_of_one_number_is_the_bias()
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(true);
        var bias = tensor(new[] { 0.5f });
        Assert.Equal([0.5f, 0.5f], Operators.LayerNorm(tensor(new[] { 3f, -7f }, [2, 1]), tensor(new[] { 2f }), bias, 1e-3).data<float>().ToArray());
    }

    [Theory, MemberData(nameof(Types))]
    public void Gelu(ScalarType dtype) => Each([[3, 5, 7], [1], [1000], [0, 6]], dtype, (shape, draw) =>
    {
        var x = draw(shape, dtype);
        return ([x], () => Operators.GeluTanh(x * 3));
    });

    [Theory, MemberData(nameof(Types))]
    public void Swiglu(ScalarType dtype) => Each([[3, 5, 7], [1], [1000], [0, 6]], dtype, (shape, draw) =>
    {
        var (gate, up) = (draw(shape, dtype), draw(shape, dtype));
        return ([gate, up], () => Operators.SwiGlu(gate * 3, up));
    });

    [Theory, MemberData(nameof(Types))]
    public void Embedding(ScalarType dtype) => Each([[11, 7, 40], [1, 1, 1], [5, 33, 0]], dtype, (shape, draw) =>
    {
        var weight = draw([shape[0], shape[1]], ScalarType.Float32);
        var ids = tensor(Enumerable.Range(0, (int)shape[2]).Select(i => (long)(i * i % shape[0])).ToArray(), [1, shape[2]]);
        return ([weight], () => Operators.Embedding(weight, ids, dtype));
    });

    [Theory, MemberData(nameof(Types))]
    public void Rotary(ScalarType dtype) => Each([[2, 5, 3, 8], [1, 1, 1, 2], [3, 7, 1, 34], [0, 4, 2, 6]], dtype, (shape, draw) =>
    {
        var x = draw(shape, dtype);
        var angles = arange(0, shape[1] * shape[3]).to(ScalarType.Float32).view(shape[1], shape[3]) * 0.37;
        return ([x], () => Operators.Rotary(x, angles.cos(), angles.sin()));
    });

    [Theory]
    [InlineData(ScalarType.Float32, false, false), InlineData(ScalarType.Float32, true, false), InlineData(ScalarType.Float32, true, true), InlineData(ScalarType.Float32, false, true)]
    [InlineData(ScalarType.BFloat16, false, false), InlineData(ScalarType.BFloat16, true, true)]
    public void Attention(ScalarType dtype, bool causal, bool masked) => Each(
        // B, T, S, H, G, D; the last queries of S positions.
        [[2, 5, 5, 4, 2, 8], [1, 1, 1, 1, 1, 1], [1, 3, 7, 3, 1, 5], [2, 67, 67, 2, 2, 16], [1, 1, 33, 6, 2, 12], [0, 3, 3, 2, 1, 4]], dtype, (shape, draw) =>
    {
        var (batch, queries, keys, heads, groups, size) = (shape[0], shape[1], shape[2], shape[3], shape[4], shape[5]);
        var (q, k, v) = (draw([batch, queries, heads, size], dtype), draw([batch, keys, groups, size], dtype), draw([batch, keys, groups, size], dtype));
        Tensor? mask = null;
        if (masked)
        {
            // Holes, and padding on the right; the first key is always seen, so every query sees one.
            var bits = Enumerable.Range(0, (int)(batch * keys)).Select(i => i % keys == 0 || (i % 3 != 1 && i % keys < keys - 1) ? 1L : 0L).ToArray();
            mask = tensor(bits, [batch, keys]);
        }
        return ([q, k, v], () => Operators.Attention(q, k, v, 1 / Math.Sqrt(size), new Visibility { KeyMask = mask, Causal = causal }));
    });

    [Theory, MemberData(nameof(Types))]
    public void Attention_of_several_documents_and_what_they_share(ScalarType dtype) => Each([[2, 9, 9, 4, 2, 8], [1, 3, 70, 2, 1, 6], [1, 1, 1, 1, 1, 2]], dtype, (shape, draw) =>
    {
        var (batch, queries, keys, heads, groups, size) = (shape[0], shape[1], shape[2], shape[3], shape[4], shape[5]);
        var (q, k, v) = (draw([batch, queries, heads, size], dtype), draw([batch, keys, groups, size], dtype), draw([batch, keys, groups, size], dtype));
        var documents = tensor(Enumerable.Range(0, (int)(batch * keys)).Select(i => i % keys * 4 / keys).ToArray(), [batch, keys]); // 0 is everyone's
        return ([q, k, v], () => Operators.Attention(q, k, v, 1 / Math.Sqrt(size), new Visibility { Documents = documents, Causal = true }));
    });

    [Theory, MemberData(nameof(Types))]
    public void Attention_on_slices_of_a_fused_projection(ScalarType dtype) => Each([[2, 9, 3, 8], [1, 1, 1, 2]], dtype, (shape, draw) =>
    {
        var (batch, tokens, heads, size) = (shape[0], shape[1], shape[2], shape[3]);
        var qkv = draw([batch, tokens, 3 * heads * size], dtype);
        return ([qkv], () =>
        {
            var parts = qkv.split(heads * size, -1).Select(part => part.view(batch, tokens, heads, size)).ToArray();
            return Operators.Attention(parts[0], parts[1], parts[2], 0.3, Visibility.All);
        }
        );
    });

    [Fact]
    public void A_query_that_sees_no_key_gives_zeros_and_passes_no_gradient()
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(true);
        var (q, k, v) = (randn([1, 3, 1, 4]).requires_grad_(), randn([1, 3, 1, 4]).requires_grad_(), randn([1, 3, 1, 4]).requires_grad_());
        var y = Operators.Attention(q, k, v, 0.5, new Visibility { KeyMask = tensor(new long[] { 0, 1, 1 }, [1, 3]), Causal = true });
        Assert.Equal(0, y.select(1, 0).abs().sum().ToSingle());
        Assert.NotEqual(0, y.select(1, 1).abs().sum().ToSingle());
        y.sum().backward();
        foreach (var input in new[] { q, k, v }) Assert.Equal(0, input.grad!.select(1, 0).abs().sum().ToSingle());
    }

    [Theory, MemberData(nameof(Types))]
    public void Linear_cross_entropy(ScalarType dtype) => Each([[7, 9, 33], [1, 1, 1], [0, 5, 11], [65, 48, 586]], dtype, (shape, draw) =>
    {
        var (hidden, weight) = (draw([shape[0], shape[1]], dtype), draw([shape[2], shape[1]], ScalarType.Float32));
        var targets = tensor(Enumerable.Range(0, (int)shape[0]).Select(i => (long)(i * 7 % shape[2])).ToArray(), [shape[0]]);
        return ([hidden, weight], () => Operators.LinearCrossEntropy(hidden, weight, targets));
    });

    [Theory, MemberData(nameof(Types))]
    public void Cached_attention(ScalarType dtype)
    {
        foreach (var (heads, groups, dim, slots) in new[] { (4, 2, 8, 6), (3, 1, 5, 9), (9, 3, 64, 20), (2, 2, 40, 3), (8, 1, 1, 4) })
        {
            using var scope = NewDisposeScope();
            var (expected, wanted) = Outcome(false, ScalarType.Float32);
            var (actual, found) = Outcome(true, dtype);
            Near.Equal(expected, actual, dtype == ScalarType.Float32 ? 1e-5 : 2e-2, $"result of {heads}, {groups}, {dim}, {slots}");
            for (var i = 0; i < found.Length; i++) Near.Equal(wanted[i], found[i], 1e-6, "what is held");

            // Three of four places, in another order, of lengths below, at and beyond the slots.
            (Tensor, Tensor[]) Outcome(bool fused, ScalarType type)
            {
                using var kernel = Kernel.Fused(fused);
                using var mode = no_grad();
                using var generator = new Generator(3);
                Tensor Draw(params long[] size) => randn(size, generator: generator).to(dtype).to(type);
                var (keys, values) = (Draw(4, slots, groups, dim), Draw(4, slots, groups, dim));
                long[] lengths = [2, slots - 1, slots + 2];
                var y = Operators.CachedAttention(
                    Draw(3, 1, heads, dim), Draw(3, 1, groups, dim), Draw(3, 1, groups, dim), keys, values, tensor(new long[] { 2, 0, 3 }), tensor(lengths), lengths.Max(), 0.3);
                return (y, [keys, values]);
            }
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void A_row_of_a_small_product_has_the_same_bits_whatever_rows_are_beside_it(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(true);
        using var mode = no_grad();
        var (x, weight, bias) = (randn([8, 77]).to(dtype), randn([43, 77]), randn(43));
        var all = Operators.Linear(x, weight, bias);
        foreach (var rows in new[] { 1, 2, 3, 5, 7 })
            Assert.Equal(all.narrow(0, 8 - rows, rows).contiguous().bytes.ToArray(), Operators.Linear(x.narrow(0, 8 - rows, rows), weight, bias).bytes.ToArray());
    }

    private delegate (Tensor[] Inputs, Func<Tensor> Run) Case(long[] shape, Func<long[], ScalarType, Tensor> draw);

    // Runs a case of every shape twice and compares the results and all gradients under a random cotangent. The composite runs in
    // float32 on the same numbers: in bfloat16 it rounds between its steps and would be the less exact of the two.
    private static void Each(long[][] shapes, ScalarType dtype, Case make)
    {
        var tolerance = dtype == ScalarType.Float32 ? 1e-5 : 2e-2;
        foreach (var shape in shapes)
        {
            using var scope = NewDisposeScope();
            var (_, expected, wanted) = Outcome(fused: false);
            var (inputs, actual, found) = Outcome(fused: true);
            var what = $"[{string.Join(", ", shape)}]";
            Assert.Equal(actual.Dimensions == 0 ? ScalarType.Float32 : dtype, actual.dtype);
            Near.Equal(expected, actual, tolerance, $"result of {what}");
            for (var i = 0; i < inputs.Length; i++)
            {
                Assert.Equal(inputs[i].dtype, found[i].dtype);
                Near.Equal(wanted[i], found[i], tolerance, $"gradient {i} of {what}");
            }

            (Tensor[], Tensor, Tensor[]) Outcome(bool fused)
            {
                using var kernel = Kernel.Fused(fused);
                using var generator = new Generator(7);
                var (inputs, run) = make(shape, (size, type) =>
                {
                    var values = randn(size, generator: generator).to(type);
                    return (fused ? values : values.to(ScalarType.Float32)).detach().requires_grad_();
                });
                var y = run();
                var cotangent = randn(y.shape, generator: generator).to(dtype).to(y.dtype);
                return (inputs, y, [.. autograd.grad([y], inputs, [cotangent])]);
            }
        }
    }
}
