using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>Whether all ranks hold the same weights to the last bit, as they must: a rank that does not has diverged.</summary>
internal static class ParameterChecksum
{
    /// <summary>Compares the weights of all ranks.</summary>
    /// <param name="ranks">The ranks; all call this after the same step.</param>
    /// <param name="parameters">The weights by name, in the same order on every rank.</param>
    /// <param name="step">The step, for the message.</param>
    /// <exception cref="NanoVlmException">A rank has other weights; it is named, with the first such parameter.</exception>
    public static void Compare(RankGroup ranks, IEnumerable<(string Name, Tensor Parameter)> parameters, int step)
    {
        var all = parameters.ToArray();
        var sums = ranks.Gather("weights", [.. all.Select(entry => Of(entry.Parameter))]);
        for (var i = 0; i < all.Length; i++)
        {
            if (Odd([.. sums.Select(rank => rank[i])]) is not { } odd) continue;
            throw ranks.Fails(
                $"{odd} other weights after step {step}: diverged, first in {all[i].Name}. " +
                "All ranks must run on the same kind of processor with the same libtorch; otherwise look for faulty memory");
        }
    }

    /// <summary>A checksum of a tensor's bits.</summary>
    /// <param name="tensor">The tensor; on any device.</param>
    public static long Of(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return Of(tensor.detach().cpu().contiguous().bytes);
    }

    internal static long Of(ReadOnlySpan<byte> bytes)
    {
        // FNV's step on 64 bits at a time, in four lanes that do not wait for each other.
        const ulong prime = 0x9E3779B97F4A7C15;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        ulong a = 1, b = 2, c = 3, d = 4;
        var i = 0;
        for (; i + 4 <= words.Length; i += 4)
        {
            a = ulong.RotateLeft((a ^ words[i]) * prime, 29);
            b = ulong.RotateLeft((b ^ words[i + 1]) * prime, 29);
            c = ulong.RotateLeft((c ^ words[i + 2]) * prime, 29);
            d = ulong.RotateLeft((d ^ words[i + 3]) * prime, 29);
        }
        for (; i < words.Length; i++) a = ulong.RotateLeft((a ^ words[i]) * prime, 29);
        foreach (var rest in bytes[(words.Length * 8)..]) b = ulong.RotateLeft((b ^ rest) * prime, 29);
        foreach (var lane in (ReadOnlySpan<ulong>)[b, c, d, (ulong)bytes.Length]) a = ulong.RotateLeft((a ^ lane) * prime, 29);
        return (long)a;
    }

    // "rank 2 has" where one differs from the most, and the smallest rank's value decides a tie; null where all agree.
    internal static string? Odd(IReadOnlyList<long> values)
    {
        var most = values.GroupBy(value => value).OrderByDescending(same => same.Count()).First().Key;
        var odd = Enumerable.Range(0, values.Count).Where(rank => values[rank] != most).ToArray();
        return odd.Length switch { 0 => null, 1 => $"rank {odd[0]} has", _ => $"ranks {string.Join(", ", odd)} have" };
    }
}
