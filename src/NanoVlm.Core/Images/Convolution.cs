using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace NanoVlm.Images;

/// <summary>The weighted sums of resampling, along one axis at a time, in whole numbers (Pillow) or in floats (torch).</summary>
internal static class Convolution
{
    /// <summary>Convolves a row of pixels of four floats, the fourth of no meaning, so that a pixel is one vector.</summary>
    /// <param name="row">[Width, 4].</param>
    /// <param name="weights">Where and how far the weights reach.</param>
    /// <param name="values">The weights, [output, Taps].</param>
    /// <param name="sums">[output, 4].</param>
    internal static void Row(ReadOnlySpan<float> row, ResampleWeights weights, ReadOnlySpan<float> values, Span<float> sums)
    {
        var pixels = MemoryMarshal.Cast<float, Vector128<float>>(row);
        var targets = MemoryMarshal.Cast<float, Vector128<float>>(sums);
        for (var x = 0; x < targets.Length; x++)
        {
            var (first, count) = weights[x];
            var taps = values.Slice(x * weights.Taps, count);
            var under = pixels.Slice(first, count);
            var sum = Vector128<float>.Zero;
            for (var k = 0; k < taps.Length; k++)
                sum = Vector128.FusedMultiplyAdd(under[k], Vector128.Create(taps[k]), sum);
            targets[x] = sum;
        }
    }

    /// <summary>Spreads bytes of three channels over pixels of four numbers.</summary>
    /// <param name="rgb">[Width, 3].</param>
    /// <param name="row">Receives [Width, 4]; may be longer.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Spread(ReadOnlySpan<byte> rgb, Span<int> row)
    {
        var (i, p) = (0, 0);
        for (; p + Vector128<byte>.Count <= rgb.Length; i += 16, p += 12)
        {
            var bytes = Vector128.Shuffle(Vector128.Create(rgb[p..]), Vector128.Create((byte)0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255));
            var (low, high) = Vector128.Widen(bytes);
            Vector128.WidenLower(low).AsInt32().CopyTo(row[i..]);
            Vector128.WidenUpper(low).AsInt32().CopyTo(row[(i + 4)..]);
            Vector128.WidenLower(high).AsInt32().CopyTo(row[(i + 8)..]);
            Vector128.WidenUpper(high).AsInt32().CopyTo(row[(i + 12)..]);
        }
        for (; p < rgb.Length; i += 4, p += 3)
            (row[i], row[i + 1], row[i + 2]) = (rgb[p], rgb[p + 1], rgb[p + 2]);
    }

    /// <summary>One output row of a pass along the columns: the weighted sum of rows of bytes, in whole numbers.</summary>
    /// <param name="rows">The rows under the filter, one after the other.</param>
    /// <param name="taps">A weight for each.</param>
    /// <param name="precision">The fractional bits of the weights.</param>
    /// <param name="target">The bytes, rounded and clipped; as long as a row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Columns(ReadOnlySpan<byte> rows, ReadOnlySpan<int> taps, int precision, Span<byte> target)
    {
        var half = 1 << (precision - 1);
        ref var source = ref MemoryMarshal.GetReference(rows);
        var i = 0;
        for (; i <= target.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            var (a, b, c, d) = (new Vector<int>(half), new Vector<int>(half), new Vector<int>(half), new Vector<int>(half));
            for (var k = 0; k < taps.Length; k++)
            {
                var weight = new Vector<int>(taps[k]);
                Vector.Widen(Unsafe.ReadUnaligned<Vector<byte>>(ref Unsafe.Add(ref source, k * target.Length + i)), out var low, out var high);
                a += Vector.AsVectorInt32(Vector.WidenLower(low)) * weight;
                b += Vector.AsVectorInt32(Vector.WidenUpper(low)) * weight;
                c += Vector.AsVectorInt32(Vector.WidenLower(high)) * weight;
                d += Vector.AsVectorInt32(Vector.WidenUpper(high)) * weight;
            }
            var bytes = Vector.Narrow(
                Vector.AsVectorUInt16(Vector.Narrow(Clip(a, precision), Clip(b, precision))),
                Vector.AsVectorUInt16(Vector.Narrow(Clip(c, precision), Clip(d, precision))));
            bytes.CopyTo(target[i..]);
        }
        for (; i < target.Length; i++)
        {
            var sum = half;
            for (var k = 0; k < taps.Length; k++)
                sum += rows[k * target.Length + i] * taps[k];
            target[i] = (byte)Math.Clamp(sum >> precision, 0, 255);
        }
    }

    private static Vector<int> Clip(Vector<int> sums, int precision) =>
        Vector.Min(Vector.Max(Vector.ShiftRightArithmetic(sums, precision), Vector<int>.Zero), new Vector<int>(255));
}
