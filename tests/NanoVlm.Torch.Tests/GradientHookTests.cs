using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name)]
[ChecksLeaks]
public sealed class GradientHookTests
{
    [Fact]
    public void A_hook_sees_the_whole_gradient_of_each_backward_until_it_is_removed()
    {
        using var scope = NewDisposeScope();
        var x = ones(2).requires_grad_();
        var seen = new List<double>();
        using (x.register_post_accumulate_grad_hook(leaf => seen.Add(leaf.grad!.sum().ToDouble())))
        {
            (x * 3 + x).sum().backward(); // used twice, told once
            x.sum().backward();
        }
        x.sum().backward();
        Assert.Equal([8, 10], seen);
    }

    [Fact]
    public void A_hook_may_replace_the_gradient_by_a_view()
    {
        using var scope = NewDisposeScope();
        var x = ones(2).requires_grad_();
        var (bucket, calls) = (zeros(6), 0);
        var view = bucket.narrow(0, 2, 2);
        using var hook = x.register_post_accumulate_grad_hook(leaf =>
        {
            if (leaf.grad!.Handle == view.Handle) return;
            calls++;
            view.copy_(leaf.grad);
            leaf.grad = view;
        });
        (x * 2).sum().backward();
        (x * 3).sum().backward(); // adds in place
        Assert.Equal([0, 0, 5, 5, 0, 0], bucket.data<float>().ToArray());
        Assert.Equal(1, calls);
    }

    [Fact]
    public void An_exception_of_a_hook_comes_out_of_backward()
    {
        using var scope = NewDisposeScope();
        var x = ones(2).requires_grad_();
        using var hook = x.register_post_accumulate_grad_hook(_ => throw new InvalidOperationException("no bucket for x"));
        Assert.Contains("no bucket for x", Assert.Throws<ExternalException>(() => x.sum().backward()).Message);
    }

    [Fact]
    public void A_tensor_without_a_gradient_of_its_own_takes_no_hook()
    {
        using var scope = NewDisposeScope();
        var x = ones(2).requires_grad_();
        Assert.Contains("leaf", Assert.Throws<ExternalException>(() => (x * 2).register_post_accumulate_grad_hook(_ => { })).Message);
        Assert.Contains("leaf", Assert.Throws<ExternalException>(() => ones(2).register_post_accumulate_grad_hook(_ => { })).Message);
    }
}
