using System.Runtime.InteropServices;
using NanoVlm.Kernels;
using NanoVlm.Native;
using NanoVlm.Optimization;
using NanoVlm.Tests.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Optimization;

/// <summary>AdamW's step by each of its ways, beside the paper's arithmetic, TorchSharp's AdamW and each other.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class FusedAdamWTests
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

    /// <summary>The ways that this machine has.</summary>
    public static TheoryData<string> Ways => KernelLibrary.Loaded ? ["Native", "LibTorch", "Composite"] : ["LibTorch", "Composite"];

    private static Implementation Of(string way) => Enum.Parse<Implementation>(way);

    [Theory, MemberData(nameof(Ways))]
    public void It_follows_the_arithmetic_of_the_paper_over_groups_and_missing_gradients(string way)
    {
        foreach (var (dtype, tolerance) in new[] { (ScalarType.Float64, 1e-12), (ScalarType.Float32, 2e-6) })
        {
            using var scope = NewDisposeScope();
            var (a, b) = (nn.Parameter(tensor(new[] { 1.0, -2 }, dtype)), nn.Parameter(tensor(new[] { 3.0 }, dtype)));
            var c = nn.Parameter(tensor(5.0, dtype));
            using var optimizer = new FusedAdamW(
            [
                new AdamW.ParamGroup { Parameters = [a], Options = new AdamW.Options { weight_decay = 0.1 } },
                new AdamW.ParamGroup([b, c], lr: 0.05, beta1: 0.8, beta2: 0.95),
            ], lr: 0.01, eps: 1e-6)
            { Implementation = Of(way) };
            Reference[] references =
                [new(1, 0.01, 0.1, eps: 1e-6), new(-2, 0.01, 0.1, eps: 1e-6), new(3, 0.05, 0, 0.8, 0.95), new(5, 0.05, 0, 0.8, 0.95)];
            for (var step = 0; step < 20; step++)
            {
                double Gradient(int i) => Math.Sin(step * 1.7 + i) * (i + 1);
                a.grad = tensor(new[] { Gradient(0), Gradient(1) }, dtype);
                b.grad = tensor(new[] { Gradient(2) }, dtype);
                c.grad = step % 3 == 1 ? null : tensor(Gradient(3), dtype);
                if (step == 10)
                {
                    foreach (var group in optimizer.ParamGroups) group.LearningRate /= 2;
                    foreach (var reference in references) reference.Rate /= 2;
                }
                optimizer.step();
                for (var i = 0; i < 4; i++)
                    if (i < 3 || step % 3 != 1) references[i].Step(Gradient(i));
            }
            AssertClose([.. references.Select(reference => reference.Value)], [.. Numbers(a), .. Numbers(b), .. Numbers(c)], tolerance);
            Assert.Equal((20L, 20L, 13L), (optimizer.StateOf(a)!.step, optimizer.StateOf(b)!.step, optimizer.StateOf(c)!.step));
            Assert.Equal(0.05, optimizer.ParamGroups.Last().InitialLearningRate);
            Assert.Equal(3, optimizer.parameters().Count());
        }
    }

    [Theory, MemberData(nameof(Ways))]
    public void It_is_TorchSharps_AdamW_with_and_without_a_scale_on_the_gradients(string way)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        // Sizes within a vector, beside it, and of several of the kernel's blocks.
        Tensor[] starts = [.. new long[][] { [], [1], [7], [33, 21], [3, 40_000] }.Select(shape => randn(shape, generator: generator))];
        Parameter[] Make() => [.. starts.Select(start => nn.Parameter(start.clone()))];
        var (ours, theirs) = (Make(), Make());
        using var optimizer = new FusedAdamW(ours, lr: 0.01, beta2: 0.95, weight_decay: 0.1) { Implementation = Of(way) };
        using var expected = optim.AdamW(theirs, lr: 0.01, beta2: 0.95, weight_decay: 0.1);
        for (var step = 0; step < 12; step++)
        {
            var scale = step % 2 == 0 ? 1 : 0.3;
            foreach (var (one, other) in ours.Zip(theirs))
            {
                var gradient = randn(one.shape, generator: generator);
                (one.grad, other.grad) = (gradient.clone(), gradient * scale);
            }
            optimizer.step(scale);
            expected.step();
        }
        foreach (var (one, other) in ours.Zip(theirs)) AssertClose(Numbers(other), Numbers(one), 2e-6);
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_graph_from_before_a_step_is_refused_after_it(string way)
    {
        using var scope = NewDisposeScope();
        var weight = nn.Parameter(ones(3));
        using var optimizer = new FusedAdamW([weight]) { Implementation = Of(way) };
        var loss = weight.square().sum();
        weight.grad = ones(3);
        optimizer.step();
        Assert.Contains("modified by an inplace operation", Assert.Throws<ExternalException>(() => loss.backward()).Message);
    }

    [Theory, MemberData(nameof(Ways))]
    public void Restored_state_continues_bit_for_bit(string way)
    {
        using var scope = NewDisposeScope();
        var (straight, resumed) = (nn.Parameter(ones(9)), nn.Parameter(ones(9)));
        using var first = new FusedAdamW([straight], lr: 0.1, weight_decay: 0.01) { Implementation = Of(way) };
        using var before = new FusedAdamW([resumed], lr: 0.1, weight_decay: 0.01) { Implementation = Of(way) };
        using var after = new FusedAdamW([resumed], lr: 0.1, weight_decay: 0.01) { Implementation = Of(way) };
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
        Assert.Equal(Numbers(straight), Numbers(resumed));
        Assert.Throws<ArgumentException>(() => after.LoadState(straight, 1, zeros(9), zeros(9)));
        Assert.Throws<ArgumentException>(() => after.LoadState(resumed, 1, zeros(3), zeros(9)));
    }

    [Theory, MemberData(nameof(Ways))]
    public void Moments_in_bfloat16_are_half_as_large_and_lead_to_almost_the_same_place(string way)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var start = randn(40, 25, generator: generator);
        var (wide, narrow) = (nn.Parameter(start.clone()), nn.Parameter(start.clone()));
        using var exact = new FusedAdamW([wide], lr: 0.01, beta2: 0.99, weight_decay: 0.1) { Implementation = Of(way) };
        using var rounded = new FusedAdamW([narrow], lr: 0.01, beta2: 0.99, weight_decay: 0.1)
        {
            Implementation = Of(way),
            StateDtype = bfloat16,
        };
        for (var step = 0; step < 100; step++)
        {
            var noise = randn(40, 25, generator: generator) * 0.3;
            (wide.grad, narrow.grad) = (wide.detach() - 1 + noise, narrow.detach() - 1 + noise);
            exact.step();
            rounded.step();
        }
        var moments = rounded.StateOf(narrow)!;
        Assert.Equal((bfloat16, bfloat16, float32), (moments.exp_avg.dtype, moments.exp_avg_sq.dtype, narrow.dtype));
        var (moved, apart) = ((wide - start).detach().norm().ToDouble(), (wide - narrow).detach().norm().ToDouble());
        Assert.InRange(apart / moved, 1e-5, 0.01);
        using var after = new FusedAdamW([narrow]) { Implementation = Of(way), StateDtype = ScalarType.BFloat16 };
        after.LoadState(narrow, 100, moments.exp_avg, moments.exp_avg_sq);
        Assert.Equal(Numbers(moments.exp_avg_sq), Numbers(after.StateOf(narrow)!.exp_avg_sq));
    }

    [Theory, MemberData(nameof(Ways))]
    public void Parameters_and_gradients_that_are_not_contiguous_are_stepped_alike(string way)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var start = randn(33, 21, generator: generator);
        Parameter[] parameters = [nn.Parameter(start.clone()), nn.Parameter(start.clone()), nn.Parameter(start.t().clone().t())];
        foreach (var moments in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            using var optimizer = new FusedAdamW(parameters, beta2: 0.99) { Implementation = Of(way), StateDtype = moments };
            for (var step = 0; step < 10; step++)
            {
                var gradient = randn(33, 21, generator: generator);
                (parameters[0].grad, parameters[1].grad, parameters[2].grad) = (gradient, gradient.t().clone().t(), gradient.clone());
                optimizer.step();
            }
            var (first, last) = (optimizer.StateOf(parameters[0])!, optimizer.StateOf(parameters[2])!);
            Assert.Equal(Numbers(parameters[0]), Numbers(parameters[1]));
            AssertClose(Numbers(parameters[0]), Numbers(parameters[2]), 2e-5);
            AssertClose(Numbers(first.exp_avg), Numbers(last.exp_avg), 0.01);
        }
    }

    [Theory, MemberData(nameof(Ways))]
    public void Steps_make_the_loss_smaller_by_a_schedule_of_TorchSharps_and_keep_no_tensor(string way)
    {
        using var model = nn.Linear(3, 1);
        using var optimizer = new FusedAdamW(model.parameters(), lr: 0.05) { Implementation = Of(way) };
        var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 50);
        var losses = new List<double>();
        var live = 0L;
        for (var step = 0; step < 50; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = optimizer.step(() =>
            {
                var value = (model.call(ones(16, 3)) - 1).square().mean();
                value.backward();
                return value;
            });
            schedule.step();
            losses.Add(loss!.ToDouble());
            if (step == 1) live = Tensor.TotalCount;
            else if (step > 1) Assert.Equal(live, Tensor.TotalCount);
        }
        Assert.True(losses[^1] < losses[0] / 2, $"{losses[0]} to {losses[^1]}");
        Assert.Equal(0, optimizer.ParamGroups.Single().LearningRate, 1e-9);
        using var last = NewDisposeScope();
        optimizer.zero_grad();
        Assert.Equal([0], Numbers(model.bias!.grad!));
    }

    [Fact]
    public void Wrong_uses_are_named()
    {
        using var scope = NewDisposeScope();
        var weight = nn.Parameter(ones(2));
        Assert.Throws<ArgumentException>(() => new FusedAdamW([weight, weight]));
        var other = Assert.Throws<ArgumentException>(() => new FusedAdamW([new AdamW.ParamGroup([weight], amsgrad: true)]));
        Assert.Contains("amsgrad", other.Message);
        using var model = nn.Linear(2, 2);
        using var optimizer = new FusedAdamW(model.parameters());
        model.to(ScalarType.Float64);
        Assert.Contains("moved or converted", Assert.Throws<InvalidOperationException>(() => optimizer.step()).Message);
    }

    private sealed class Failing : AutogradFunction
    {
        internal Tensor Of(Tensor input) => Apply(input)[0];

        protected override Tensor[] Forward(Tensor?[] inputs) => [inputs[0]!.clone()];

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved) =>
            throw new InvalidOperationException("no gradient today");
    }

    [Fact]
    public void A_backward_that_failed_here_is_told_before_anything_changes()
    {
        using var scope = NewDisposeScope();
        var (one, other) = (nn.Parameter(ones(2)), nn.Parameter(ones(2)));
        using var optimizer = new FusedAdamW([one, other]);
        foreach (var told in new Action[] { () => optimizer.step(), () => GradientNorm.Measure([one, other]) })
        {
            (new Failing().Of(one) + other).sum().backward();
            Assert.Equal("no gradient today", Assert.Throws<InvalidOperationException>(told).Message);
            Assert.Equal([1, 1], Numbers(other));
        }
        optimizer.step();
    }

    [Fact]
    public void The_norm_is_that_of_all_gradients_of_any_dtype_and_layout()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        Parameter[] parameters =
        [
            nn.Parameter(zeros(3, 40_000)), nn.Parameter(zeros(21, 33)), nn.Parameter(zeros(5, dtype: bfloat16)),
            nn.Parameter(zeros(5, dtype: float64)), nn.Parameter(zeros(2)),
        ];
        Assert.Equal(0, GradientNorm.Measure(parameters));
        foreach (var parameter in parameters[..4]) parameter.grad = randn(parameter.shape, generator: generator).to(parameter.dtype);
        parameters[1].grad = randn(33, 21, generator: generator).t();
        var expected = Math.Sqrt(parameters[..4].Sum(parameter => parameter.grad!.to(ScalarType.Float64).square().sum().ToDouble()));
        Assert.Equal(expected, GradientNorm.Measure(parameters), expected * 1e-6);
        using (no_grad()) parameters[0].grad!.narrow(1, 7, 1).fill_(double.NaN);
        Assert.True(double.IsNaN(GradientNorm.Measure(parameters)));
    }

    private static double[] Numbers(Tensor tensor)
    {
        using var wide = tensor.detach().to(ScalarType.Float64, copy: true);
        return wide.data<double>().ToArray();
    }

    private static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            var near = Math.Abs(expected[i] - actual[i]) <= tolerance * (1 + Math.Abs(expected[i]));
            Assert.True(near, $"value {i} is {actual[i]:R}, expected {expected[i]:R}");
        }
    }
}
