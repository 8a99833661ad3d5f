using NanoVlm.Data.Parquet;

namespace NanoVlm.Data.Sources;

/// <summary>
/// Rows of declared columns in parquet files; several files are one table. Texts and numbers are read when it is opened, pictures row group
/// by row group when they are asked for, and the groups asked for last are kept. Safe from any thread.
/// </summary>
internal sealed class ParquetTable
{
    private readonly IReadOnlyList<TableGroup> groups;
    private readonly int[] firsts; // the index of each group's first row in the table
    private readonly int kept;
    private readonly LinkedList<(int Group, string Column, Lazy<ParquetValues<ReadOnlyMemory<byte>>> Values)> recent = new();

    private ParquetTable(string name, IReadOnlyList<TableColumn> columns, IReadOnlyList<TableGroup> groups, int kept)
    {
        (Name, Columns, this.groups, this.kept) = (name, columns, groups, kept);
        firsts = new int[groups.Count];
        var count = 0L;
        for (var i = 0; i < groups.Count; count += groups[i++].Rows) firsts[i] = (int)Math.Min(count, int.MaxValue);
        Count = count <= int.MaxValue ? (int)count : throw new NanoVlmException($"{name}: more than {int.MaxValue} rows.");
    }

    /// <summary>What messages call it.</summary>
    public string Name { get; }

    /// <summary>What it is expected to have.</summary>
    public IReadOnlyList<TableColumn> Columns { get; }

    /// <summary>How many rows there are.</summary>
    public int Count { get; }

    /// <summary>A row.</summary>
    /// <param name="index">Its index from 0.</param>
    public TableRow this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var group = Array.BinarySearch(firsts, index);
            if (group < 0) group = ~group - 1;
            while (groups[group].Rows <= index - firsts[group]) group++; // empty groups begin where the next one does
            return new TableRow(this, groups[group], group, index - firsts[group]);
        }
    }

    /// <summary>Opens files as one table.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="paths">The files, in order.</param>
    /// <param name="columns">The columns that are read; others are ignored.</param>
    /// <param name="groupsKept">How many row groups' pictures stay in memory.</param>
    /// <exception cref="NanoVlmException">A file is missing, damaged or no parquet file, or there are no rows; or columns are not as declared: one
    /// message for all columns of all files.</exception>
    public static ParquetTable Open(string name, IReadOnlyList<string> paths, IReadOnlyList<TableColumn> columns, int groupsKept = 3)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groupsKept, 1);
        var problems = new List<string>();
        var files = new List<TableLayout>();
        foreach (var path in paths)
            if (TableLayout.Of(ParquetFile.Open(path), columns, problems) is { } layout) files.Add(layout);
        if (problems.Count > 0) throw new NanoVlmException(TableLayout.Refusal(name, columns, problems));
        var groups = new List<TableGroup>();
        foreach (var file in files)
            for (int group = 0, row = 0; group < file.File.Groups.Count; row += file.File.Groups[group++])
                groups.Add(Read(file.File.Path, () => new TableGroup(file, group, row, columns)));
        var table = new ParquetTable(name, columns, groups, groupsKept);
        return table.Count > 0 ? table : throw new NanoVlmException($"{name}: has no rows.");
    }

    /// <summary>A large column of a row group, from those read last.</summary>
    internal ParquetValues<ReadOnlyMemory<byte>> Large(int group, string column)
    {
        Lazy<ParquetValues<ReadOnlyMemory<byte>>> values;
        lock (recent)
        {
            // Threads that want the same group wait for the one that reads it; those that want another do not.
            var node = recent.First;
            while (node is not null && (node.Value.Group != group || node.Value.Column != column)) node = node.Next;
            if (node is not null) recent.Remove(node);
            else node = new((group, column, new(() => Read(groups[group].Path, () => groups[group].Large(column)))));
            recent.AddFirst(node);
            for (var last = recent.Last; recent.Select(one => one.Group).Distinct().Count() > kept; last = recent.Last) recent.Remove(last!);
            values = node.Value.Values;
        }
        return values.Value;
    }

    private static T Read<T>(string path, Func<T> read)
    {
        try
        {
            return read();
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
}
