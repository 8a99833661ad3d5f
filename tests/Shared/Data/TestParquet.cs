using System.Runtime.InteropServices;
using ParquetSharp;
using ParquetSharp.Schema;

namespace NanoVlm.Shared;

/// <summary>
/// Writes parquet files level by level, so that a row may have whatever the format can hold: absent lists, absent elements, lists of
/// different lengths.
/// </summary>
internal sealed class TestParquet : IDisposable
{
    private readonly ParquetFileWriter file;
    private readonly Column[] columns;

    /// <param name="path">The file.</param>
    /// <param name="columns">Each "name", "name.member", "name[]", "name[].member" or "name.member[]", with ":int", ":int32", ":float" or
    /// ":double" where it is no text or file, and ":dictionary" where its texts are stored in one.</param>
    public TestParquet(string path, params string[] columns)
    {
        this.columns = [.. columns.Select(column =>
        {
            var parts = column.Split(':');
            var type = parts[^1] switch
            {
                "int32" => PhysicalType.Int32,
                "int" => PhysicalType.Int64,
                "float" => PhysicalType.Float,
                "double" => PhysicalType.Double,
                _ => PhysicalType.ByteArray,
            };
            string[] names = [.. parts[0].Split('.').Select(name => name.Replace("[]", ""))];
            var isOuter = parts[0].Contains("[].") || !parts[0].Contains('.');
            return new Column(names, type, parts[0].Contains("[]"), isOuter, parts[^1] == "dictionary");
        })];
        using var schema = new GroupNode("schema", Repetition.Required, [.. this.columns.GroupBy(column => column.Path[0]).Select(Root)]);
        using var builder = new WriterPropertiesBuilder();
        builder.Compression(Compression.Uncompressed).DisableDictionary();
        foreach (var column in this.columns.Where(column => column.IsDictionary)) builder.EnableDictionary(string.Join('.', column.Path));
        using var properties = builder.Build();
        file = new ParquetFileWriter(path, schema, properties);
    }

    // A list is outside of a structure, or within it.
    private sealed record Column(string[] Path, PhysicalType Type, bool IsList, bool IsOuter, bool IsDictionary)
    {
        // Every node is optional, but for a list's own.
        public int MaxDefinition => (IsList ? 3 : 1) + (Path.Length > 1 ? 1 : 0);

        public int EmptyList => IsOuter ? 1 : 2;

        public PrimitiveNode Leaf(string name) => new(name, Repetition.Optional, LogicalType.None(), Type);
    }

    /// <summary>The usual columns.</summary>
    public static readonly string[] Cauldron = ["images[].bytes", "images[].path", "texts[].user", "texts[].assistant", "texts[].source"];

    /// <summary>Writes a row group: for each column, for each row, its values; null: the list itself is.</summary>
    public void Group(int rowCount, params object?[]?[][] values)
    {
        using var group = file.AppendRowGroup();
        for (var c = 0; c < columns.Length; c++)
        {
            var (isList, max) = (columns[c].IsList, columns[c].MaxDefinition);
            List<short> repetition = [], definition = [];
            List<object> present = [];
            foreach (var row in values[c].Take(rowCount))
            {
                if (row is null or []) Level(0, isList && row is not null ? columns[c].EmptyList : 0);
                for (var i = 0; i < (row?.Length ?? 0); i++)
                {
                    Level(i == 0 ? 0 : 1, row![i] is null ? max - 1 : max);
                    if (row[i] is { } value) present.Add(value);
                }
            }
            using var writer = group.NextColumn();
            Write(writer, [.. definition], [.. repetition], present);

            void Level(int r, int d)
            {
                repetition.Add((short)r);
                definition.Add((short)d);
            }
        }
    }

    public void Dispose()
    {
        file.Close();
        file.Dispose();
    }

    private static Node Root(IGrouping<string, Column> root)
    {
        var first = root.First();
        if (!first.IsList || !first.IsOuter) return Element(root.Key);
        return List(root.Key, Element("element"));

        Node Element(string name) =>
            first.Path.Length == 1 ? first.Leaf(name) : new GroupNode(name, Repetition.Optional, [.. root.Select(Member)]);
    }

    private static Node Member(Column column) =>
        column.IsList && !column.IsOuter ? List(column.Path[1], column.Leaf("element")) : column.Leaf(column.Path[1]);

    private static GroupNode List(string name, Node element) =>
        new(name, Repetition.Optional, [new GroupNode("list", Repetition.Repeated, [element])], LogicalType.List());

    private static void Write(ColumnWriter to, short[] definition, short[] repetition, List<object> values)
    {
        var count = definition.Length;
        switch (to)
        {
            case ColumnWriter<int> writer: writer.WriteBatch(count, definition, repetition, [.. values.Select(Convert.ToInt32)]); break;
            case ColumnWriter<long> writer: writer.WriteBatch(count, definition, repetition, [.. values.Select(Convert.ToInt64)]); break;
            case ColumnWriter<float> writer: writer.WriteBatch(count, definition, repetition, [.. values.Select(Convert.ToSingle)]); break;
            case ColumnWriter<double> writer: writer.WriteBatch(count, definition, repetition, [.. values.Select(Convert.ToDouble)]); break;
            case ColumnWriter<ByteArray> writer:
                byte[][] bytes = [.. values.Select(value => value as byte[] ?? System.Text.Encoding.UTF8.GetBytes((string)value))];
                var pins = Array.ConvertAll(bytes, one => GCHandle.Alloc(one, GCHandleType.Pinned));
                ByteArray[] arrays = [.. pins.Zip(bytes, (pin, one) => new ByteArray(pin.AddrOfPinnedObject(), one.Length))];
                writer.WriteBatch(count, definition, repetition, arrays);
                foreach (var pin in pins) pin.Free();
                break;
        }
    }
}
