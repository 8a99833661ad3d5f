using System.Runtime.InteropServices;

namespace NanoVlm.Images;

/// <summary>Swaps the rows and columns of a matrix of bytes.</summary>
internal static class Transposition
{
    private const int Side = 8;

    /// <summary>Transposes.</summary>
    /// <param name="source">[rows, columns], a row each <paramref name="sourceStride"/> bytes.</param>
    /// <param name="sourceStride">Bytes from one row of the source to the next.</param>
    /// <param name="rows">Rows of the source.</param>
    /// <param name="columns">Columns of the source.</param>
    /// <param name="target">Receives [columns, rows], a row each <paramref name="targetStride"/> bytes; the rest is left alone.</param>
    /// <param name="targetStride">Bytes from one row of the target to the next.</param>
    internal static void Transpose(ReadOnlySpan<byte> source, int sourceStride, int rows, int columns, Span<byte> target, int targetStride)
    {
        var (blockRows, blockColumns) = (rows / Side * Side, columns / Side * Side);
        for (var y = 0; y < blockRows; y += Side)
            for (var x = 0; x < blockColumns; x += Side)
                Block(source[(y * sourceStride + x)..], sourceStride, target[(x * targetStride + y)..], targetStride);
        for (var y = 0; y < rows; y++)
            for (var x = y < blockRows ? blockColumns : 0; x < columns; x++)
                target[x * targetStride + y] = source[y * sourceStride + x];
    }

    // Eight rows of eight bytes, each a number: halves, quarters and bytes of pairs of rows change places.
    private static void Block(ReadOnlySpan<byte> source, int sourceStride, Span<byte> target, int targetStride)
    {
        var (a, b, c, d) = (Row(source, 0), Row(source, sourceStride), Row(source, 2 * sourceStride), Row(source, 3 * sourceStride));
        var (e, f, g, h) = (Row(source, 4 * sourceStride), Row(source, 5 * sourceStride), Row(source, 6 * sourceStride), Row(source, 7 * sourceStride));
        (a, e) = Exchange(a, e, 32, 0x00000000FFFFFFFF);
        (b, f) = Exchange(b, f, 32, 0x00000000FFFFFFFF);
        (c, g) = Exchange(c, g, 32, 0x00000000FFFFFFFF);
        (d, h) = Exchange(d, h, 32, 0x00000000FFFFFFFF);
        (a, c) = Exchange(a, c, 16, 0x0000FFFF0000FFFF);
        (b, d) = Exchange(b, d, 16, 0x0000FFFF0000FFFF);
        (e, g) = Exchange(e, g, 16, 0x0000FFFF0000FFFF);
        (f, h) = Exchange(f, h, 16, 0x0000FFFF0000FFFF);
        (a, b) = Exchange(a, b, 8, 0x00FF00FF00FF00FF);
        (c, d) = Exchange(c, d, 8, 0x00FF00FF00FF00FF);
        (e, f) = Exchange(e, f, 8, 0x00FF00FF00FF00FF);
        (g, h) = Exchange(g, h, 8, 0x00FF00FF00FF00FF);
        MemoryMarshal.Write(target, a);
        MemoryMarshal.Write(target[targetStride..], b);
        MemoryMarshal.Write(target[(2 * targetStride)..], c);
        MemoryMarshal.Write(target[(3 * targetStride)..], d);
        MemoryMarshal.Write(target[(4 * targetStride)..], e);
        MemoryMarshal.Write(target[(5 * targetStride)..], f);
        MemoryMarshal.Write(target[(6 * targetStride)..], g);
        MemoryMarshal.Write(target[(7 * targetStride)..], h);
    }

    private static ulong Row(ReadOnlySpan<byte> source, int at) => MemoryMarshal.Read<ulong>(source[at..]);

    // The upper part of each pair of parts of the first with the lower part of the second.
    private static (ulong First, ulong Second) Exchange(ulong first, ulong second, int bits, ulong lower)
    {
        var swap = ((first >> bits) ^ second) & lower;
        return (first ^ (swap << bits), second ^ swap);
    }
}
