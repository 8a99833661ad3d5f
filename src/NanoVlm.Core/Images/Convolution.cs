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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Row<T>(ReadOnlySpan<T> row, ResampleWeights weights, ReadOnlySpan<T> values, T start, Span<T> sums)
        where T : unmanaged, INumber<T>
    {
        // Every reach lies within the row, which ResampleWeights sees to.
        ref var pixels = ref MemoryMarshal.GetReference(row);
        ref var taps = ref MemoryMarshal.GetReference(values);
        var beginning = Vector128.Create(start);
        var width = sums.Length / 4;
        for (var x = 0; x < width; x++)
        {
            var (first, count) = weights[x];
            ref var under = ref Unsafe.Add(ref pixels, first * 4);
            ref var tap = ref Unsafe.Add(ref taps, x * weights.Taps);
            var sum = beginning;
            for (var k = 0; k < count; k++)
                sum = MultiplyAdd(Vector128.LoadUnsafe(ref under, (nuint)(k * 4)), Vector128.Create(Unsafe.Add(ref tap, k)), sum);
            sum.CopyTo(sums[(x * 4)..]);
        }
    }

    /// <summary>a * b + c; floats are rounded once, as torch's compilers do it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<T> MultiplyAdd<T>(Vector128<T> a, Vector128<T> b, Vector128<T> c) => typeof(T) == typeof(float)
        ? Vector128.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : a * b + c;

    /// <summary>Spreads bytes of three channels over pixels of four numbers.</summary>
    /// <param name="rgb">[Width, 3].</param>
    /// <param name="row">Receives [Width, 4].</param>
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
        for (; i < row.Length; i += 4, p += 3)
            (row[i], row[i + 1], row[i + 2]) = (rgb[p], rgb[p + 1], rgb[p + 2]);
    }

    /// <summary>Rounds, clips and packs sums to bytes of three channels.</summary>
    /// <param name="sums">[Width, 4] of weights with <paramref name="precision"/> fractional bits, the half for rounding added.</param>
    /// <param name="precision">Bits to drop.</param>
    /// <param name="rgb">Receives [Width, 3].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Pack(ReadOnlySpan<int> sums, int precision, Span<byte> rgb)
    {
        var (i, p) = (0, 0);
        for (; p + 4 <= rgb.Length; i += 4, p += 3)
        {
            var clipped = Vector128.Min(Vector128.Max(Vector128.Create(sums[i..]) >> precision, Vector128<int>.Zero), Vector128.Create(255));
            var packed = Vector128.Shuffle(clipped.AsByte(), Vector128.Create((byte)0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
            MemoryMarshal.Write(rgb[p..], packed.AsUInt32().ToScalar()); // the fourth byte is overwritten by the next pixel
        }
        for (; p < rgb.Length; i += 4, p += 3)
            for (var channel = 0; channel < 3; channel++)
                rgb[p + channel] = (byte)Math.Clamp(sums[i + channel] >> precision, 0, 255);
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
