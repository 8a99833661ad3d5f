using System.Text;

namespace NanoVlm.Shared;

/// <summary>Writes parquet files of the simplest kind, from the specification: one page a column chunk, plain values or a dictionary of them, no compression.</summary>
internal sealed class TestParquet : IDisposable
{
    private readonly FileStream file;
    private readonly Column[] columns;
    private readonly MemoryStream groups = new();
    private int groupCount;
    private long rows;

    /// <param name="path">The file.</param>
    /// <param name="columns">Each "name", "name.member", "name[]", "name[].member" or "name.member[]", with ":int", ":int32", ":float" or ":double" where it is
    /// no text or file, and ":dictionary" where its texts are stored in one.</param>
    public TestParquet(string path, params string[] columns)
    {
        file = new FileStream(path, FileMode.Create);
        file.Write("PAR1"u8);
        this.columns = [.. columns.Select(column =>
        {
            var parts = column.Split(':');
            var type = parts.Length == 1 ? 6 : parts[1] switch { "int32" => 1, "int" => 2, "float" => 4, "double" => 5, _ => 6 };
            return new Column([.. parts[0].Split('.').Select(name => name.Replace("[]", ""))], type, parts[0].Contains("[]"), parts[0].Contains("[].") || !parts[0].Contains('.'), parts[^1] == "dictionary");
        })];
    }

    // A list is outside of a structure, or within it.
    private sealed record Column(string[] Path, int Type, bool IsList, bool IsOuter, bool IsDictionary)
    {
        // Every node is optional, but for a list's own.
        public int MaxDefinition => (IsList ? 3 : 1) + (Path.Length > 1 ? 1 : 0);

        public int EmptyList => IsOuter ? 1 : 2;
    }

    /// <summary>The usual columns.</summary>
    public static readonly string[] Cauldron = ["images[].bytes", "images[].path", "texts[].user", "texts[].assistant", "texts[].source"];

    /// <summary>The compression that the footer claims; there is none.</summary>
    public int Codec { get; init; }

    /// <summary>Writes a row group: for each column, for each row, its values; null: the list itself is.</summary>
    public void Group(int rowCount, params object?[]?[][] values)
    {
        var chunks = new MemoryStream();
        for (var c = 0; c < columns.Length; c++)
        {
            var column = columns[c];
            var (path, isList, max) = (column.Path, column.IsList, column.MaxDefinition);
            List<object> distinct = [];
            List<int> indices = [];
            List<int> repetition = [], definition = [];
            var data = new MemoryStream();
            foreach (var row in values[c])
            {
                if (row is null or []) Level(0, isList && row is not null ? column.EmptyList : 0);
                for (var i = 0; i < (row?.Length ?? 0); i++)
                {
                    Level(i == 0 ? 0 : 1, row![i] is null ? max - 1 : max);
                    if (row[i] is not { } value) continue;
                    if (!column.IsDictionary) Value(data, value, column.Type);
                    else if (distinct.IndexOf(value) is >= 0 and var known) indices.Add(known);
                    else
                    {
                        indices.Add(distinct.Count);
                        distinct.Add(value);
                    }
                }
            }
            var page = new MemoryStream();
            if (isList) Levels(page, repetition, 1);
            Levels(page, definition, max);
            var start = file.Position;
            if (column.IsDictionary)
            {
                foreach (var value in distinct) Value(data, value, column.Type);
                file.Write(new Thrift().Int(1, 2).Int(2, data.Length).Int(3, data.Length).Struct(7, new Thrift().Int(1, distinct.Count).Int(2, 0)).End());
                data.WriteTo(file);
                (data = new MemoryStream()).WriteByte(8); // bits of an index
                foreach (var index in indices) data.Write([2, (byte)index]);
            }
            data.WriteTo(page);
            var dataStart = file.Position;
            file.Write(new Thrift().Int(1, 0).Int(2, page.Length).Int(3, page.Length).Struct(5, new Thrift().Int(1, definition.Count).Int(2, column.IsDictionary ? 8 : 0).Int(3, 3).Int(4, 3)).End());
            page.WriteTo(file);
            var meta = new Thrift().Int(1, column.Type).List(2, 5, 1, [0]).Texts(3, path).Int(4, Codec).Long(5, definition.Count).Long(6, file.Position - start).Long(7, file.Position - start).Long(9, dataStart);
            if (column.IsDictionary) meta.Long(11, start);
            chunks.Write(new Thrift().Long(2, start).Struct(3, meta).End());

            void Level(int r, int d)
            {
                repetition.Add(r);
                definition.Add(d);
            }
        }
        groups.Write(new Thrift().List(1, 12, columns.Length, chunks.ToArray()).Long(2, 0).Long(3, rowCount).End());
        groupCount++;
        rows += rowCount;
    }

    public void Dispose()
    {
        var schema = new MemoryStream();
        var nodes = 1;
        var roots = columns.GroupBy(column => column.Path[0]).ToList();
        schema.Write(new Thrift().Text(4, "schema").Int(5, roots.Count).End());
        foreach (var root in roots)
        {
            var first = root.First();
            var isOuterList = first.IsList && first.IsOuter;
            if (isOuterList)
            {
                Node(root.Key, 1, 1, annotation: 3); // LIST
                Node("list", 2, 1);
            }
            var name = isOuterList ? "element" : root.Key;
            if (first.Path.Length == 1)
            {
                Leaf(name, first.Type);
                continue;
            }
            Node(name, 1, root.Count());
            foreach (var member in root)
            {
                if (member.IsList && !member.IsOuter)
                {
                    Node(member.Path[1], 1, 1, annotation: 3);
                    Node("list", 2, 1);
                }
                Leaf(member.IsList && !member.IsOuter ? "element" : member.Path[1], member.Type);
            }
        }
        var footer = new Thrift().Int(1, 1).List(2, 12, nodes, schema.ToArray()).Long(3, rows).List(4, 12, groupCount, groups.ToArray()).End();
        file.Write(footer);
        file.Write(BitConverter.GetBytes(footer.Length));
        file.Write("PAR1"u8);
        file.Dispose();

        void Node(string name, int presence, int children, int? annotation = null)
        {
            var node = new Thrift().Int(3, presence).Text(4, name).Int(5, children);
            schema.Write((annotation is { } kind ? node.Int(6, kind) : node).End());
            nodes++;
        }

        void Leaf(string name, int type)
        {
            schema.Write(new Thrift().Int(1, type).Int(3, 1).Text(4, name).End());
            nodes++;
        }
    }

    private static void Value(MemoryStream to, object value, int type)
    {
        var bytes = value switch
        {
            string text => Encoding.UTF8.GetBytes(text),
            byte[] whole => whole,
            _ => type switch
            {
                1 => BitConverter.GetBytes(Convert.ToInt32(value)),
                4 => BitConverter.GetBytes(Convert.ToSingle(value)),
                5 => BitConverter.GetBytes(Convert.ToDouble(value)),
                _ => BitConverter.GetBytes(Convert.ToInt64(value)),
            }
        };
        if (value is string or byte[]) to.Write(BitConverter.GetBytes(bytes.Length));
        to.Write(bytes);
    }

    // Runs of one.
    private static void Levels(MemoryStream to, List<int> levels, int max)
    {
        var runs = new MemoryStream();
        foreach (var level in levels) runs.Write([2, (byte)level]);
        to.Write(BitConverter.GetBytes((int)runs.Length));
        runs.WriteTo(to);
        Assert.True(max < 256);
    }

    private sealed class Thrift
    {
        private readonly MemoryStream bytes = new();
        private int last;

        public Thrift Int(int field, long value) => Number(field, 5, value);

        public Thrift Long(int field, long value) => Number(field, 6, value);

        public Thrift Text(int field, string value)
        {
            Field(field, 8);
            Raw(value);
            return this;
        }

        public Thrift Texts(int field, string[] values)
        {
            Field(field, 9);
            bytes.WriteByte((byte)(values.Length << 4 | 8));
            foreach (var value in values) Raw(value);
            return this;
        }

        public Thrift Struct(int field, Thrift value)
        {
            Field(field, 12);
            bytes.Write(value.End());
            return this;
        }

        public Thrift List(int field, int type, int count, byte[] items)
        {
            Field(field, 9);
            bytes.WriteByte((byte)(0xF0 | type));
            Varint((ulong)count);
            bytes.Write(items);
            return this;
        }

        public byte[] End()
        {
            bytes.WriteByte(0);
            return bytes.ToArray();
        }

        private Thrift Number(int field, int type, long value)
        {
            Field(field, type);
            Varint((ulong)((value << 1) ^ (value >> 63)));
            return this;
        }

        private void Field(int field, int type)
        {
            bytes.WriteByte((byte)((field - last) << 4 | type));
            last = field;
        }

        private void Raw(string value)
        {
            var text = Encoding.UTF8.GetBytes(value);
            Varint((ulong)text.Length);
            bytes.Write(text);
        }

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7) bytes.WriteByte((byte)(value | 0x80));
            bytes.WriteByte((byte)value);
        }
    }
}
