using ParquetSharp;
using ParquetSharp.Schema;

namespace NanoVlm.Data.Parquet;

/// <summary>
/// An Apache Parquet file: its columns, and its row groups, which are read one by one. It is open only while something of it is read.
/// </summary>
internal sealed class ParquetFile
{
    private const int MaxDepth = 32;

    // Of a schema's nodes, and of row groups: where more nodes lie each within the other, the library overflows its stack.
    private const int MaxListed = 1 << 14;

    private ParquetFile(string path, IReadOnlyList<ParquetColumn> columns, IReadOnlyList<int> groups) =>
        (Path, Columns, Groups) = (path, columns, groups);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its columns, those within structures and lists each by itself.</summary>
    public IReadOnlyList<ParquetColumn> Columns { get; }

    /// <summary>How many rows each of its row groups has.</summary>
    public IReadOnlyList<int> Groups { get; }

    /// <summary>Reads what columns and row groups there are.</summary>
    /// <exception cref="NanoVlmException">The file is missing or unreadable, no parquet file, cut short, or damaged.</exception>
    public static ParquetFile Open(string path)
    {
        try
        {
            return Read(path, file => new ParquetFile(path, ColumnsOf(file), GroupsOf(file)));
        }
        catch (FileNotFoundException error)
        {
            throw new NanoVlmException($"{path}: no such file; expected a parquet file.", error);
        }
        catch (InvalidDataException error)
        {
            throw new NanoVlmException($"{path}: {error.Message}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Reads columns of a row group.</summary>
    /// <exception cref="InvalidDataException">It is damaged; names the column, and says what to do.</exception>
    public T ReadGroup<T>(int index, Func<ParquetGroup, T> read) => Read(Path, file =>
    {
        using var group = file.RowGroup(index);
        if (group.MetaData.NumRows != Groups[index])
            throw new InvalidDataException($"row group {index} has changed since the file was opened");
        return read(new ParquetGroup(group, index, Groups[index]));
    });

    /// <summary>What an exception of the parquet library says. C++'s come as <c>TYPE (message: 'what it says')</c>.</summary>
    public static string Said(Exception error)
    {
        const string before = "(message: '";
        var at = error.Message.IndexOf(before, StringComparison.Ordinal);
        var said = at < 0 ? error.Message : error.Message[(at + before.Length)..^2];
        return string.Concat(said.Where(letter => !char.IsControl(letter))).TrimEnd('.'); // it may quote the damage
    }

    private static T Read<T>(string path, Func<ParquetFileReader, T> read)
    {
        try
        {
            CheckEnds(path);
            using var properties = ReaderProperties.GetDefaultReaderProperties();
            properties.EnableBufferedStream(); // a page at a time, where a column of a row group would lie in memory twice
            properties.SetThriftContainerSizeLimit(MaxListed);
            using var file = new ParquetFileReader(path, properties);
            return read(file);
        }
        // What the library throws at damage has no type of its own.
        catch (Exception error) when (error is not (IOException or UnauthorizedAccessException))
        {
            throw new InvalidDataException($"{Said(error)}. Fetch or write the file anew.", error);
        }
    }

    // Tells files of another kind, and those that may not be read, from damaged ones.
    private static void CheckEnds(string path)
    {
        using var file = File.OpenHandle(path);
        var length = RandomAccess.GetLength(file);
        if (length < 12 || !IsMagic(0) || !IsMagic(length - 4))
            throw new InvalidDataException("expected a parquet file, which begins and ends with PAR1; it is cut short, or of another kind");

        bool IsMagic(long offset)
        {
            Span<byte> bytes = stackalloc byte[4];
            return RandomAccess.Read(file, bytes, offset) == 4 && bytes.SequenceEqual("PAR1"u8);
        }
    }

    private static List<ParquetColumn> ColumnsOf(ParquetFileReader file)
    {
        var columns = new List<ParquetColumn>();
        using var root = file.FileMetaData.Schema.GroupNode;
        Children(root, [], 0, 0, 0);
        return columns;

        void Children(GroupNode group, string[] path, int definition, int repetition, int element)
        {
            if (path.Length > MaxDepth) throw new InvalidDataException($"expected columns nested at most {MaxDepth} deep");
            for (var i = 0; i < group.FieldCount; i++)
            {
                using var node = group.Field(i);
                Visit(node, [.. path, node.Name], definition, repetition, element);
            }
        }

        void Visit(Node node, string[] path, int definition, int repetition, int element)
        {
            var presence = node.Repetition;
            if (presence != Repetition.Required) definition++;
            if (presence == Repetition.Repeated) repetition++;
            if (presence == Repetition.Repeated || path.Length == 1) element = definition;
            if (node is GroupNode group) Children(group, path, definition, repetition, element);
            else columns.Add(new ParquetColumn(columns.Count, path, ((PrimitiveNode)node).PhysicalType, definition, repetition, element));
        }
    }

    private static List<int> GroupsOf(ParquetFileReader file)
    {
        var rows = new List<int>();
        for (var i = 0; i < file.FileMetaData.NumRowGroups; i++)
        {
            using var group = file.RowGroup(i);
            var count = group.MetaData.NumRows;
            rows.Add(count is >= 0 and <= int.MaxValue ? (int)count : throw new InvalidDataException($"row group {i} has {count} rows"));
        }
        return rows;
    }
}
