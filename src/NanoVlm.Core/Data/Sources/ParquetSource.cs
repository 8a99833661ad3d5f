using NanoVlm.Data.Parquet;

namespace NanoVlm.Data.Sources;

/// <summary>
/// Conversations in parquet files, in the layout of the_cauldron and FineVision: <c>images</c>, a list of {bytes, path}, or <c>image</c>, one
/// of them; <c>texts</c>, a list of {user, assistant}; where they are there, lists of ratings with one a turn. Several files are one set. A
/// file is read row group by row group, and the groups read last are kept.
/// </summary>
public sealed class ParquetSource : SampleSource
{
    private readonly IReadOnlyList<(ParquetLayout File, int Group, int FirstRow)> groups;
    private readonly int[] firsts; // the index of each group's first row in the set
    private int kept;
    private readonly LinkedList<(int Group, Lazy<ParquetRows> Rows)> recent = new();

    private ParquetSource(string name, IReadOnlyList<ParquetLayout> files, int kept)
    {
        (Name, this.kept) = (name, kept);
        var (places, starts, count) = (new List<(ParquetLayout, int, int)>(), new List<int>(), 0L);
        foreach (var file in files)
            for (int group = 0, row = 0; group < file.File.Groups.Count; row += file.File.Groups[group++])
            {
                places.Add((file, group, row));
                starts.Add((int)count);
                count += file.File.Groups[group];
                if (count > int.MaxValue) throw new NanoVlmException($"{name}: more than {int.MaxValue} rows; give the files as several sources.");
            }
        (groups, firsts, Count) = (places, [.. starts], (int)count);
        Groups = [.. places.Select(place => place.Item1.File.Groups[place.Item2])];
    }

    /// <summary>Opens files as one set: reads where their row groups are, and what their columns are.</summary>
    /// <param name="name">What messages call the set.</param>
    /// <param name="paths">The files, in order.</param>
    /// <param name="groupsKept">How many row groups stay in memory; as many as are read from at once.</param>
    /// <exception cref="NanoVlmException">A file is missing, damaged or no parquet file, has other columns than expected, or there are no rows.</exception>
    public static ParquetSource Open(string name, IReadOnlyList<string> paths, int groupsKept = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groupsKept, 1);
        var problems = new List<string>();
        var files = new List<ParquetLayout>();
        foreach (var path in paths)
            if (ParquetLayout.Of(ParquetFile.Open(path), problems) is { } layout) files.Add(layout);
        if (problems.Count > 0) throw new NanoVlmException(ParquetLayout.Refusal(problems));
        var source = new ParquetSource(name, files, groupsKept);
        return source.Count > 0 ? source : throw new NanoVlmException($"{name}: has no rows; expected a row for each conversation.");
    }

    /// <summary>Opens a file.</summary>
    /// <inheritdoc cref="Open(string, IReadOnlyList{string}, int)"/>
    public static ParquetSource Open(string path, int groupsKept = 4) => Open(path, [path], groupsKept);

    /// <summary>Keeps as many groups in memory as hold so many rows one after the other, and the beginning of what follows.</summary>
    /// <param name="rows">The window that rows are shuffled in (<see cref="SampleOrder"/>).</param>
    public void KeepRows(int rows)
    {
        lock (recent) kept = Math.Clamp(2 + (int)((long)rows * Groups.Count / Math.Max(1, Count)), 2, Math.Max(2, Groups.Count));
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<int> Groups { get; }

    /// <summary>Reads a row, and the row group around it if it is not among those read last.</summary>
    /// <param name="index">Its index from 0.</param>
    /// <exception cref="NanoVlmException">The row is not as expected, or its row group is damaged; names file and row.</exception>
    public override RawSample this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var place = PlaceOf(index);
            var (file, group, first) = groups[place];
            var row = index - firsts[place];
            var origin = $"{file.File.Path}, row {first + row}";
            try
            {
                return Rows(place).Sample(row, origin);
            }
            catch (InvalidDataException error)
            {
                throw new NanoVlmException($"{origin}: {error.Message}", error);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new NanoVlmException($"{origin}: row group {group} cannot be read: {error.Message}", error);
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        lock (recent) recent.Clear();
    }

    /// <inheritdoc/>
    public override string FileOf(int index) => groups[PlaceOf(index)].File.File.Path;

    private int PlaceOf(int index)
    {
        var place = Array.BinarySearch(firsts, index);
        if (place < 0) place = ~place - 1;
        while (Groups[place] <= index - firsts[place]) place++; // empty groups begin where the next one does
        return place;
    }

    // Threads that want the same group wait for the one that reads it; those that want another do not.
    private ParquetRows Rows(int place)
    {
        Lazy<ParquetRows> rows;
        lock (recent)
        {
            var node = recent.First;
            while (node is not null && node.Value.Group != place) node = node.Next;
            if (node is not null) recent.Remove(node);
            else
            {
                var (file, group, _) = groups[place];
                node = new((place, new Lazy<ParquetRows>(() => ParquetRows.Read(file, group))));
                while (recent.Count >= kept) recent.RemoveLast();
            }
            recent.AddFirst(node);
            rows = node.Value.Rows;
        }
        return rows.Value;
    }
}
