using NanoVlm.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Shares the optimizer's work and memory out (ZeRO stage 1; Rajbhandari et al., 2020): each rank keeps the moments of some parameters,
/// steps those and gives all others their new values. The result is that of every rank stepping all.
/// </summary>
internal sealed class ParameterShards
{
    private const long Alone = 1 << 20; // elements from which a parameter is sent by itself rather than copied together

    private readonly RankGroup ranks;
    private readonly Dictionary<Parameter, int> owners = new(ReferenceEqualityComparer.Instance);

    private ParameterShards(RankGroup ranks, IEnumerable<Parameter> parameters)
    {
        this.ranks = ranks;
        Parameters = [.. parameters];
        var loads = new long[ranks.Size];
        foreach (var parameter in Parameters.OrderByDescending(parameter => parameter.numel()))
        {
            var owner = Array.IndexOf(loads, loads.Min());
            owners.Add(parameter, owner);
            loads[owner] += parameter.numel();
        }
    }

    /// <summary>Leaves in each group what this rank steps. Make the optimizer of the groups after this.</summary>
    /// <param name="ranks">The ranks; all have the same groups.</param>
    /// <param name="groups">The groups of the whole model.</param>
    public static ParameterShards Split(RankGroup ranks, IReadOnlyList<AdamW.ParamGroup> groups)
    {
        var shards = new ParameterShards(ranks, groups.SelectMany(group => group.Parameters));
        foreach (var group in groups) group.Parameters = [.. group.Parameters.Where(shards.IsMine)];
        return shards;
    }

    /// <summary>The parameters of all ranks, in the groups' order: those to clip and to set back, as without shards.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Whether this rank steps a parameter, and so keeps its moments.</summary>
    public bool IsMine(Parameter parameter) => owners[parameter] == ranks.Rank;

    /// <summary>After a step: gives every rank the new values.</summary>
    /// <exception cref="NanoVlmException">A rank died, hangs or failed; it is named.</exception>
    public void Share()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var arriving = new List<(RankGroup.Pending Sent, Tensor? Together, Parameter[] Parts)>();
        foreach (var shard in Parameters.GroupBy(parameter => owners[parameter]).OrderBy(shard => shard.Key))
        {
            var (owner, mine) = (shard.Key, shard.Key == ranks.Rank);
            var parameters = shard.ToArray();
            foreach (var parameter in parameters.Where(IsAlone)) arriving.Add((Send(parameter.detach(), owner), null, [parameter]));
            var rest = parameters.Where(parameter => !IsAlone(parameter));
            foreach (var small in rest.GroupBy(parameter => parameter.dtype).OrderBy(small => small.Key))
            {
                Parameter[] parts = [.. small];
                var together = mine
                    ? cat([.. parts.Select(part => part.detach().view(-1))])
                    : empty([parts.Sum(part => part.numel())], dtype: small.Key, device: parts[0].device);
                arriving.Add((Send(together, owner), mine ? null : together, parts));
            }
        }
        foreach (var (sent, together, parts) in arriving)
        {
            ranks.Wait(sent);
            if (together is null) continue;
            var start = 0L;
            foreach (var part in parts)
            {
                part.copy_(together.narrow(0, start, part.numel()).view(part.shape));
                start += part.numel();
            }
        }

        static bool IsAlone(Parameter parameter) => parameter.numel() >= Alone && parameter.is_contiguous();
        RankGroup.Pending Send(Tensor values, int owner) => ranks.Start("weights", values, group => group.Broadcast(values, owner));
    }

    /// <summary>Brings all moments to rank 0, for a checkpoint that does not tell how many ranks wrote it. Called by all ranks.</summary>
    /// <param name="optimizer">This rank's optimizer.</param>
    /// <param name="take">On rank 0: gets each parameter that has moments, in the order of <see cref="Parameters"/>; the tensors live until
    /// it returns.</param>
    /// <exception cref="NanoVlmException">A rank died, hangs or failed; it is named.</exception>
    public void Gather(FusedAdamW optimizer, Action<Parameter, FusedAdamW.State> take)
    {
        using var mode = no_grad();
        // What each parameter has: its step (0: nothing) and the dtypes of its moments, from the rank that knows.
        var own = Parameters.Select(optimizer.StateOf).ToArray();
        var known = ranks.Gather("optimizer state", [.. own.SelectMany(Told)]);
        for (var i = 0; i < Parameters.Count; i++)
        {
            using var scope = NewDisposeScope();
            var (parameter, owner) = (Parameters[i], owners[Parameters[i]]);
            if (known[owner].AsSpan(3 * i, 3) is not [> 0 and var step, var first, var second]) continue;
            var state = own[i] ?? new FusedAdamW.State
            {
                step = step,
                exp_avg = zeros_like(parameter, dtype: (ScalarType)first),
                exp_avg_sq = zeros_like(parameter, dtype: (ScalarType)second),
            };
            if (owner != 0) ranks.Broadcast("optimizer state", [state.exp_avg, state.exp_avg_sq], owner);
            if (ranks.IsFirst) take(parameter, state);
        }

        static long[] Told(FusedAdamW.State? state) =>
            state is null ? [0, 0, 0] : [state.step, (long)state.exp_avg.dtype, (long)state.exp_avg_sq.dtype];
    }
}
