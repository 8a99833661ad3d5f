using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace NanoVlm.Images;

/// <summary>The weighted sums of resampling, along one axis at a time, in whole numbers (Pillow) or in floats (torch).</summary>
internal static class Convolution
{
    /// <summary>
    /// Convolves a row of pixels of four values, the fourth of no meaning, so that a pixel is one vector.
    /// </summary>
    /// <param name="row">[Width, 4].</param>
    /// <param name="weights">Where and how far the weights reach.</param>
    /// <param name="values">The weights as numbers of this kind, [output, Taps].</param>
    /// <param name="start">What each sum begins with.</param>
    /// <param name="sums">[output, 4].</param>
    internal static void Row<T>(ReadOnlySpan<T> row, ResampleWeights weights, ReadOnlySpan<T> values, T start, Span<T> sums)
        where T : unmanaged, INumber<T>
    {
        var pixels = MemoryMarshal.Cast<T, Vector128<T>>(row);
        var targets = MemoryMarshal.Cast<T, Vector128<T>>(sums);
        for (var x = 0; x < targets.Length; x++)
        {
            var (first, count) = weights[x];
            var taps = values.Slice(x * weights.Taps, count);
            var under = pixels.Slice(first, count);
            var sum = Vector128.Create(start);
            for (var k = 0; k < taps.Length; k++)
                sum = MultiplyAdd(under[k], Vector128.Create(taps[k]), sum);
            targets[x] = sum;
        }
    }

    /// <summary>a * b + c; floats are rounded once, as torch's compilers do it.</summary>
    internal static Vector128<T> MultiplyAdd<T>(Vector128<T> a, Vector128<T> b, Vector128<T> c) => typeof(T) == typeof(float)
        ? Vector128.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : a * b + c;

    /// <summary>Spreads bytes of three channels over pixels of four numbers.</summary>
    internal static void Spread<T>(ReadOnlySpan<byte> rgb, Span<T> row)
        where T : unmanaged, INumberBase<T>
    {
        for (int i = 0, p = 0; i < row.Length; i += 4, p += 3)
        {
            row[i] = T.CreateTruncating(rgb[p]);
            row[i + 1] = T.CreateTruncating(rgb[p + 1]);
            row[i + 2] = T.CreateTruncating(rgb[p + 2]);
        }
    }

    /// <summary>One output row of a pass along the columns: the weighted sum of rows of bytes, in whole numbers.</summary>
    /// <param name="rows">The rows under the filter, one after the other.</param>
    /// <param name="taps">A weight for each.</param>
    /// <param name="precision">The fractional bits of the weights.</param>
    /// <param name="target">The bytes, rounded and clipped; as long as a row.</param>
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
