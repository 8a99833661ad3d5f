using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Sums the gradients of all ranks while the backward still runs (Li et al., "PyTorch Distributed", VLDB 2020). Parameters share buckets in the
/// reverse of their order, which is about the order their gradients come in; a bucket's sum starts when its last gradient is there. Gradients are
/// views of the buckets. The order of the buckets is fixed, so that all ranks start the same sums in the same order.
/// </summary>
/// <remarks>
/// A parameter without a gradient counts as zeros where another rank has one, and stays without where no rank has: each bucket ends in a number for
/// each of its parameters, how many ranks have a gradient for it.
/// </remarks>
public sealed class GradientReducer : IDisposable
{
    private const int Alignment = 16; // elements: a cache line of float32

    private readonly RankGroup ranks;
    private readonly List<Bucket> buckets = [];
    private readonly List<IDisposable> hooks = [];
    private int started; // buckets whose sum was started in this step
    private bool sums;

    // One parameter's place in a bucket. How often a backward reaches a parameter is learned from the backwards before.
    private sealed class Slot(string name, Parameter parameter, Tensor view)
    {
        internal readonly string Name = name;
        internal readonly Parameter Parameter = parameter;
        internal readonly Tensor View = view;
        internal int Expected, Reached;
        internal bool HasGradient;
    }

    private sealed class Bucket(Tensor whole, Tensor counts, IReadOnlyList<Slot> slots)
    {
        internal readonly Tensor Whole = whole;
        internal readonly Tensor Counts = counts;
        internal readonly IReadOnlyList<Slot> Slots = slots;
        internal RankGroup.Pending Sum;

        internal bool IsReady => Slots.All(slot => slot.Expected > 0 && slot.Reached >= slot.Expected);
    }

    /// <summary>Prepares the buckets. All ranks must train the same parameters.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="parameters">All parameters by name, in the model's order; those that need no gradient are left out, tied ones count once.</param>
    /// <param name="bucketBytes">About how large a bucket is.</param>
    /// <param name="firstBucketBytes">The first one is smaller: its sum starts early.</param>
    /// <exception cref="NanoVlmException">A rank trains other parameters; it is named.</exception>
    public GradientReducer(RankGroup ranks, IEnumerable<(string Name, Parameter Parameter)> parameters, long bucketBytes = 25 << 20, long firstBucketBytes = 1 << 20)
    {
        this.ranks = ranks;
        var trained = parameters.Where(entry => entry.Parameter.requires_grad).DistinctBy(entry => entry.Parameter.Handle).Reverse().ToArray();
        ranks.Agree("set of trained parameters", string.Join('\n', trained.Select(entry => $"{entry.Name} {entry.Parameter}")));
        var next = new List<(string, Parameter)>();
        var bytes = 0L;
        foreach (var (name, parameter) in trained)
        {
            var size = parameter.numel() * parameter.element_size();
            if (next.Count > 0 && (bytes + size > (buckets.Count == 0 ? firstBucketBytes : bucketBytes) || !Alike(next[0].Item2, parameter)))
            {
                buckets.Add(Fill(next));
                next.Clear();
                bytes = 0;
            }
            next.Add((name, parameter));
            bytes += size;
        }
        if (next.Count > 0) buckets.Add(Fill(next));
        foreach (var bucket in buckets)
            foreach (var slot in bucket.Slots) hooks.Add(slot.Parameter.register_post_accumulate_grad_hook(_ => Reached(slot)));
    }

    /// <summary>Call before each backward.</summary>
    /// <param name="sync">Whether it is the last of the step, whose gradients are summed over the ranks; before it, gradients gather on this rank alone.</param>
    public void Prepare(bool sync)
    {
        (sums, started) = (sync, 0);
        foreach (var slot in Slots) slot.Reached = 0;
    }

    /// <summary>Call after the last backward: ends when every gradient is the sum of all ranks'.</summary>
    /// <exception cref="NanoVlmException">A rank died, hangs or failed; it is named.</exception>
    public void Wait()
    {
        if (!sums) throw new InvalidOperationException("Prepare(sync: true) comes before the backward whose gradients are summed.");
        sums = false;
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        while (started < buckets.Count) Start(buckets[started]);
        foreach (var bucket in buckets)
        {
            ranks.Wait(bucket.Sum);
            var counts = bucket.Counts.to(ScalarType.Float32, CPU).data<float>().ToArray();
            foreach (var (slot, count) in bucket.Slots.Zip(counts))
            {
                if (count == 0) slot.Parameter.grad = null;
                else if (!slot.HasGradient) slot.Parameter.grad = slot.View;
            }
        }
    }

    /// <summary>Removes the hooks. Gradients stay until they are set to null.</summary>
    public void Dispose()
    {
        foreach (var hook in hooks) hook.Dispose();
        foreach (var bucket in buckets)
        {
            foreach (var slot in bucket.Slots) slot.View.Dispose();
            bucket.Counts.Dispose();
            bucket.Whole.Dispose();
        }
        hooks.Clear();
        buckets.Clear();
    }

    private IEnumerable<Slot> Slots => buckets.SelectMany(bucket => bucket.Slots);

    private void Reached(Slot slot)
    {
        if (sums && started > 0 && buckets.Take(started).Any(bucket => bucket.Slots.Contains(slot)))
            throw new NanoVlmException($"The gradient of {slot.Name} came once more after its sum over the ranks had started: the model uses the parameter in another way than in the steps before.");
        slot.Reached++;
        // The first gradient moves into the bucket; what comes after is added to it there.
        var gradient = slot.Parameter.grad!;
        if (gradient.Handle != slot.View.Handle)
        {
            slot.View.copy_(gradient);
            slot.Parameter.grad = slot.View;
        }
        if (!sums) slot.Expected = Math.Max(slot.Expected, slot.Reached);
        while (sums && started < buckets.Count && buckets[started].IsReady) Start(buckets[started]);
    }

    private void Start(Bucket bucket)
    {
        using var scope = NewDisposeScope();
        foreach (var slot in bucket.Slots)
        {
            slot.Expected = Math.Max(slot.Expected, slot.Reached);
            slot.HasGradient = slot.Parameter.grad is { } gradient && gradient.Handle == slot.View.Handle;
            if (!slot.HasGradient) slot.View.zero_();
        }
        bucket.Counts.copy_(tensor(bucket.Slots.Select(slot => slot.HasGradient ? 1f : 0f).ToArray()));
        bucket.Sum = ranks.Start("gradients", group => group.all_reduce(bucket.Whole));
        started++;
    }

    private static bool Alike(Parameter one, Parameter other) => one.dtype == other.dtype && one.device_type == other.device_type && one.device_index == other.device_index;

    private static Bucket Fill(IReadOnlyList<(string Name, Parameter Parameter)> parameters)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var starts = new List<long>();
        var end = 0L;
        foreach (var (_, parameter) in parameters)
        {
            starts.Add(end);
            end += (parameter.numel() + Alignment - 1) / Alignment * Alignment;
        }
        var (dtype, device) = (parameters[0].Parameter.dtype, parameters[0].Parameter.device);
        var whole = zeros([end + parameters.Count], dtype: dtype, device: device).DetachFromDisposeScope();
        var slots = parameters.Select((entry, i) => new Slot(entry.Name, entry.Parameter,
            whole.narrow(0, starts[i], entry.Parameter.numel()).view(entry.Parameter.shape).DetachFromDisposeScope()));
        return new Bucket(whole, whole.narrow(0, end, parameters.Count).DetachFromDisposeScope(), [.. slots]);
    }
}
