using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ParquetSharp;

namespace NanoVlm.Data.Parquet;

/// <summary>A row group of a file that is open: reads columns as they lie in it, batch by batch.</summary>
/// <param name="reader">The row group.</param>
/// <param name="index">Its index in the file.</param>
/// <param name="rows">How many rows it has.</param>
internal sealed class ParquetGroup(RowGroupReader reader, int index, int rows)
{
    private const int BatchSize = 1024, MaxValues = 1 << 24;

    private delegate void Converter<TStored, T>(ReadOnlySpan<TStored> stored, Span<T> values);

    /// <summary>Reads texts or files; null where there is no such column.</summary>
    /// <exception cref="InvalidDataException">The column is damaged.</exception>
    [return: NotNullIfNotNull(nameof(column))]
    public ParquetValues<ReadOnlyMemory<byte>>? Bytes(ParquetColumn? column) =>
        column is null ? null : Read<ByteArray, ReadOnlyMemory<byte>>(column, Copy);

    /// <summary>Reads whole numbers; null where there is no such column.</summary>
    /// <exception cref="InvalidDataException">The column is damaged.</exception>
    [return: NotNullIfNotNull(nameof(column))]
    public ParquetValues<long>? Integers(ParquetColumn? column) => column?.Type switch
    {
        null => null,
        PhysicalType.Int32 => Read<int, long>(column, Widen),
        _ => Read<long, long>(column, Widen),
    };

    /// <summary>Reads numbers, whole or not.</summary>
    /// <exception cref="InvalidDataException">The column is damaged.</exception>
    public ParquetValues<double> Numbers(ParquetColumn column) => column.Type switch
    {
        PhysicalType.Int32 => Read<int, double>(column, Widen),
        PhysicalType.Int64 => Read<long, double>(column, Widen),
        PhysicalType.Float => Read<float, double>(column, Widen),
        _ => Read<double, double>(column, Widen),
    };

    // Rows begin where nothing repeats; a place is a value, an absent element, or the sign of an empty list. Levels that a column does not
    // have stay 0 in the buffers.
    private ParquetValues<T> Read<TStored, T>(ParquetColumn column, Converter<TStored, T> convert)
        where TStored : unmanaged where T : struct
    {
        try
        {
            using var any = reader.Column(column.Index);
            if (any is not ColumnReader<TStored> chunk) throw new InvalidDataException("its type has changed since the file was opened");
            short[] definition = new short[BatchSize], repetition = new short[BatchSize];
            var (stored, converted) = (new TStored[BatchSize], new T[BatchSize]);
            var (starts, values) = (new List<int>(), new List<T?>());
            for (var total = 0; chunk.HasNext;)
            {
                var count = (int)chunk.ReadBatch(BatchSize, definition, repetition, stored, out var present);
                if (count == 0 || present != definition.AsSpan(0, count).Count((short)column.MaxDefinition))
                    throw new InvalidDataException("its levels are damaged");
                if ((total += count) > MaxValues) throw new InvalidDataException($"it has more than {MaxValues} values in one row group");
                convert(stored.AsSpan(0, (int)present), converted);
                for (int i = 0, next = 0; i < count; i++)
                {
                    if (repetition[i] == 0) starts.Add(values.Count);
                    else if (starts.Count == 0) throw new InvalidDataException("its first row has no beginning");
                    if (definition[i] == column.MaxDefinition) values.Add(converted[next++]);
                    else if (definition[i] >= column.ElementDefinition) values.Add(null);
                }
            }
            if (starts.Count != rows) throw new InvalidDataException($"it has {starts.Count} rows where its row group has {rows}");
            return new ParquetValues<T>([.. starts, values.Count], values);
        }
        catch (Exception error) // of several types, as damage has none of its own
        {
            var name = string.Join('.', column.Path);
            throw new InvalidDataException($"row group {index} cannot be read: column {name}: {ParquetFile.Said(error)}", error);
        }
    }

    // Out of the page, which goes with the next batch: small values together, large ones (pictures) each by itself, so that a sample
    // keeps no other's. A picture that repeats in a dictionary lies in one place, and is copied once.
    private static unsafe void Copy(ReadOnlySpan<ByteArray> stored, Span<ReadOnlyMemory<byte>> values)
    {
        const int large = 1 << 12;
        var (size, at) = (0, 0);
        foreach (var value in stored) size += value.Length < large ? value.Length : 0;
        var together = new byte[size];
        var alone = new Dictionary<ByteArray, ReadOnlyMemory<byte>>();
        for (var i = 0; i < stored.Length; i++)
        {
            var bytes = new ReadOnlySpan<byte>((void*)stored[i].Pointer, stored[i].Length);
            if (bytes.Length < large)
            {
                bytes.CopyTo(together.AsSpan(at));
                values[i] = together.AsMemory(at, bytes.Length);
                at += bytes.Length;
            }
            else if (!alone.TryGetValue(stored[i], out values[i])) alone.Add(stored[i], values[i] = bytes.ToArray());
        }
    }

    private static void Widen<TStored, T>(ReadOnlySpan<TStored> stored, Span<T> values)
        where TStored : INumber<TStored> where T : INumber<T>
    {
        for (var i = 0; i < stored.Length; i++) values[i] = T.CreateChecked(stored[i]);
    }
}
