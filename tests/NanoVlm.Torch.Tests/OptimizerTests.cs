using TorchSharp.Modules;
using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class OptimizerTests
{
    // One scalar of AdamW, as the paper has it.
    private sealed class Reference(double value, double rate, double decay, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8)
    {
        private double first, second;
        private int step;
        internal double Value = value;
        internal double Rate = rate;

        internal void Step(double gradient)
        {
            step++;
            Value -= Rate * decay * Value;
            first = beta1 * first + (1 - beta1) * gradient;
            second = beta2 * second + (1 - beta2) * gradient * gradient;
            Value -= Rate * (first / (1 - Math.Pow(beta1, step))) / (Math.Sqrt(second / (1 - Math.Pow(beta2, step))) + eps);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-12)]
    [InlineData(ScalarType.Float32, 2e-6)]
    public void AdamW_follows_the_arithmetic_of_the_paper_over_groups_and_missing_gradients(ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (a, b, c) = (nn.Parameter(tensor(new[] { 1.0, -2 }, dtype)), nn.Parameter(tensor(new[] { 3.0 }, dtype)), nn.Parameter(tensor(new[] { 5.0 }, dtype)));
        using var optimizer = optim.AdamW(
        [
            new AdamW.ParamGroup { Parameters = [a], Options = new AdamW.Options { weight_decay = 0.1 } },
            new AdamW.ParamGroup([b, c], lr: 0.05, beta1: 0.8, beta2: 0.95),
        ], lr: 0.01, eps: 1e-6);
        Reference[] references = [new(1, 0.01, 0.1, eps: 1e-6), new(-2, 0.01, 0.1, eps: 1e-6), new(3, 0.05, 0, 0.8, 0.95), new(5, 0.05, 0, 0.8, 0.95)];
        for (var step = 0; step < 20; step++)
        {
            double Gradient(int i) => Math.Sin(step * 1.7 + i) * (i + 1);
            a.grad = tensor(new[] { Gradient(0), Gradient(1) }, dtype);
            b.grad = tensor(new[] { Gradient(2) }, dtype);
            c.grad = step % 3 == 1 ? null : tensor(new[] { Gradient(3) }, dtype);
            if (step == 10)
            {
                foreach (var group in optimizer.ParamGroups) group.LearningRate /= 2;
                foreach (var reference in references) reference.Rate /= 2;
            }
            optimizer.step();
            for (var i = 0; i < 4; i++)
                if (i < 3 || step % 3 != 1) references[i].Step(Gradient(i));
        }
        AssertClose([.. references.Select(reference => reference.Value)], [.. a.ToDoubles(), .. b.ToDoubles(), .. c.ToDoubles()], tolerance);
        Assert.Equal((20L, 20L, 13L), (optimizer.StateOf(a)!.step, optimizer.StateOf(b)!.step, optimizer.StateOf(c)!.step));
        Assert.Equal(0.05, optimizer.ParamGroups.Last().InitialLearningRate);
        Assert.Equal(3, optimizer.parameters().Count());
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Moments_in_bfloat16_are_half_as_large_and_lead_to_almost_the_same_place(bool fused)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var start = randn(40, 25, generator: generator);
        // The kernel takes contiguous parameters; the composite takes the others.
        Parameter Make() => nn.Parameter(fused ? start.clone() : start.t().clone().t());
        var (wide, narrow) = (Make(), Make());
        using var exact = optim.AdamW([wide], lr: 0.01, beta2: 0.99, weight_decay: 0.1);
        using var rounded = optim.AdamW([narrow], lr: 0.01, beta2: 0.99, weight_decay: 0.1);
        rounded.StateDtype = ScalarType.BFloat16;
        for (var step = 0; step < 100; step++)
        {
            var noise = randn(40, 25, generator: generator) * 0.3;
            (wide.grad, narrow.grad) = (wide.detach() - 1 + noise, narrow.detach() - 1 + noise);
            exact.step();
            rounded.step();
        }
        Assert.Equal(ScalarType.BFloat16, rounded.StateOf(narrow)!.exp_avg.dtype);
        Assert.Equal(ScalarType.BFloat16, rounded.StateOf(narrow)!.exp_avg_sq.dtype);
        Assert.Equal(ScalarType.Float32, narrow.dtype);
        var (moved, apart) = ((wide - start).detach().norm().ToDouble(), (wide - narrow).detach().norm().ToDouble());
        Assert.InRange(apart / moved, 1e-5, 0.01);
        using var after = optim.AdamW([narrow]);
        after.StateDtype = ScalarType.BFloat16;
        after.LoadState(narrow, 100, rounded.StateOf(narrow)!.exp_avg, rounded.StateOf(narrow)!.exp_avg_sq);
        Assert.Equal(rounded.StateOf(narrow)!.exp_avg_sq.to(float32).ToDoubles(), after.StateOf(narrow)!.exp_avg_sq.to(float32).ToDoubles());
    }

    [Fact]
    public void The_kernel_and_the_composite_round_moments_alike()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var start = randn(33, 21, generator: generator);
        var (one, other) = (nn.Parameter(start.clone()), nn.Parameter(start.t().clone().t()));
        using var fused = optim.AdamW([one], beta2: 0.99);
        using var composite = optim.AdamW([other], beta2: 0.99);
        (fused.StateDtype, composite.StateDtype) = (ScalarType.BFloat16, ScalarType.BFloat16);
        for (var step = 0; step < 10; step++)
        {
            var gradient = randn(33, 21, generator: generator);
            (one.grad, other.grad) = (gradient, gradient.t().clone().t());
            fused.step();
            composite.step();
        }
        AssertClose(one.ToDoubles(), other.ToDoubles(), 2e-5);
        AssertClose(fused.StateOf(one)!.exp_avg.to(float32).ToDoubles(), composite.StateOf(other)!.exp_avg.to(float32).ToDoubles(), 0.01);
    }

    [Fact]
    public void Restored_state_continues_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        var (straight, resumed) = (nn.Parameter(ones(9)), nn.Parameter(ones(9)));
        using var first = optim.AdamW([straight], lr: 0.1, weight_decay: 0.01);
        using var before = optim.AdamW([resumed], lr: 0.1, weight_decay: 0.01);
        using var after = optim.AdamW([resumed], lr: 0.1, weight_decay: 0.01);
        Assert.Null(after.StateOf(resumed));
        for (var step = 0; step < 10; step++)
        {
            using var generator = new Generator((ulong)step);
            var gradient = randn(9, generator: generator);
            (straight.grad, resumed.grad) = (gradient, gradient.clone());
            first.step();
            if (step < 5) before.step();
            else after.step();
            if (step == 4)
            {
                var state = before.StateOf(resumed)!;
                after.LoadState(resumed, state.step, state.exp_avg, state.exp_avg_sq);
            }
        }
        Assert.Equal(straight.ToDoubles(), resumed.ToDoubles());
        Assert.Throws<ArgumentException>(() => after.LoadState(straight, 1, zeros(9), zeros(9)));
        Assert.Throws<ArgumentException>(() => after.LoadState(resumed, 1, zeros(3), zeros(9)));
        Assert.Throws<ArgumentException>(() => optim.AdamW([straight, straight]));
    }

    [Fact]
    public void A_step_makes_the_loss_smaller_and_zero_grad_zeroes_in_place()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Linear(3, 1);
        using var optimizer = optim.AdamW(model.named_parameters(), lr: 0.05);
        var x = randn(16, 3);
        double first = 0, last = 0;
        for (var step = 0; step < 50; step++)
        {
            optimizer.zero_grad();
            var loss = (model.call(x) - 1).square().mean();
            loss.backward();
            optimizer.step();
            last = loss.ToDouble();
            if (step == 0) first = last;
        }
        Assert.True(last < first / 2, $"{first} to {last}");
        optimizer.zero_grad();
        AssertValues(model.bias!.grad!, 0);
    }

    [Fact]
    public void Clipping_scales_all_gradients_to_the_norm()
    {
        using var scope = NewDisposeScope();
        var (a, b, none) = (nn.Parameter(Of(0, 0)), nn.Parameter(zeros(1)), nn.Parameter(zeros(1)));
        (a.grad, b.grad) = (Of(3, 0), tensor(new[] { 4f }));
        Assert.Equal(5, nn.utils.clip_grad_norm_([a, b, none], 10), 1e-12);
        AssertValues(a.grad!, 3, 0);
        Assert.Equal(5, nn.utils.clip_grad_norm_([a, b, none], 1), 1e-12);
        AssertClose([0.6, 0], a.grad!.ToDoubles(), 1e-6);
        AssertClose([0.8], b.grad!.ToDoubles(), 1e-6);
        Assert.Equal(0, nn.utils.clip_grad_norm_([none], 1));
        Assert.Equal(0.8, nn.utils.clip_grad_norm_([a, b], 10, double.PositiveInfinity), 1e-6);
        nn.utils.clip_grad_value_([a, b, none], 0.5);
        AssertClose([0.5, 0], a.grad!.ToDoubles(), 1e-6);
    }
}
