using NanoVlm.Optimization;
using NanoVlm.Training.Distributed;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training.Tests.Distributed;

/// <summary>What the ranks of the tests do; a scenario fails by an exception.</summary>
internal static class Scenarios
{
    internal static readonly IReadOnlyDictionary<string, Action<RankGroup>> All = new Dictionary<string, Action<RankGroup>>
    {
        ["collectives"] = TensorsTogether,
        ["gradients"] = ranks => Gradients(ranks, [1]),
        ["accumulation"] = ranks => Gradients(ranks, [1, 1, 1]),
        ["text-only"] = TextOnly,
        ["shards"] = Shards,
        ["sums"] = Sums,
        ["killed"] = ranks => Steps(ranks, (step, rank) => { if ((step, rank) == (5, 1)) RankProgram.Raise(9); }),
        ["first-killed"] = ranks => Steps(ranks, (step, rank) => { if ((step, rank) == (5, 0)) RankProgram.Raise(9); }),
        ["frozen"] = ranks => Steps(ranks, (step, rank) => { if ((step, rank) == (5, 1)) RankProgram.Raise(19); }),
        ["first-frozen"] = ranks => Steps(ranks, (step, rank) => { if ((step, rank) == (5, 0)) RankProgram.Raise(19); }),
        ["hanging"] = ranks => Steps(ranks, (step, rank) => { if ((step, rank) == (5, 1)) Thread.Sleep(Timeout.Infinite); }),
        ["failing"] = ranks => Steps(ranks, (step, rank) =>
        {
            if ((step, rank) == (5, 1)) throw new InvalidOperationException("the data of step 5 is gone");
        }),
        ["busy"] = Busy,
        ["diverged"] = Diverged,
        ["disagreeing"] = ranks => ranks.Agree("configuration", ranks.Rank == 2 ? "b" : "a"),
        ["long"] = ranks => Steps(ranks, (_, _) => Thread.Sleep(10), 1_000_000),
    };

    private static void Check(bool holds, string what)
    {
        if (!holds) throw new InvalidOperationException(what);
    }

    private static void Steps(RankGroup ranks, Action<int, int> each, int count = 10)
    {
        for (var step = 0; step < count; step++)
        {
            each(step, ranks.Rank);
            ranks.Sum("labels", 1);
            if (step == 5) Console.Error.WriteLine($"rank {ranks.Rank} is at work as {Environment.ProcessId}");
        }
    }

    private static void TensorsTogether(RankGroup ranks)
    {
        using var scope = NewDisposeScope();
        var (rank, size) = (ranks.Rank, ranks.Size);
        ScalarType[] dtypes = [ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float16, ScalarType.Int64];
        foreach (var dtype in dtypes)
        {
            var mine = full([3, 5], rank + 1, dtype: dtype);
            Run(mine, group => group.AllReduce(mine));
            Same(mine, size * (size + 1) / 2);
            var sent = full([2, 2], rank, dtype: dtype);
            Run(sent, group => group.Broadcast(sent, size - 1));
            Same(sent, size - 1);
            var (part, all) = (full([4], rank * 10, dtype: dtype), zeros([size, 4], dtype: dtype));
            Run(part, group => group.AllGather(part, all));
            for (var other = 0; other < size; other++) Same(all[other], other * 10);
        }
        // More than gloo sends at once, with a rest, and nothing at all.
        var large = arange(3_000_001, dtype: ScalarType.Float32);
        var truth = large * size;
        Run(large, group => group.AllReduce(large));
        Check((large == truth).all().ToBoolean(), "a large sum");
        var nothing = empty(0);
        Run(nothing, group => group.AllReduce(nothing));
        var flags = tensor(new[] { rank == 1, rank == 0 });
        Run(flags, group => group.Broadcast(flags, 1));
        Check(flags[0].ToBoolean() && !flags[1].ToBoolean(), "broadcast of bool");
        // bfloat16 is summed in float32: 1 would be lost beside 256 ranks' worth of it.
        var rounded = tensor(rank == 0 ? 256f : 1f, ScalarType.BFloat16).view(1);
        Run(rounded, group => group.AllReduce(rounded));
        Same(rounded, size == 3 ? 258 : 256);
        // Several at once, waited for in order.
        var many = Enumerable.Range(0, 20).Select(i => full([1000], i + rank)).ToArray();
        var sums = many.Select(one => ranks.Start("collective", one, group => group.AllReduce(one))).ToArray();
        foreach (var sum in sums) ranks.Wait(sum);
        for (var i = 0; i < many.Length; i++) Same(many[i], i * size + size * (size - 1) / 2);
        try
        {
            var crooked = zeros(4, 4).t();
            Run(crooked, group => group.AllReduce(crooked));
            Check(false, "a transposed tensor was reduced");
        }
        catch (ArgumentException error)
        {
            Check(error.Message.Contains("contiguous", StringComparison.Ordinal), error.Message);
        }

        void Run(Tensor about, Func<Collectives, Collectives.Work> start) => ranks.Wait(ranks.Start("collective", about, start));
        static void Same(Tensor found, double expected)
        {
            var off = (found.to(ScalarType.Float64) - expected).abs().max().ToDouble();
            Check(off == 0, $"{found}: expected {expected}, found {found.view(-1)[0].ToDouble()}");
        }
    }

    private static void Sums(RankGroup ranks)
    {
        Span<double> values = [ranks.Rank, 1L << 50];
        ranks.Sum("values", values);
        Check(values[0] == ranks.Size * (ranks.Size - 1) / 2 && values[1] == ranks.Size * (double)(1L << 50), "sums");
        Check(ranks.Any("stop", ranks.Rank == 1) && !ranks.Any("stop", false), "any");
        Check(ranks.Gather("rows", [ranks.Rank, 7])[1].SequenceEqual([1, 7]), "gather");
        ranks.Agree("configuration", "the same");
    }

    // A model with all that is awkward: a tied weight, a frozen one, one that rank 1 alone uses, one that nobody uses.
    private sealed class Awkward : IDisposable
    {
        internal readonly (string Name, Parameter Value)[] All;

        internal Awkward(int seed = 0)
        {
            manual_seed(seed);
            (string Name, long[] Shape)[] shapes =
                [("tied", [8, 8]), ("matrix", [8, 8]), ("bias", [8]), ("frozen", [8]), ("seldom", [8]), ("never", [8]), ("last", [8, 8])];
            All = [.. shapes.Select(one => (one.Name, new Parameter(randn(one.Shape).mul(0.5f)).Also(p => p.DetachFromDisposeScope())))];
            this["frozen"].requires_grad = false;
        }

        internal Parameter this[string name] => All.Single(entry => entry.Name == name).Value;

        internal IEnumerable<(string, Parameter)> Named => All.Append(("tied again", this["tied"]));

        internal Tensor Loss(Tensor input, bool seldom)
        {
            var hidden = (input.matmul(this["tied"]) + this["bias"] + this["frozen"]).tanh();
            hidden = hidden.matmul(this["matrix"]).tanh().matmul(this["tied"].t());
            if (seldom) hidden *= this["seldom"];
            return hidden.matmul(this["last"]).pow(2).sum();
        }

        internal void ForgetGradients()
        {
            foreach (var (_, parameter) in All) parameter.grad = null;
        }

        public void Dispose()
        {
            foreach (var (_, parameter) in All) parameter.Dispose();
        }
    }

    private static T Also<T>(this T value, Action<T> action)
    {
        action(value);
        return value;
    }

    // The gradients of a global batch, several steps, each of several micro-batches: against those of one process that has it all.
    private static void Gradients(RankGroup ranks, int[] microBatches)
    {
        using var scope = NewDisposeScope();
        using var model = new Awkward();
        using var alone = new Awkward();
        using var reducer = new GradientReducer(ranks, model.Named, aloneBytes: 200, bucketBytes: 50);
        for (var step = 0; step < 4; step++)
        {
            using var inner = NewDisposeScope();
            model.ForgetGradients();
            alone.ForgetGradients();
            manual_seed(100 + step);
            var data = randn(ranks.Size, microBatches.Length, 6, 8);
            for (var rank = 0; rank < ranks.Size; rank++)
                for (var i = 0; i < microBatches.Length; i++) alone.Loss(data[rank, i], seldom: rank == 1 && step != 2).backward();
            for (var i = 0; i < microBatches.Length; i++)
            {
                var last = i + 1 == microBatches.Length;
                model.Loss(data[ranks.Rank, i], seldom: ranks.Rank == 1 && step != 2).backward();
                if (last) continue;
                using var own = new Awkward();
                for (var j = 0; j <= i; j++) own.Loss(data[ranks.Rank, j], seldom: false).backward();
                var isOwn = Distance(model["last"].grad!, own["last"].grad!) < 1e-5;
                Check(isOwn || ranks.Rank == 1, $"step {step}: gradients were summed before the last micro-batch");
            }
            reducer.Sum();
            foreach (var (name, parameter) in model.All)
            {
                var (found, expected) = (parameter.grad, alone[name].grad);
                Check(found is null == expected is null, $"step {step}, {name}: {(found is null ? "no gradient" : "a gradient")}");
                if (found is null) continue;
                Check(Distance(found, expected!) < 1e-5, $"step {step}, {name}: off by {Distance(found, expected!)}");
            }
            var unused = model["never"].grad is null && model["frozen"].grad is null;
            Check(unused && (model["seldom"].grad is null) == (step == 2), "gradients of what was not used");
        }

        static double Distance(Tensor a, Tensor b) => ((a - b).abs().max() / (b.abs().max() + 1e-9)).ToDouble();
    }

    // A first batch without images teaches the reducer nothing wrong about the batches after it.
    private static void TextOnly(RankGroup ranks)
    {
        using var scope = NewDisposeScope();
        using var model = new Awkward();
        using var reducer = new GradientReducer(ranks, model.Named, aloneBytes: 1000, bucketBytes: 600);
        for (var step = 0; step < 3; step++)
        {
            model.ForgetGradients();
            model.Loss(ones(2, 8), seldom: step > 0).backward();
            reducer.Sum();
            Check(model["seldom"].grad is null == (step == 0), $"step {step}: seldom");
        }
        LeakFree(() =>
        {
            using var inner = NewDisposeScope();
            model.ForgetGradients();
            model.Loss(ones(2, 8), seldom: true).backward();
            reducer.Sum();
            model.ForgetGradients();
        });

        static void LeakFree(Action action)
        {
            action();
            var before = Tensor.TotalCount;
            for (var i = 0; i < 3; i++) action();
            Check(Tensor.TotalCount == before, $"{Tensor.TotalCount - before} tensors leaked");
        }
    }

    private static void Shards(RankGroup ranks)
    {
        using var scope = NewDisposeScope();
        using var model = new Awkward();
        using var alone = new Awkward();
        var (groups, whole) = (Groups(model), Groups(alone));
        var shards = ParameterShards.Split(ranks, groups);
        using var optimizer = new FusedAdamW(groups);
        using var plain = new FusedAdamW(whole);
        Check(optimizer.parameters().Count() < plain.parameters().Count(), "nothing was shared out");
        for (var step = 0; step < 5; step++)
        {
            manual_seed(step);
            var input = randn(6, 8);
            foreach (var which in new[] { model, alone })
            {
                which.ForgetGradients();
                which.Loss(input, seldom: step > 1).backward();
            }
            optimizer.step();
            shards.Share();
            plain.step();
        }
        foreach (var (name, parameter) in model.All)
            Check(parameter.bytes.SequenceEqual(alone[name].bytes), $"{name} differs from an unshared step");
        ParameterChecksum.Compare(ranks, model.All.Select(entry => (entry.Name, (Tensor)entry.Value)), 5);

        // The checkpoint is one process's, to the last bit, and goes into any number of ranks.
        var names = model.All.ToDictionary(entry => entry.Value, entry => entry.Name);
        var gathered = new List<string>();
        shards.Gather(optimizer, (parameter, state) =>
        {
            var expected = plain.StateOf(alone[names[parameter]])!;
            var first = state.exp_avg.bytes.SequenceEqual(expected.exp_avg.bytes);
            var second = state.exp_avg_sq.bytes.SequenceEqual(expected.exp_avg_sq.bytes);
            Check(state.step == expected.step && first && second, $"moments of {names[parameter]}");
            gathered.Add(names[parameter]);
        });
        string[] trained = ["bias", "last", "matrix", "seldom", "tied"];
        Check(gathered.Order().SequenceEqual(ranks.IsFirst ? trained : []), $"gathered {string.Join(", ", gathered)}");
        using var resumed = new FusedAdamW(Groups(model).Also(all => ParameterShards.Split(ranks, all)));
        foreach (var (name, parameter) in model.All)
            if (resumed.parameters().Contains(parameter) && plain.StateOf(alone[name]) is { } state)
                resumed.LoadState(parameter, state.step, state.exp_avg, state.exp_avg_sq);

        static AdamW.ParamGroup[] Groups(Awkward model) =>
        [
            new(model.All.Where(entry => entry.Value.Dimensions > 1).Select(entry => entry.Value), lr: 1e-2, weight_decay: 0.1),
            new(model.All.Where(entry => entry.Value.Dimensions == 1 && entry.Value.requires_grad).Select(entry => entry.Value), lr: 1e-3),
        ];
    }

    // Rank 0 works alone for longer than a hang takes to be found, and says so.
    private static void Busy(RankGroup ranks)
    {
        ranks.Barrier("start");
        var end = DateTime.UtcNow + RankProgram.Times.Hang * 1.5;
        while (ranks.IsFirst && DateTime.UtcNow < end)
        {
            Thread.Sleep(20);
            ranks.Busy();
        }
        ranks.Barrier("evaluation");
    }

    private static void Diverged(RankGroup ranks)
    {
        using var model = new Awkward();
        (string, Tensor)[] weights = [.. model.All.Select(entry => (entry.Name, (Tensor)entry.Value))];
        ParameterChecksum.Compare(ranks, weights, 1);
        using (no_grad())
            if (ranks.Rank == 2) model["matrix"].view(-1)[5].add_(1e-6);
        ParameterChecksum.Compare(ranks, weights, 2);
    }
}
