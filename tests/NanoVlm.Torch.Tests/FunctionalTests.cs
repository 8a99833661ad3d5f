using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class FunctionalTests
{
    [Fact]
    public void Functions_have_their_values() => AssertAll(
    [
        ("linear", () => F.linear(Of([1, 2], 1, 2), Of([1, 2], 3, 4), Of(5)), [16]),
        ("linear without bias", () => F.linear(Of([1, 2], 1, 2), Of([1, 2], 3, 4)), [11]),
        ("layer_norm", () => F.layer_norm(Of([1, 2], 1, 3), [2], Of(2, 2), Of(1, 1), 0), [-1, 3]),
        ("relu", () => F.relu(Of(-1, 2)), [0, 2]),
        ("relu in place", () => F.relu(Of(-1, 2), true), [0, 2]),
        ("gelu in place", () => F.gelu(Of(0), TorchSharp.Modules.GELU.Approximate.tanh, true), [0]),
        ("silu in place", () => F.silu(Of(0), true), [0]),
        ("tanh", () => F.tanh(Of(0.5), true), [Math.Tanh(0.5)]),
        ("sigmoid", () => F.sigmoid(Of(0)), [0.5]),
        ("softplus", () => F.softplus(Of(0)), [Math.Log(2)]),
        ("logsigmoid", () => F.logsigmoid(Of(0)), [-Math.Log(2)]),
        ("softmax", () => F.softmax(Of(1, 1), 0), [0.5, 0.5]),
        ("log_softmax", () => F.log_softmax(Of(1, 1), 0), [-Math.Log(2), -Math.Log(2)]),
        ("cross_entropy ignores", () => F.cross_entropy(Of([2, 2], 0, 0, 9, 1), Integers(0, -100)), [Math.Log(2)]),
        ("cross_entropy sum", () => F.cross_entropy(Of([2, 2], 0, 0, 0, 0), Integers(0, 1), reduction: nn.Reduction.Sum), [2 * Math.Log(2)]),
        ("cross_entropy none", () => F.cross_entropy(Of([2, 2], 0, 0, 0, 0), Integers(0, 1), reduction: nn.Reduction.None), [Math.Log(2), Math.Log(2)]),
        ("nll_loss", () => F.nll_loss(Of([1, 2], -1, -2), Integers(1)), [2]),
        ("binary_cross_entropy_with_logits", () => F.binary_cross_entropy_with_logits(Of(0), Of(1)), [Math.Log(2)]),
        ("mse_loss", () => F.mse_loss(Of(1, 3), Of(2, 1)), [2.5]),
        ("l1_loss", () => F.l1_loss(Of(1, 3), Of(2, 1)), [1.5]),
        ("pad", () => F.pad(Of(1), [1, 2], value: 9), [9, 1, 9, 9]),
        ("pad replicate", () => F.pad(Of([1, 1, 2], 1, 2), [1, 1], PaddingModes.Replicate), [1, 1, 2, 2]),
        ("pad reflect", () => F.pad(Of([1, 1, 3], 1, 2, 3), [1, 0], PaddingModes.Reflect), [2, 1, 2, 3]),
        ("pad circular", () => F.pad(Of([1, 1, 3], 1, 2, 3), [1, 0], PaddingModes.Circular), [3, 1, 2, 3]),
        ("interpolate nearest", () => F.interpolate(Of([1, 1, 1, 2], 1, 2), [1, 4]), [1, 1, 2, 2]),
        ("interpolate scale", () => F.interpolate(Of([1, 1, 1, 2], 1, 2), scale_factor: [1, 2]), [1, 1, 2, 2]),
        ("interpolate bilinear", () => F.interpolate(Of([1, 1, 1, 2], 0, 1), [1, 3], mode: InterpolationMode.Bilinear, align_corners: true), [0, 0.5, 1]),
        ("interpolate antialias", () => F.interpolate(Of([1, 1, 1, 2], 1, 3), [1, 1], mode: InterpolationMode.Bilinear, antialias: true), [2]),
        ("interpolate bicubic antialias", () => F.interpolate(ones(1, 1, 4, 4, float64), [2, 2], mode: InterpolationMode.Bicubic, antialias: true), [1, 1, 1, 1]),
        ("dropout of nothing", () => F.dropout(Of(1, 2), 0.5, training: false), [1, 2]),
        ("dropout of everything", () => F.dropout(Of(1, 2), 1), [0, 0]),
        ("dropout in place", () => F.dropout(Of(1, 2), 1, inplace: true), [0, 0]),
        ("conv2d", () => F.conv2d(ones(1, 1, 3, 3, float64), ones(1, 1, 2, 2, float64), Of(1), [2, 2]), [5]),
        ("avg_pool2d", () => F.avg_pool2d(Of([1, 1, 2, 2], 1, 2, 3, 6), 2), [3]),
        ("normalize", () => F.normalize(Of([1, 2], 3, 4)), [0.6, 0.8]),
        ("one_hot", () => F.one_hot(Integers(1, 0), 2), [0, 1, 1, 0]),
        ("pixel_shuffle", () => F.pixel_shuffle(Of([1, 4, 1, 1], 1, 2, 3, 4), 2), [1, 2, 3, 4]),
        ("pixel_unshuffle", () => F.pixel_unshuffle(Of([1, 1, 2, 2], 1, 2, 3, 4), 2), [1, 2, 3, 4]),
    ]);

    [Fact]
    public void Attention_is_softmax_of_scaled_products()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var (q, k, v) = (randn(2, 3, 4, 8, float64, generator: generator), randn(2, 3, 5, 8, float64, generator: generator), randn(2, 3, 5, 8, float64, generator: generator));
        var mask = randn([4L, 5], float64, generator: generator) > 0;
        mask[.., 0] = true;
        var scores = q.matmul(k.mT) / Math.Sqrt(8);
        AssertClose(scores.softmax(-1).matmul(v).ToDoubles(), F.scaled_dot_product_attention(q, k, v).ToDoubles(), 1e-12);
        var masked = scores.masked_fill(mask.logical_not(), double.NegativeInfinity).softmax(-1).matmul(v);
        AssertClose(masked.ToDoubles(), F.scaled_dot_product_attention(q, k, v, mask).ToDoubles(), 1e-12);
        var bias = randn([4L, 5], float64, generator: generator);
        AssertClose((scores + bias).softmax(-1).matmul(v).ToDoubles(), F.scaled_dot_product_attention(q, k, v, bias).ToDoubles(), 1e-12);
        Assert.Throws<ArgumentException>(() => F.scaled_dot_product_attention(q, k, v, mask, is_casual: true));
    }

    [Fact]
    public void Layers_compute_their_functions()
    {
        using var scope = NewDisposeScope();
        using var linear = nn.Linear(3, 2, dtype: float64);
        using var norm = nn.LayerNorm(3, dtype: float64);
        using var conv = nn.Conv2d(1, 2, 2, stride: 2, dtype: float64);
        using var stack = nn.Sequential(nn.Linear(3, 3, dtype: float64), nn.GELU(), nn.SiLU(), nn.ReLU(), nn.Identity(), nn.Dropout());
        stack.eval();
        var x = randn(2, 3, float64);
        Assert.Equal(F.linear(x, linear.weight, linear.bias).ToDoubles(), linear.call(x).ToDoubles());
        Assert.Equal((3, 2), (linear.in_features, linear.out_features));
        Assert.Equal(F.layer_norm(x, [3]).ToDoubles(), norm.call(x).ToDoubles());
        Assert.Equal([1L, 2, 2, 2], conv.call(randn(1, 1, 4, 4, float64)).shape);
        Assert.Equal([2L, 3], stack.call(x).shape);
        using var identity = nn.Identity();
        using var same = identity.call(x);
        Assert.NotSame(x, same);
    }

    [Fact]
    public void Initialisation_has_the_bounds_and_moments_of_its_distribution()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var x = empty(200, 100, float64);
        double Std() => x.std().ToDouble();
        nn.init.normal_(x, 3, 0.5, generator);
        Assert.InRange(x.mean().ToDouble(), 2.98, 3.02);
        Assert.InRange(Std(), 0.49, 0.51);
        nn.init.trunc_normal_(x, 0, 1, -0.5, 0.5, generator);
        Assert.InRange(x.abs().max().ToDouble(), 0.45, 0.5);
        nn.init.uniform_(x, -1, 2, generator);
        Assert.InRange(x.mean().ToDouble(), 0.45, 0.55);
        manual_seed(1).Dispose();
        nn.init.xavier_uniform_(x);
        Assert.InRange(x.abs().max().ToDouble(), 0.99 * Math.Sqrt(6 / 300.0), Math.Sqrt(6 / 300.0));
        nn.init.xavier_normal_(x);
        Assert.InRange(Std(), 0.97 * Math.Sqrt(2 / 300.0), 1.03 * Math.Sqrt(2 / 300.0));
        nn.init.kaiming_uniform_(x, Math.Sqrt(5));
        Assert.InRange(x.abs().max().ToDouble(), 0.99 * 0.1, 0.1);
        AssertValues(nn.init.constant_(zeros(1, float64), 4), 4);
        AssertValues(nn.init.ones_(zeros(1, float64)), 1);
        AssertValues(nn.init.zeros_(ones(1, float64)), 0);
        Assert.Equal((18, 36), nn.init.CalculateFanInAndFanOut(zeros(4, 2, 3, 3)));
        Assert.Throws<ArgumentException>(() => nn.init.CalculateFanInAndFanOut(zeros(4)));
    }
}
