using System.Buffers.Binary;

namespace NanoVlm.Data.Parquet;

/// <summary>The encodings of values in pages. Whatever the bytes are, decoding ends in as many values as asked for or in
/// <see cref="InvalidDataException"/>.</summary>
/// <remarks>https://github.com/apache/parquet-format/blob/master/Encodings.md</remarks>
internal static class ParquetEncoding
{
    private const int Plain = 0, PlainDictionary = 2, DeltaBinaryPacked = 5, DeltaLengthByteArray = 6, DeltaByteArray = 7, RleDictionary = 8;

    /// <summary>Decodes levels or indices: runs of one value, and packed bits.</summary>
    public static void Hybrid(ReadOnlySpan<byte> bytes, int width, Span<int> values)
    {
        if (width == 0)
        {
            values.Clear();
            return;
        }
        if (width > 31) throw Damaged();
        var at = 0;
        for (var done = 0; done < values.Length;)
        {
            var header = Varint(bytes, ref at);
            var left = values.Length - done;
            if ((header & 1) == 0)
            {
                int size = (width + 7) / 8, count = (int)Math.Min(header >> 1, (ulong)left);
                if (bytes.Length - at < size || count == 0) throw Damaged();
                var value = 0;
                for (var i = 0; i < size; i++) value |= bytes[at++] << (8 * i);
                values.Slice(done, count).Fill(value);
                done += count;
            }
            else
            {
                var packed = (header >> 1) * (ulong)width; // bytes: groups of eight values
                if (packed == 0 || header >> 1 > int.MaxValue) throw Damaged();
                var part = bytes.Slice(at, (int)Math.Min(packed, (ulong)(bytes.Length - at)));
                var count = Math.Min((int)Math.Min((header >> 1) * 8, (ulong)left), (int)((long)part.Length * 8 / width));
                if (count == 0) throw Damaged();
                for (var i = 0; i < count; i++) values[done + i] = (int)Bits(part, (long)i * width, width);
                (done, at) = (done + count, at + part.Length);
            }
        }
    }

    /// <summary>Decodes byte arrays.</summary>
    /// <param name="encoding">The format's number of the encoding.</param>
    /// <param name="page">The values' bytes; the results are parts of them where they can be.</param>
    /// <param name="dictionary">The column's dictionary, if it has one.</param>
    /// <param name="values">Takes them.</param>
    public static void ByteArrays(long encoding, ReadOnlyMemory<byte> page, ReadOnlyMemory<byte>[]? dictionary, ReadOnlyMemory<byte>[] values)
    {
        var at = 0;
        switch (encoding)
        {
            case Plain:
                for (var i = 0; i < values.Length; i++)
                {
                    if (page.Length - at < 4) throw Damaged();
                    at += 4;
                    values[i] = Take(BinaryPrimitives.ReadInt32LittleEndian(page.Span[(at - 4)..]));
                }
                break;
            case DeltaLengthByteArray:
                var lengths = Deltas(page.Span, values.Length, ref at);
                for (var i = 0; i < values.Length; i++) values[i] = Take(lengths[i]);
                break;
            case DeltaByteArray: // each begins like the one before
                var shared = Deltas(page.Span, values.Length, ref at);
                var rests = Deltas(page.Span[at..], values.Length, ref at);
                for (var i = 0; i < values.Length; i++)
                {
                    var rest = Take(rests[i]);
                    var before = i == 0 ? default : values[i - 1];
                    if (shared[i] < 0 || shared[i] > before.Length) throw Damaged();
                    values[i] = shared[i] == 0 ? rest : (byte[])[.. before.Span[..(int)shared[i]], .. rest.Span];
                }
                break;
            default:
                Indexed(encoding, page.Span, dictionary, values);
                break;
        }

        ReadOnlyMemory<byte> Take(long length)
        {
            if (length < 0 || length > page.Length - at) throw Damaged();
            at += (int)length;
            return page.Slice(at - (int)length, (int)length);
        }
    }

    /// <summary>Decodes whole numbers.</summary>
    /// <param name="encoding">The format's number of the encoding.</param>
    /// <param name="page">The values' bytes.</param>
    /// <param name="size">Bytes of a value: 4 or 8.</param>
    /// <param name="dictionary">The column's dictionary, if it has one.</param>
    /// <param name="values">Takes them.</param>
    public static void Integers(long encoding, ReadOnlySpan<byte> page, int size, long[]? dictionary, long[] values)
    {
        switch (encoding)
        {
            case Plain:
                if (page.Length < (long)values.Length * size) throw Damaged();
                for (var i = 0; i < values.Length; i++)
                    values[i] = size == 4 ? BinaryPrimitives.ReadInt32LittleEndian(page[(i * 4)..]) : BinaryPrimitives.ReadInt64LittleEndian(page[(i * 8)..]);
                break;
            case DeltaBinaryPacked:
                var at = 0;
                Deltas(page, values.Length, ref at).CopyTo(values, 0);
                break;
            default:
                Indexed(encoding, page, dictionary, values);
                break;
        }
    }

    /// <summary>Decodes numbers.</summary>
    /// <param name="encoding">The format's number of the encoding.</param>
    /// <param name="page">The values' bytes.</param>
    /// <param name="type">What they are: integers or floating-point numbers.</param>
    /// <param name="dictionary">The column's dictionary, if it has one.</param>
    /// <param name="values">Takes them.</param>
    public static void Numbers(long encoding, ReadOnlySpan<byte> page, ParquetType type, double[]? dictionary, double[] values)
    {
        var size = type is ParquetType.Int32 or ParquetType.Float ? 4 : 8;
        if (encoding is PlainDictionary or RleDictionary) Indexed(encoding, page, dictionary, values);
        else if (type is ParquetType.Int32 or ParquetType.Int64)
        {
            var whole = new long[values.Length];
            Integers(encoding, page, size, null, whole);
            for (var i = 0; i < values.Length; i++) values[i] = whole[i];
        }
        else
        {
            if (encoding != Plain) throw new InvalidDataException($"encoding {encoding} of floating-point numbers is not supported");
            if (page.Length < (long)values.Length * size) throw Damaged();
            for (var i = 0; i < values.Length; i++)
                values[i] = size == 4 ? BinaryPrimitives.ReadSingleLittleEndian(page[(i * 4)..]) : BinaryPrimitives.ReadDoubleLittleEndian(page[(i * 8)..]);
        }
    }

    private static void Indexed<T>(long encoding, ReadOnlySpan<byte> page, T[]? dictionary, T[] values)
    {
        if (encoding is not (PlainDictionary or RleDictionary)) throw new InvalidDataException($"encoding {encoding} is not supported");
        if (values.Length == 0) return;
        if (dictionary is null || page.Length == 0) throw Damaged();
        var indices = new int[values.Length];
        Hybrid(page[1..], page[0], indices);
        for (var i = 0; i < values.Length; i++)
        {
            if ((uint)indices[i] >= (uint)dictionary.Length) throw Damaged();
            values[i] = dictionary[indices[i]];
        }
    }

    // Blocks of differences, each with a least one and miniblocks of the rest in so many bits. Moves past them.
    private static long[] Deltas(ReadOnlySpan<byte> bytes, int count, ref int from)
    {
        var at = 0;
        ulong block = Varint(bytes, ref at), miniblocks = Varint(bytes, ref at), total = Varint(bytes, ref at);
        if (block is 0 or > 1 << 20 || block % 128 != 0 || miniblocks is 0 or > 1 << 10 || block % miniblocks != 0 || block / miniblocks % 32 != 0 || total != (ulong)count) throw Damaged();
        var values = new long[count];
        var value = Zigzag(Varint(bytes, ref at));
        var perMiniblock = (int)(block / miniblocks);
        if (count > 0) values[0] = value;
        for (var done = 1; done < count;)
        {
            var least = Zigzag(Varint(bytes, ref at));
            if ((ulong)(bytes.Length - at) < miniblocks) throw Damaged();
            var widths = bytes.Slice(at, (int)miniblocks);
            at += (int)miniblocks;
            for (var m = 0; m < widths.Length && done < count; m++)
            {
                long size = (long)widths[m] * perMiniblock / 8;
                if (widths[m] > 64 || size > bytes.Length - at) throw Damaged();
                for (var i = 0; i < perMiniblock && done < count; i++)
                    values[done++] = value = unchecked(value + least + (long)Bits(bytes[at..], (long)i * widths[m], widths[m]));
                at += (int)size;
            }
        }
        from += at;
        return values;
    }

    // Up to 64 bits, the lowest first.
    private static ulong Bits(ReadOnlySpan<byte> bytes, long bit, int width)
    {
        var value = 0UL;
        var at = (int)(bit >> 3);
        var shift = (int)(bit & 7);
        for (var got = -shift; got < width; got += 8, at++)
            value |= got < 0 ? (ulong)bytes[at] >> shift : (ulong)bytes[at] << got;
        return width == 64 ? value : value & ((1UL << width) - 1);
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64 && at < bytes.Length; shift += 7)
        {
            var part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }
        throw Damaged();
    }

    private static long Zigzag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    private static InvalidDataException Damaged() => new("the values of a page are damaged");
}
