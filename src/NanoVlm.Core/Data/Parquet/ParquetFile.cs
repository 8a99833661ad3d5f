using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace NanoVlm.Data.Parquet;

/// <summary>What a column's values are, as the format numbers them.</summary>
internal enum ParquetType
{
    Boolean = 0,
    Int32 = 1,
    Int64 = 2,
    Int96 = 3,
    Float = 4,
    Double = 5,
    ByteArray = 6,
    FixedLengthByteArray = 7,
}

/// <summary>A column of values, which may lie within structures and lists.</summary>
/// <param name="Index">Its place among a row group's columns.</param>
/// <param name="Path">The names from the outermost on, those of the format's own nodes in lists included.</param>
/// <param name="Type">What its values are.</param>
/// <param name="MaxDefinition">How many of the nodes of its path can be absent: the level of a value that is there.</param>
/// <param name="MaxRepetition">How many of them repeat.</param>
/// <param name="ElementDefinition">The level from which on the innermost list has an element here; outside of lists, the outermost structure.</param>
internal sealed record ParquetColumn(int Index, IReadOnlyList<string> Path, ParquetType Type, int MaxDefinition, int MaxRepetition, int ElementDefinition);

/// <summary>Where a column's values of one row group lie.</summary>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">The bytes.</param>
/// <param name="Codec">How its pages are compressed.</param>
/// <param name="Values">How many values there are, the absent ones included.</param>
internal sealed record ParquetChunk(long Offset, long Length, long Codec, long Values);

/// <summary>Rows that are stored together.</summary>
/// <param name="Rows">How many.</param>
/// <param name="Chunks">Where each column lies.</param>
internal sealed record ParquetRowGroup(int Rows, IReadOnlyList<ParquetChunk> Chunks);

/// <summary>
/// The footer of an Apache Parquet file: its columns and where its row groups lie. Files are hostile input: every length and offset is held
/// to the size of the file.
/// </summary>
/// <remarks>https://github.com/apache/parquet-format</remarks>
internal sealed class ParquetFile
{
    private const int MaxFooter = 64 << 20; // a million column chunks

    private ParquetFile(string path, IReadOnlyList<ParquetColumn> columns, IReadOnlyList<ParquetRowGroup> groups) => (Path, Columns, Groups) = (path, columns, groups);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its columns, those within structures and lists each by itself.</summary>
    public IReadOnlyList<ParquetColumn> Columns { get; }

    /// <summary>Its row groups.</summary>
    public IReadOnlyList<ParquetRowGroup> Groups { get; }

    /// <summary>Reads the footer.</summary>
    /// <exception cref="NanoVlmException">The file is missing or unreadable, no parquet file, cut short, or damaged.</exception>
    public static ParquetFile Open(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var length = RandomAccess.GetLength(file);
            var end = new byte[8];
            if (length < 12 || !Magic(Read(file, 0, 4)) || !Magic(Read(file, length - 4, 4)))
                throw new InvalidDataException("expected a parquet file, which begins and ends with PAR1; it is cut short, or of another kind");
            var footer = BinaryPrimitives.ReadUInt32LittleEndian(Read(file, length - 8, 4));
            if (footer > length - 12 || footer > MaxFooter) throw new InvalidDataException($"its footer of {footer} bytes does not fit a file of {length}");
            var start = length - 8 - footer;
            var meta = ThriftStruct.Read(Read(file, start, (int)footer), out _);
            var columns = Schema(meta.Structs(2, "schema"));
            return new ParquetFile(path, columns, [.. meta.Structs(4, "list of row groups").Select((group, i) => RowGroup(group, i, columns.Count, start))]);
        }
        catch (FileNotFoundException error)
        {
            throw new NanoVlmException($"{path}: no such file; expected a parquet file.", error);
        }
        catch (EndOfStreamException error)
        {
            throw new NanoVlmException($"{path}: the footer is damaged: it ends too early. Fetch or write the file anew.", error);
        }
        catch (InvalidDataException error)
        {
            throw new NanoVlmException($"{path}: {error.Message}. Fetch or write the file anew.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Some bytes of a file.</summary>
    /// <exception cref="InvalidDataException">The file ends before.</exception>
    public static byte[] Read(SafeFileHandle file, long offset, int count)
    {
        var bytes = new byte[count];
        for (int done = 0, read; done < count; done += read)
            if ((read = RandomAccess.Read(file, bytes.AsSpan(done), offset + done)) == 0) throw new InvalidDataException($"the file ends at byte {offset + done}, where more was expected");
        return bytes;
    }

    private static bool Magic(byte[] bytes) => bytes.AsSpan().SequenceEqual("PAR1"u8);

    private static List<ParquetColumn> Schema(IReadOnlyList<ThriftStruct> nodes)
    {
        var columns = new List<ParquetColumn>();
        var at = 0;
        if (nodes.Count == 0) throw new InvalidDataException("the schema is empty");
        Node([], 0, 0, 0, depth: 0);
        if (at != nodes.Count) throw new InvalidDataException("the schema has nodes outside of its tree");
        return columns;

        void Node(string[] path, int definition, int repetition, int element, int depth)
        {
            if (at >= nodes.Count || depth > 32) throw new InvalidDataException("the schema is not a tree");
            var node = nodes[at++];
            if (depth > 0)
            {
                path = [.. path, node.Text(4, "name of a column")];
                var presence = node.Int(3, "repetition of a column"); // 0: required, 1: optional, 2: repeated
                if (presence > 0) definition++;
                if (presence == 2) repetition++;
                if (presence == 2 || depth == 1) element = definition;
            }
            var children = node.Int(5, 0L);
            if (children == 0 && depth > 0)
                columns.Add(new ParquetColumn(columns.Count, path, (ParquetType)node.Int(1, "type of a column"), definition, repetition, element));
            for (var i = 0L; i < children; i++) Node(path, definition, repetition, element, depth + 1);
        }
    }

    private static ParquetRowGroup RowGroup(ThriftStruct group, int index, int columns, long end)
    {
        var rows = group.Int(3, "number of rows");
        var chunks = group.Structs(1, "columns");
        if (rows is < 0 or > int.MaxValue) throw new InvalidDataException($"row group {index} has {rows} rows");
        if (chunks.Count != columns) throw new InvalidDataException($"row group {index} has {chunks.Count} columns where the schema has {columns}");
        return new ParquetRowGroup((int)rows, [.. chunks.Select(chunk =>
        {
            var meta = chunk.Struct(3, "description of a column chunk");
            long data = meta.Int(9, "place of a column chunk"), dictionary = meta.Int(11, 0L), length = meta.Int(7, "length of a column chunk");
            var start = dictionary > 0 && dictionary < data ? dictionary : data;
            if (start < 0 || length < 0 || start > end - length || chunk.Has(1))
                throw new InvalidDataException($"row group {index} has a column at bytes {start} to {start + length}, and the data ends at {end}");
            return new ParquetChunk(start, length, meta.Int(4, "codec"), meta.Int(5, "number of values"));
        })]);
    }
}
