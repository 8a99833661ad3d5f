using TorchSharp.Modules;
using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class GradientTests
{
    public static TheoryData<string> Names => [.. Cases.Keys];

    // Functions of float64 inputs; shapes come first.
    private static readonly Dictionary<string, (long[][] Shapes, Func<Tensor[], Tensor> Function)> Cases = new()
    {
        ["linear"] = ([[2, 3], [4, 3], [4]], x => F.linear(x[0], x[1], x[2])),
        ["layer_norm"] = ([[2, 5], [5], [5]], x => F.layer_norm(x[0], [5], x[1], x[2])),
        ["gelu"] = ([[7]], x => x[0].gelu()),
        ["gelu tanh"] = ([[7]], x => x[0].gelu(GELU.Approximate.tanh)),
        ["silu"] = ([[7]], x => x[0].silu()),
        ["softmax"] = ([[2, 4]], x => x[0].softmax(-1)),
        ["log_softmax"] = ([[2, 4]], x => x[0].log_softmax(-1)),
        ["matmul"] = ([[2, 3, 4], [4, 2]], x => x[0].matmul(x[1])),
        ["conv2d"] = ([[1, 2, 5, 5], [3, 2, 2, 2], [3]], x => F.conv2d(x[0], x[1], x[2], [2, 2], [1, 1])),
        ["embedding"] = ([[5, 3]], x => Native.Aten.embedding.Call(x[0], Integers(1, 4, 1), -1L, false, false)),
        ["cross_entropy"] = ([[3, 4]], x => F.cross_entropy(x[0], Integers(1, -100, 3))),
        ["cross_entropy smoothed"] = ([[3, 4]], x => F.cross_entropy(x[0], Integers(1, 0, 3), label_smoothing: 0.1)),
        ["mse_loss"] = ([[3], [3]], x => F.mse_loss(x[0], x[1])),
        ["attention"] = ([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]], x => F.scaled_dot_product_attention(x[0], x[1], x[2], is_casual: true)),
        ["index"] = ([[4, 3]], x => x[0][TensorIndex.Tensor(Integers(0, 2, 2)), 1..]),
        ["index_put_"] = ([[4, 3], [2, 3]], x => x[0].clone().index_put_(x[1], TensorIndex.Tensor(Integers(3, 1)))),
        ["index_put_ slice"] = ([[4, 3], [4]], x =>
        {
            var y = x[0] * 2;
            y[.., 1] = x[1] * x[1];
            return y;
        }
        ),
        ["index_put_ mask"] = ([[4], [2]], x => x[0].clone().index_put_(x[1], tensor(new[] { true, false, true, false }))),
        ["cat"] = ([[2, 2], [2, 1]], x => cat([x[0], x[1] * 3], 1)),
        ["view, permute"] = ([[2, 6]], x => x[0].view(2, 3, 2).permute(2, 0, 1).contiguous().reshape(2, 6).transpose(0, 1) * x[0].t()),
        ["expand, repeat_interleave"] = ([[2, 1]], x => x[0].expand(2, 3) * x[0].repeat_interleave(3, 1)),
        ["rms norm"] = ([[2, 4], [4]], x => x[0] * (x[0].square().mean([-1], true) + 1e-5).rsqrt() * x[1]),
        ["masked_fill"] = ([[3]], x => x[0].masked_fill(tensor(new[] { true, false, false }), 4).square()),
        ["where"] = ([[3], [3]], x => where(tensor(new[] { true, false, true }), x[0], x[1]).square()),
        ["pixel_unshuffle"] = ([[1, 1, 4, 4]], x => F.pixel_unshuffle(x[0], 2).square()),
        ["normalize"] = ([[2, 3]], x => F.normalize(x[0])),
        ["interpolate"] = ([[1, 1, 3, 3]], x => F.interpolate(x[0], [5, 5], mode: InterpolationMode.Bicubic)),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_are_those_of_finite_differences(string name)
    {
        using var scope = NewDisposeScope();
        var (shapes, function) = Cases[name];
        using var generator = new Generator(7);
        var inputs = shapes.Select(shape => randn(shape, float64, generator: generator).requires_grad_()).ToArray();
        var weights = WithoutGradients(() => randn_like(function(inputs)));
        using (var loss = (function(inputs) * weights).sum()) loss.backward();

        const double step = 1e-6;
        foreach (var input in inputs)
        {
            var exact = input.grad!.ToDoubles();
            for (var i = 0; i < exact.Length; i++)
            {
                var flat = input.detach().view(-1).data<double>();
                var old = flat[i];
                flat[i] = old + step;
                var above = Loss();
                flat[i] = old - step;
                var below = Loss();
                flat[i] = old;
                Assert.True(Math.Abs((above - below) / (2 * step) - exact[i]) < 1e-6 * (1 + Math.Abs(exact[i])), $"{name}: element {i}: {exact[i]} by backward, {(above - below) / (2 * step)} by differences");
            }
        }

        double Loss() => WithoutGradients(() => (function(inputs) * weights).sum()).ToDouble();
    }

    [Fact]
    public void An_embedding_adds_up_the_gradients_of_a_row()
    {
        using var scope = NewDisposeScope();
        using var embedding = nn.Embedding(4, 2, padding_idx: 0, dtype: float64);
        AssertValues(embedding.weight[0], 0, 0);
        embedding.call(Integers(1, 0, 1)).sum().backward();
        AssertValues(embedding.weight.grad!, 0, 0, 2, 2, 0, 0, 0, 0);
    }

    [Fact]
    public void Grad_gives_gradients_without_accumulating_them()
    {
        using var scope = NewDisposeScope();
        var x = Of(2, 3).requires_grad_();
        var unused = Of(1).requires_grad_();
        var y = (x * x).sum();
        var first = autograd.grad([y], [x], create_graph: true);
        AssertValues(first[0], 4, 6);
        AssertValues(autograd.grad([first[0].sum()], [x])[0], 2, 2);
        Assert.Null(x.grad);
        Assert.Null(autograd.grad([(x * x).sum()], [x, unused], allow_unused: true)[1]);
        Assert.ThrowsAny<System.Runtime.InteropServices.ExternalException>(() => autograd.grad([(x * x).sum()], [unused]));
    }

    [Fact]
    public void Gradients_accumulate_until_they_are_forgotten()
    {
        using var scope = NewDisposeScope();
        var x = Of(2).requires_grad_();
        (x * 3).sum().backward();
        (x * 4).sum().backward();
        AssertValues(x.grad!, 7);
        x.grad = null;
        Assert.Null(x.grad);
        (x * x).backward([Of(10)]);
        AssertValues(x.grad!, 40);
        var inner = x * 2;
        inner.retain_grad();
        (inner * 5).sum().backward();
        AssertValues(inner.grad!, 5);
        Assert.False(inner.is_leaf);
        Assert.True(x.is_leaf);
    }

    [Fact]
    public void Modes_nest_and_belong_to_their_thread()
    {
        Assert.True(is_grad_enabled());
        using (no_grad())
        {
            Assert.False(is_grad_enabled());
            using (enable_grad()) Assert.True(is_grad_enabled());
            Assert.False(is_grad_enabled());
            var elsewhere = false;
            var thread = new Thread(() => elsewhere = is_grad_enabled());
            thread.Start();
            thread.Join();
            Assert.True(elsewhere);
        }
        Assert.True(is_grad_enabled());
        using (set_grad_enabled(false)) Assert.False(is_grad_enabled());
        using (inference_mode())
        {
            Assert.True(is_inference_mode_enabled());
            using var x = ones(1, requires_grad: false);
            using var y = x * 2;
            Assert.False(y.requires_grad);
        }
        Assert.False(is_inference_mode_enabled());
    }

    [Fact]
    public void Anomaly_detection_names_the_operator_of_a_NaN()
    {
        using var scope = NewDisposeScope();
        var x = Of(-1).requires_grad_();
        using var anomaly = autograd.detect_anomaly();
        var error = Assert.ThrowsAny<System.Runtime.InteropServices.ExternalException>(() => x.sqrt().sum().backward());
        Assert.Contains("SqrtBackward", error.Message);
    }

    private static Tensor WithoutGradients(Func<Tensor> function)
    {
        using var mode = no_grad();
        return function();
    }
}
