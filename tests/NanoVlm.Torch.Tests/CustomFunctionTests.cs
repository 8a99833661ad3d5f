using System.Runtime.InteropServices;
using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class CustomFunctionTests
{
    // y = k x^3, saving the input and the output.
    private sealed class Cube : SingleTensorFunction<Cube>
    {
        public override string Name => nameof(Cube);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            Assert.False(is_grad_enabled());
            var (x, k) = ((Tensor)vars[0], (double)vars[1]);
            using var square = x * x;
            using var cube = square * x;
            var y = cube * k;
            ctx.save_for_backward([x, y]);
            ctx.save_data("k", k);
            return y;
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
        {
            var saved = ctx.get_saved_variables();
            Assert.Equal(3.0, (double)ctx.get_data("k"));
            return [grad_output * 3 * saved[1] / saved[0], null!]; // 3 k x^2 = 3 y / x
        }
    }

    // Two outputs and one that has no gradient.
    private sealed class Parts : MultiTensorFunction<Parts>
    {
        internal static bool Materialize = true;
        internal static readonly List<bool> Missing = [];

        public override string Name => nameof(Parts);

        public override List<Tensor> forward(AutogradContext ctx, params object[] vars)
        {
            var x = (Tensor)vars[0];
            var place = x.argmax();
            ctx.set_materialize_grads(Materialize);
            ctx.mark_non_differentiable([place]);
            return [x * 2, x * 5, place];
        }

        public override List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs)
        {
            Missing.AddRange(grad_outputs.Select(gradient => gradient is null));
            var sum = zeros(2, float64);
            if (grad_outputs[0] is not null) sum = sum + grad_outputs[0] * 2;
            if (grad_outputs[1] is not null) sum = sum + grad_outputs[1] * 5;
            return [sum];
        }
    }

    private sealed class Failing : SingleTensorFunction<Failing>
    {
        public override string Name => nameof(Failing);
        public override Tensor forward(AutogradContext ctx, params object[] vars) => ((Tensor)vars[0]).clone();
        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => throw new InvalidDataException("the reason of the failure");
    }

    private sealed class WrongShape : SingleTensorFunction<WrongShape>
    {
        public override string Name => nameof(WrongShape);
        public override Tensor forward(AutogradContext ctx, params object[] vars) => ((Tensor)vars[0]).clone();
        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output.matmul(zeros(7, 7, float64))];
    }

    private sealed class TooFew : SingleTensorFunction<TooFew>
    {
        public override string Name => nameof(TooFew);
        public override Tensor forward(AutogradContext ctx, params object[] vars) => (Tensor)vars[0] * (Tensor)vars[1];
        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output];
    }

    private sealed class DoubleInPlace : SingleTensorFunction<DoubleInPlace>
    {
        public override string Name => nameof(DoubleInPlace);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            var x = ((Tensor)vars[0]).mul_(2);
            ctx.mark_dirty([x]);
            return x;
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output * 2];
    }

    private sealed class PassThrough : SingleTensorFunction<PassThrough>
    {
        public override string Name => nameof(PassThrough);
        public override Tensor forward(AutogradContext ctx, params object[] vars) => (Tensor)vars[0];
        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output * 10];
    }

    // Activation checkpointing: forward keeps the input only; backward runs the block again.
    private sealed class Checkpoint : MultiTensorFunction<Checkpoint>
    {
        public override string Name => nameof(Checkpoint);

        public override List<Tensor> forward(AutogradContext ctx, params object[] vars)
        {
            var inputs = vars.Skip(1).Cast<Tensor>().ToList();
            ctx.save_data("block", vars[0]);
            ctx.save_for_backward(inputs);
            using var scope = NewDisposeScope();
            return [((Func<Tensor[], Tensor>)vars[0])([.. inputs]).MoveToOuterDisposeScope()];
        }

        public override List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs)
        {
            var inputs = ctx.get_saved_variables().Select(tensor => tensor.detach().requires_grad_()).ToArray();
            using (enable_grad())
            {
                var output = ((Func<Tensor[], Tensor>)ctx.get_data("block"))(inputs);
                autograd.backward([output], [grad_outputs[0]]);
            }
            return [null!, .. inputs.Select(input => input.grad!)];
        }
    }

    [Fact]
    public void Saved_inputs_and_outputs_reach_backward()
    {
        using var scope = NewDisposeScope();
        var x = Of(1, -2).requires_grad_();
        var y = Cube.apply(x, 3.0);
        AssertValues(y, 3, -24);
        Assert.False(y.is_leaf);
        y.sum().backward();
        AssertValues(x.grad!, 9, 36);
    }

    [Fact]
    public void Functions_release_what_they_saved()
    {
        using var x = Of(1, 2).requires_grad_();
        void Step(bool backward)
        {
            using var scope = NewDisposeScope();
            var y = Cube.apply(x, 3.0).sum();
            if (backward) y.backward();
            x.grad = null;
        }
        Step(true);
        var before = Tensor.TotalCount;
        for (var i = 0; i < 200; i++) Step(i % 2 == 0);
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void A_second_backward_says_that_the_saved_tensors_are_gone()
    {
        using var scope = NewDisposeScope();
        var x = Of(1).requires_grad_();
        var y = Cube.apply(x, 3.0).sum();
        y.backward(retain_graph: true);
        y.backward();
        AssertValues(x.grad!, 18);
        Assert.Throws<ExternalException>(() => y.backward());
    }

    [Fact]
    public void Outputs_without_gradients_give_zeros_or_null_as_asked()
    {
        foreach (var materialize in new[] { true, false })
        {
            using var scope = NewDisposeScope();
            Parts.Materialize = materialize;
            Parts.Missing.Clear();
            var x = Of(1, 2).requires_grad_();
            var outputs = Parts.apply(x);
            Assert.Equal((true, true, false), (outputs[0].requires_grad, outputs[1].requires_grad, outputs[2].requires_grad));
            Assert.Equal(1, outputs[2].ToInt64());
            outputs[0].sum().backward();
            AssertValues(x.grad!, 2, 2);
            Assert.Equal(!materialize, Parts.Missing[1]);
        }
    }

    [Fact]
    public void Without_gradients_a_function_is_only_its_forward()
    {
        using var scope = NewDisposeScope();
        var x = Of(2);
        Assert.False(Cube.apply(x, 3.0).requires_grad);
        x.requires_grad_();
        using var mode = no_grad();
        Assert.False(Cube.apply(x, 3.0).requires_grad);
    }

    [Fact]
    public void An_exception_in_backward_reaches_the_caller_with_its_message()
    {
        using var scope = NewDisposeScope();
        var x = Of(2).requires_grad_();
        var error = Assert.Throws<ExternalException>(() => Failing.apply(x).sum().backward());
        Assert.Contains("the reason of the failure", error.Message);
        Assert.Contains(nameof(InvalidDataException), error.Message);
        error = Assert.Throws<ExternalException>(() => autograd.grad([Failing.apply(x).sum()], [x]));
        Assert.Contains("the reason of the failure", error.Message);
        (x * x).sum().backward(); // the engine still works
        AssertValues(x.grad!, 4);
    }

    [Fact]
    public void A_wrong_shape_inside_backward_is_an_exception_with_operator_and_shapes()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3, float64).requires_grad_();
        var error = Assert.Throws<ExternalException>(() => WrongShape.apply(x).sum().backward());
        Assert.Contains("cannot be multiplied", error.Message);
        Assert.Contains("aten::matmul(Double[2, 3], Double[7, 7])", error.Message);
    }

    [Fact]
    public void A_missing_gradient_is_an_error_that_counts_them()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Of(1).requires_grad_(), Of(2).requires_grad_());
        Assert.Contains("1 gradients for 2 arguments", Assert.Throws<ExternalException>(() => TooFew.apply(a, b).sum().backward()).Message);
    }

    [Fact]
    public void A_function_may_change_its_input_in_place_or_return_it()
    {
        using var scope = NewDisposeScope();
        var x = Of(1, 2).requires_grad_();
        var inner = x * 1;
        var result = DoubleInPlace.apply(inner);
        AssertValues(inner, 2, 4);
        (result * 3).sum().backward();
        AssertValues(x.grad!, 6, 6);
        x.grad = null;
        var same = PassThrough.apply(x);
        Assert.NotSame(x, same);
        same.sum().backward();
        AssertValues(x.grad!, 10, 10);
    }

    [Fact]
    public void Recomputing_a_block_in_backward_gives_the_same_gradients()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var x = randn(3, 4, float64, generator: generator).requires_grad_();
        var w = randn(4, 4, float64, generator: generator).requires_grad_();
        Func<Tensor[], Tensor> block = inputs => inputs[0].matmul(inputs[1]).gelu().matmul(inputs[1]).softmax(-1).square();
        block([x, w]).sum().backward();
        var (direct, directWeight) = (x.grad!.clone(), w.grad!.clone());
        (x.grad, w.grad) = (null, null);
        var output = Checkpoint.apply(block, Checkpoint.apply(block, x, w)[0], w)[0];
        output.sum().backward();
        var (twice, twiceWeight) = (x.grad!.clone(), w.grad!.clone());
        (x.grad, w.grad) = (null, null);
        block([block([x, w]), w]).sum().backward();
        Assert.Equal(x.grad!.ToDoubles(), twice.ToDoubles());
        AssertClose(w.grad!.ToDoubles(), twiceWeight.ToDoubles(), 1e-14);
        (x.grad, w.grad) = (null, null);
        Checkpoint.apply(block, x, w)[0].sum().backward();
        Assert.Equal(direct.ToDoubles(), x.grad!.ToDoubles());
        Assert.Equal(directWeight.ToDoubles(), w.grad!.ToDoubles());
    }
}
