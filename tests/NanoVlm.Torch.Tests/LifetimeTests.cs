using System.Diagnostics;
using System.Runtime.CompilerServices;
using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class LifetimeTests
{
    [Fact]
    public void A_scope_disposes_of_what_was_made_inside_it()
    {
        using var outside = ones(1);
        Tensor inside, moved, detached;
        using (var outer = NewDisposeScope())
        {
            using (var inner = NewDisposeScope())
            {
                Assert.Same(inner, CurrentDisposeScope);
                (inside, moved, detached) = (outside + 1, (outside + 2).MoveToOuterDisposeScope(), (outside + 3).DetachFromDisposeScope());
                Assert.True(inner.Contains(inside) && outer.Contains(moved) && !inner.Contains(detached));
                Assert.Equal(1, inner.DisposablesCount);
            }
            Assert.True(inside.IsInvalid);
            Assert.False(moved.IsInvalid);
            Assert.Equal([moved], outer.DisposablesView);
        }
        Assert.Null(CurrentDisposeScope);
        Assert.True(moved.IsInvalid);
        Assert.False(detached.IsInvalid || outside.IsInvalid);
        detached.Dispose();
    }

    [Fact]
    public void A_scope_hands_over_keeps_and_forgets_what_it_is_told_to()
    {
        using var outer = NewDisposeScope();
        var other = NewDisposeScope();
        var scope = NewDisposeScope();
        var (a, b, c, d) = (ones(1), ones(2), ones(3), ones(4));
        Assert.Same(a, scope.MoveToOuter(a));
        Assert.Equal((b, c), scope.MoveToOuter(b, c));
        Assert.Equal(3, other.DisposablesCount);
        scope.Attach(a);
        Assert.True(scope.Contains(a) && !other.Contains(a));
        Assert.Same(d, scope.DisposeEverythingBut(d));
        Assert.True(a.IsInvalid && !d.IsInvalid);
        scope.DisposeEverythingBut(d, d);
        Assert.Equal(1, scope.DisposablesCount);
        scope.MoveToOther(outer, d);
        b.MoveToOtherDisposeScope(d);
        using var forgotten = ones(5);
        scope.MarkAsDisposed(forgotten);
        Assert.Equal(0, scope.DisposablesCount);
        Assert.Throws<InvalidOperationException>(() => scope.Attach(new MemoryStream()));
        other.Dispose(); // out of order: the scope inside goes with it
        Assert.Same(outer, CurrentDisposeScope);
        Assert.True(c.IsInvalid && !b.IsInvalid && !d.IsInvalid);
        scope.Dispose();
        Assert.Same(outer, CurrentDisposeScope);
        using var late = ones(1);
        scope.Attach(late); // a scope that is over owns nothing
        Assert.True(!scope.Contains(late));
        outer.DisposeEverything();
        Assert.True(b.IsInvalid && d.IsInvalid);
        using var wrapped = WrappedTensorDisposeScope(() => ones(2) + ones(2));
        Assert.Equal(1, outer.DisposablesCount);
    }

    [Fact]
    public void An_exception_does_not_keep_a_scope_open()
    {
        Tensor? made = null;
        Action failing = () =>
        {
            using var scope = NewDisposeScope();
            made = ones(1);
            throw new InvalidDataException();
        };
        Assert.Throws<InvalidDataException>(failing);
        Assert.True(made!.IsInvalid);
        Assert.Null(CurrentDisposeScope);
    }

    [Fact]
    public void Scopes_belong_to_their_thread_but_tensors_may_be_disposed_of_anywhere()
    {
        using var scope = NewDisposeScope();
        var tensors = Enumerable.Range(0, 200).Select(i => ones(1)).ToArray();
        var sawScope = true;
        var thread = new Thread(() =>
        {
            sawScope = CurrentDisposeScope is not null;
            foreach (var tensor in tensors) tensor.Dispose();
        });
        thread.Start();
        for (var i = 0; i < 200; i++) ones(1).Dispose();
        thread.Join();
        Assert.False(sawScope);
        Assert.Equal(0, scope.DisposablesCount);
    }

    [Fact]
    public void Statistics_count_what_became_of_tensors()
    {
        var counts = DisposeScopeManager.Statistics;
        counts.Reset();
        using var outside = ones(1);
        using (NewDisposeScope())
        {
            _ = ones(1);
            ones(1).DetachFromDisposeScope().Dispose();
        }
        Assert.Equal((1L, 2L, 1L, 1L), (counts.CreatedOutsideScopeCount, counts.CreatedInScopeCount, counts.DisposedInScopeCount, counts.DetachedFromScopeCount));
    }

    [Fact]
    public void Use_after_dispose_is_an_error_and_disposing_twice_is_not()
    {
        var x = ones(2);
        using var y = ones(2);
        x.Dispose();
        x.Dispose();
        Assert.True(x.IsInvalid);
        Assert.Equal("disposed tensor", x.ToString());
        foreach (var use in new Action[]
        {
            () => _ = x.shape, () => _ = x.dtype, () => _ = x + 1, () => _ = y + x, () => _ = x.Handle, () => x.backward(), () => _ = cat([y, x]), () => _ = x.grad,
            () => _ = x.data<float>(), () => _ = x.bytes.Length, () => x.DetachFromDisposeScope(), () => _ = x.device, () => x.DecoupleFromNativeHandle(), () => _ = x[0],
        })
            Assert.Throws<InvalidOperationException>(use);
        var generator = new Generator(1);
        generator.Dispose();
        generator.Dispose();
        Assert.Throws<InvalidOperationException>(() => generator.get_state());
    }

    [Fact]
    public void A_handle_can_leave_and_come_back()
    {
        var x = Of(3);
        var before = Tensor.TotalCount;
        var handle = x.DecoupleFromNativeHandle();
        Assert.Equal(before - 1, Tensor.TotalCount);
        using var back = Tensor.UnsafeCreateTensor(handle);
        Assert.True(x.IsInvalid);
        Assert.Equal(3, back.ToDouble());
    }

    [Fact]
    public void Views_keep_memory_alive_and_intermediates_may_go_before_backward()
    {
        using var x = Of(1, 2, 3).requires_grad_();
        Tensor loss;
        using (NewDisposeScope()) loss = (x * x).exp().sum().MoveToOuterDisposeScope();
        using (loss) loss.backward();
        using var gradient = x.grad!;
        Assert.Equal(2 * Math.E, gradient.data<double>()[0], 1e-12);
        var owner = Of(4, 5);
        using var view = owner[1];
        owner.Dispose();
        Assert.Equal(5, view.ToDouble());
    }

    [Fact]
    public void Finalizers_release_what_nobody_disposed_of()
    {
        var before = LeakCheck.LiveTensors();
        Forget();
        Assert.Equal(before, LeakCheck.LiveTensors());

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget()
        {
            for (var i = 0; i < 100; i++) ones(10);
        }
    }

    [Fact]
    public void Ten_thousand_training_steps_leak_neither_tensors_nor_memory()
    {
        using var generator = new Generator(2);
        using var model = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4));
        using var optimizer = optim.AdamW(model.parameters(), lr: 1e-3);
        using var x = randn(8, 16, generator: generator);
        using var y = randint(4, [8], generator: generator);
        void Step()
        {
            using var scope = NewDisposeScope();
            model.zero_grad();
            var loss = nn.functional.cross_entropy(model.call(x), y);
            loss.backward();
            nn.utils.clip_grad_norm_(model.parameters(), 1);
            optimizer.step();
        }
        var threads = get_num_threads();
        set_num_threads(1);
        Step(); // makes the gradients and the optimizer's moments
        var live = LeakCheck.LiveTensors();
        long Grown()
        {
            var before = Resident();
            for (var i = 0; i < 5000; i++) Step();
            return (Resident() - before) >> 10;
        }
        // One lost tensor a step, of some 200 bytes and its memory, would be over 1 MB in every round; the heaps of both sides,
        // which find their size, and other tests of this process grow in some rounds only.
        var rounds = new List<long>();
        do rounds.Add(Grown());
        while (rounds[^1] >= 1024 && rounds.Count < 8);
        set_num_threads(threads);
        Assert.Equal(live, Tensor.TotalCount);
        Assert.True(rounds[^1] < 1024, $"resident memory grew in every round: by {string.Join(", ", rounds)} KB");
        model.zero_grad();
    }

    [Fact]
    public void Threads_compute_independently()
    {
        var results = new double[4];
        var threads = Enumerable.Range(0, results.Length).Select(number => new Thread(() =>
        {
            for (var round = 0; round < 50; round++)
            {
                using var scope = NewDisposeScope();
                using var generator = new Generator((ulong)number);
                var w = randn(8, 8, float64, generator: generator).requires_grad_();
                var x = randn(8, 8, float64, generator: generator);
                w.matmul(x).tanh().sum().backward();
                results[number] = w.grad!.sum().ToDouble();
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        for (var number = 0; number < results.Length; number++)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)number);
            var w = randn(8, 8, float64, generator: generator).requires_grad_();
            var x = randn(8, 8, float64, generator: generator);
            w.matmul(x).tanh().sum().backward();
            Assert.Equal(w.grad!.sum().ToDouble(), results[number], 1e-12);
        }
    }

    [Fact]
    public void Peak_is_at_least_what_lives()
    {
        using var x = ones(1);
        Assert.True(Tensor.PeakCount >= Tensor.TotalCount);
        Assert.True(Tensor.TotalCount > 0);
    }

    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
