using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Sums the gradients of all ranks after a backward. Large gradients are summed where they are; small ones are copied together first,
/// because each sum has a price of its own. While one sum is under way, the next is prepared.
/// </summary>
/// <remarks>A parameter without a gradient counts as zeros where another rank has one, and stays without where no rank has.</remarks>
internal sealed class GradientReducer : IDisposable
{
    private readonly RankGroup ranks;
    private readonly Parameter[] trained;
    private readonly List<Slot> alone = [];
    private readonly List<Bucket> buckets = [];

    // A parameter by its place among all, and where its gradient goes for the sum.
    private sealed record Slot(int Index, Tensor? View);

    private sealed record Bucket(Tensor Whole, IReadOnlyList<Slot> Slots);

    /// <summary>Prepares the buckets. All ranks must train the same parameters.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="parameters">All parameters by name, in the model's order; those that need no gradient are left out, tied ones count
    /// once.</param>
    /// <param name="aloneBytes">How large a gradient is that is summed where it is.</param>
    /// <param name="bucketBytes">About how much of the smaller ones goes together.</param>
    /// <exception cref="NanoVlmException">A rank trains other parameters; it is named.</exception>
    public GradientReducer(
        RankGroup ranks, IEnumerable<(string Name, Parameter Parameter)> parameters,
        long aloneBytes = 256 << 10, long bucketBytes = 4 << 20)
    {
        this.ranks = ranks;
        var named = parameters.Where(entry => entry.Parameter.requires_grad).DistinctBy(entry => entry.Parameter.Handle).ToArray();
        ranks.Agree("set of trained parameters", string.Join('\n', named.Select(entry => $"{entry.Name} {entry.Parameter}")));
        trained = [.. named.Select(entry => entry.Parameter)];
        var small = new List<int>();
        for (var i = 0; i < trained.Length; i++)
            if (Bytes(i) >= aloneBytes) alone.Add(new Slot(i, null));
            else small.Add(i);
        foreach (var alike in small.GroupBy(i => (trained[i].dtype, trained[i].device_type, trained[i].device_index)))
        {
            var next = new List<int>();
            foreach (var i in alike)
            {
                if (next.Count > 0 && next.Sum(Bytes) + Bytes(i) > bucketBytes)
                {
                    buckets.Add(Fill(next));
                    next.Clear();
                }
                next.Add(i);
            }
            buckets.Add(Fill(next));
        }
    }

    /// <summary>Sums. Call it after the last backward of a step; until then gradients gather on each rank alone.</summary>
    /// <exception cref="NanoVlmException">A rank died, hangs or failed; it is named.</exception>
    public void Sum()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var counts = Array.ConvertAll(trained, parameter => parameter.grad is null ? 0.0 : 1);
        ranks.Sum("gradients' number", counts); // how many ranks have each
        var started = new List<(RankGroup.Pending Sum, IReadOnlyList<Slot> Slots)>();
        foreach (var slot in alone.Where(slot => counts[slot.Index] > 0))
        {
            var gradient = trained[slot.Index].grad ?? zeros_like(trained[slot.Index]);
            if (!gradient.is_contiguous()) gradient = gradient.contiguous();
            trained[slot.Index].grad = gradient;
            started.Add((Start(gradient), []));
        }
        foreach (var bucket in buckets)
        {
            foreach (var (i, view) in bucket.Slots)
                if (trained[i].grad is { } gradient) view!.copy_(gradient);
                else view!.zero_();
            started.Add((Start(bucket.Whole), bucket.Slots));
        }
        foreach (var (sum, slots) in started)
        {
            ranks.Wait(sum);
            foreach (var (i, view) in slots.Where(slot => counts[slot.Index] > 0))
                if (trained[i].grad is { } gradient) gradient.copy_(view!);
                else trained[i].grad = view!.clone();
        }
    }

    /// <summary>Frees the buckets.</summary>
    public void Dispose()
    {
        foreach (var bucket in buckets)
        {
            foreach (var slot in bucket.Slots) slot.View!.Dispose();
            bucket.Whole.Dispose();
        }
        buckets.Clear();
    }

    private long Bytes(int i) => trained[i].numel() * trained[i].element_size();

    private RankGroup.Pending Start(Tensor values) => ranks.Start("gradients", values, group => group.AllReduce(values));

    private Bucket Fill(IReadOnlyList<int> indices)
    {
        using var scope = NewDisposeScope();
        var first = trained[indices[0]];
        var whole = zeros([indices.Sum(i => trained[i].numel())], dtype: first.dtype, device: first.device).DetachFromDisposeScope();
        var (slots, start) = (new List<Slot>(), 0L);
        foreach (var i in indices)
        {
            slots.Add(new Slot(i, whole.narrow(0, start, trained[i].numel()).view(trained[i].shape).DetachFromDisposeScope()));
            start += trained[i].numel();
        }
        return new Bucket(whole, slots);
    }
}
