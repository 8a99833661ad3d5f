using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using Microsoft.Win32.SafeHandles;

namespace NanoVlm.Data.Parquet;

/// <summary>A column's values of one row group; a row has none, one, or where it is a list as many as that has. An absent element is null.</summary>
/// <typeparam name="T">Bytes or numbers.</typeparam>
internal sealed class ParquetValues<T> where T : struct
{
    private readonly int[] starts;
    private readonly List<T?> values;

    public ParquetValues(int[] starts, List<T?> values) => (this.starts, this.values) = (starts, values);

    /// <summary>How many a row has.</summary>
    public int Count(int row) => starts[row + 1] - starts[row];

    /// <summary>One of a row's.</summary>
    public T? this[int row, int index] => values[starts[row] + index];
}

/// <summary>Reads a column's values of one row group, page by page.</summary>
internal static class ParquetValues
{
    private const long MaxValues = 1 << 24;
    private const int MaxPage = 1 << 30;

    /// <summary>Reads texts or files.</summary>
    /// <exception cref="InvalidDataException">The data is damaged.</exception>
    public static ParquetValues<ReadOnlyMemory<byte>> Bytes(SafeFileHandle file, ParquetColumn column, ParquetRowGroup group) =>
        Read<ReadOnlyMemory<byte>>(file, column, group, ParquetEncoding.ByteArrays);

    /// <summary>Reads whole numbers.</summary>
    /// <exception cref="InvalidDataException">The data is damaged.</exception>
    public static ParquetValues<long> Integers(SafeFileHandle file, ParquetColumn column, ParquetRowGroup group) =>
        Read<long>(file, column, group, (encoding, page, dictionary, values) => ParquetEncoding.Integers(encoding, page.Span, column.Type == ParquetType.Int32 ? 4 : 8, dictionary, values));

    /// <summary>Reads numbers, whole or not.</summary>
    /// <exception cref="InvalidDataException">The data is damaged.</exception>
    public static ParquetValues<double> Numbers(SafeFileHandle file, ParquetColumn column, ParquetRowGroup group) =>
        Read<double>(file, column, group, (encoding, page, dictionary, values) => ParquetEncoding.Numbers(encoding, page.Span, column.Type, dictionary, values));

    private delegate void Decoder<T>(long encoding, ReadOnlyMemory<byte> page, T[]? dictionary, T[] values);

    private static ParquetValues<T> Read<T>(SafeFileHandle file, ParquetColumn column, ParquetRowGroup group, Decoder<T> decode) where T : struct
    {
        var chunk = group.Chunks[column.Index];
        if (!ParquetCodec.IsKnown(chunk.Codec)) throw new InvalidDataException($"it is compressed with {ParquetCodec.Name(chunk.Codec)}, which is not supported");
        if (chunk.Values is < 0 or > MaxValues) throw new InvalidDataException($"it has {chunk.Values} values in one row group; at most {MaxValues} are read");
        var starts = new List<int>(Math.Min(group.Rows, 1 << 16) + 1);
        var values = new List<T?>((int)Math.Min(chunk.Values, 1 << 16));
        T[]? dictionary = null;
        long at = chunk.Offset, end = chunk.Offset + chunk.Length;
        for (var left = chunk.Values; left > 0;)
        {
            var header = Header(file, ref at, end);
            long kind = header.Int(1, "kind of page"), size = header.Int(3, "length of a page"), whole = header.Int(2, "length of a page");
            if (size < 0 || size > end - at || whole is < 0 or > MaxPage || size > MaxPage) throw new InvalidDataException($"a page of {size} bytes, {whole} decompressed, does not fit");
            switch (kind)
            {
                case 0 or 3:
                    var about = header.Struct(kind == 0 ? 5 : 8, "description of a page");
                    var count = about.Int(1, "number of values");
                    if (count < 0 || count > left) throw new InvalidDataException($"a page has {count} values where {left} are left");
                    var page = kind == 0 ? Page(file, at, (int)size, (int)whole, chunk.Codec, 0) : PageV2(file, at, (int)size, (int)whole, chunk.Codec, about);
                    Add(kind == 0 ? new Levels(page, column, (int)count) : new Levels(page, column, (int)count, about), column, starts, values, about.Int(kind == 0 ? 2 : 4, "encoding"), dictionary, decode);
                    left -= count;
                    break;
                case 2:
                    var entries = header.Struct(7, "description of a dictionary").Int(1, "number of values");
                    if (entries < 0 || entries > Math.Min(whole / 4, MaxValues)) throw new InvalidDataException($"a dictionary of {whole} bytes has {entries} values");
                    decode(0, Page(file, at, (int)size, (int)whole, chunk.Codec, 0), null, dictionary = new T[entries]);
                    break;
            }
            at += size;
        }
        if (starts.Count != group.Rows) throw new InvalidDataException($"it has {starts.Count} rows where its row group has {group.Rows}");
        return new ParquetValues<T>([.. starts, values.Count], values);
    }

    // Rows begin where nothing repeats; a place is a value, an absent element, or the sign of an empty list.
    private static void Add<T>(Levels levels, ParquetColumn column, List<int> starts, List<T?> values, long encoding, T[]? dictionary, Decoder<T> decode) where T : struct
    {
        var present = levels.Definition is null ? levels.Count : levels.Definition.AsSpan(0, levels.Count).Count(column.MaxDefinition);
        var decoded = new T[present];
        decode(encoding, levels.Values, dictionary, decoded);
        for (int i = 0, next = 0; i < levels.Count; i++)
        {
            if (levels.Repetition is null || levels.Repetition[i] == 0) starts.Add(values.Count);
            else if (starts.Count == 0) throw new InvalidDataException("its first row has no beginning");
            var definition = levels.Definition is null ? column.MaxDefinition : levels.Definition[i];
            if (definition == column.MaxDefinition) values.Add(decoded[next++]);
            else if (definition >= column.ElementDefinition) values.Add(null);
        }
    }

    private static ThriftStruct Header(SafeFileHandle file, ref long at, long end)
    {
        for (var window = 1 << 13; ; window *= 4) // statistics may make it long
        {
            var bytes = ParquetFile.Read(file, at, (int)Math.Min(window, end - at));
            try
            {
                var header = ThriftStruct.Read(bytes, out var length);
                at += length;
                return header;
            }
            catch (EndOfStreamException) when (bytes.Length == window && window < 1 << 24)
            {
            }
            catch (EndOfStreamException)
            {
                throw new InvalidDataException("its pages end too early");
            }
        }
    }

    // The first bytes, levels of the second version of pages, are never compressed.
    private static byte[] Page(SafeFileHandle file, long at, int size, int whole, long codec, int plain)
    {
        if (codec == 0) return size == whole ? ParquetFile.Read(file, at, size) : throw new InvalidDataException("the length of a page is damaged");
        var packed = ArrayPool<byte>.Shared.Rent(Math.Max(1, size));
        try
        {
            for (int done = 0, read; done < size; done += read)
                if ((read = RandomAccess.Read(file, packed.AsSpan(done, size - done), at + done)) == 0) throw new InvalidDataException($"the file ends at byte {at + done}, where more was expected");
            var page = new byte[whole];
            packed.AsSpan(0, plain).CopyTo(page);
            if (whole > plain) ParquetCodec.Decompress(codec, packed.AsSpan(plain, size - plain), page.AsSpan(plain));
            return page;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    private static byte[] PageV2(SafeFileHandle file, long at, int size, int whole, long codec, ThriftStruct about)
    {
        long definition = about.Int(5, "length of levels"), repetition = about.Int(6, "length of levels");
        if (definition < 0 || repetition < 0 || definition + repetition > Math.Min(size, whole)) throw new InvalidDataException("the levels of a page do not fit it");
        return Page(file, at, size, whole, about.Flag(7, true) ? codec : 0, (int)(definition + repetition));
    }

    // How the values of a page are nested, and their bytes.
    private readonly struct Levels
    {
        public readonly int Count;
        public readonly int[]? Repetition, Definition;
        public readonly ReadOnlyMemory<byte> Values;

        public Levels(byte[] page, ParquetColumn column, int count)
        {
            Count = count;
            var at = 0;
            Repetition = Next(column.MaxRepetition);
            Definition = Next(column.MaxDefinition);
            Values = page.AsMemory(at);

            int[]? Next(int max)
            {
                if (max == 0) return null;
                var length = page.Length - at < 4 ? -1 : BinaryPrimitives.ReadInt32LittleEndian(page.AsSpan(at));
                if (length < 0 || length > page.Length - at - 4) throw new InvalidDataException("the levels of a page do not fit it");
                at += 4 + length;
                return Decode(page.AsSpan(at - length, length), max, count);
            }
        }

        public Levels(byte[] page, ParquetColumn column, int count, ThriftStruct about)
        {
            Count = count;
            int definition = (int)about.Int(5, 0L), repetition = (int)about.Int(6, 0L);
            Repetition = column.MaxRepetition == 0 ? null : Decode(page.AsSpan(0, repetition), column.MaxRepetition, count);
            Definition = column.MaxDefinition == 0 ? null : Decode(page.AsSpan(repetition, definition), column.MaxDefinition, count);
            Values = page.AsMemory(repetition + definition);
        }

        private static int[] Decode(ReadOnlySpan<byte> bytes, int max, int count)
        {
            var levels = new int[count];
            ParquetEncoding.Hybrid(bytes, BitOperations.Log2((uint)max) + 1, levels);
            foreach (var level in levels)
                if (level > max) throw new InvalidDataException("the levels of a page are damaged");
            return levels;
        }
    }
}
