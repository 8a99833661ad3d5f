using NanoVlm.Data.Parquet;
using ParquetSharp;

namespace NanoVlm.Data.Sources;

/// <summary>A row group of a table: its texts and numbers in memory, its pictures read as a whole when they are asked for.</summary>
internal sealed class TableGroup
{
    private readonly Dictionary<string, ParquetValues<ReadOnlyMemory<byte>>> texts = [];
    private readonly Dictionary<string, ParquetValues<long>> integers = [];
    private readonly Dictionary<string, ParquetValues<double>> numbers = [];
    private readonly TableLayout layout;
    private readonly int index;

    /// <summary>Reads all but the large columns.</summary>
    /// <exception cref="InvalidDataException">The row group is damaged; names the column.</exception>
    public TableGroup(TableLayout layout, int index, int firstRow, IReadOnlyList<TableColumn> columns)
    {
        (this.layout, this.index, FirstRow) = (layout, index, firstRow);
        var kinds = columns.ToDictionary(column => column.Name, column => column.Kind);
        layout.File.ReadGroup(index, group =>
        {
            foreach (var (key, column) in layout.Columns)
            {
                var kind = kinds[column.Path[0]];
                var isPicture = kind is TableKind.Image or TableKind.Images && key.EndsWith(".bytes", StringComparison.Ordinal);
                if (isPicture || kind == TableKind.Binary) continue;
                if (kind == TableKind.Number) numbers[key] = group.Numbers(column);
                else if (column.Type == PhysicalType.ByteArray) texts[key] = group.Bytes(column);
                else integers[key] = group.Integers(column);
            }
            return true;
        });
    }

    /// <summary>The index of its first row in its file.</summary>
    public int FirstRow { get; }

    /// <summary>How many rows it has.</summary>
    public int Rows => layout.File.Groups[index];

    /// <summary>The file it lies in.</summary>
    public string Path => layout.File.Path;

    /// <summary>Whether the file has the column, or the member of it.</summary>
    public bool Has(string key) => layout.Columns.ContainsKey(key);

    /// <summary>The texts of a column; null where the file has none.</summary>
    public ParquetValues<ReadOnlyMemory<byte>>? Texts(string key) => texts.GetValueOrDefault(key);

    /// <summary>The whole numbers of a column; null where the file has none.</summary>
    public ParquetValues<long>? Integers(string key) => integers.GetValueOrDefault(key);

    /// <summary>The numbers of a column; null where the file has none.</summary>
    public ParquetValues<double>? Numbers(string key) => numbers.GetValueOrDefault(key);

    /// <summary>Reads a large column.</summary>
    /// <exception cref="InvalidDataException">The row group is damaged; names the column.</exception>
    public ParquetValues<ReadOnlyMemory<byte>> Large(string key) => layout.File.ReadGroup(index, group => group.Bytes(layout.Columns[key]));
}
