using System.Runtime.InteropServices;

namespace NanoVlm.Data;

/// <summary>
/// A stream of random numbers named by its keys (seed, split, index ...): SplitMix64 (Steele, Lea, Flood 2014). Streams of
/// different keys are independent, so work can be split over threads in any way and still give the same numbers.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal struct RandomStream
{
    private ulong _state;

    /// <summary>Starts the stream with these keys.</summary>
    /// <param name="keys">What the stream is for, the most general first: seed, purpose, index.</param>
    public RandomStream(params ReadOnlySpan<long> keys)
    {
        foreach (var key in keys)
            _state = Mix(_state + 0x9E3779B97F4A7C15UL + (ulong)key * 0xD1342543DE82EF95UL);
    }

    /// <summary>The next 64 random bits.</summary>
    public ulong Next() => Mix(_state += 0x9E3779B97F4A7C15UL);

    /// <summary>A whole number in [0, <paramref name="bound"/>).</summary>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>A number in [0, 1).</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>The index of one weight, drawn in proportion to it.</summary>
    public int Choose(ReadOnlySpan<double> weights)
    {
        var total = 0.0;
        foreach (var weight in weights)
            total += weight;
        var left = Unit() * total;
        for (var i = 0; i < weights.Length; i++)
            if ((left -= weights[i]) < 0)
                return i;
        return weights.Length - 1;
    }

    /// <summary>Brings the items into random order (Fisher-Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
