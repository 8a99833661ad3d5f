using NanoVlm.Data.Sources;
using ParquetSharp;
using ParquetSharp.Schema;

namespace NanoVlm.Tests.Data.Sources;

public sealed class ParquetTableTests : IDisposable
{
    private static readonly TableColumn[] Columns =
    [
        new("name", TableKind.Text), new("id", TableKind.Label), new("answer", TableKind.Integer), new("weight", TableKind.Number), new("tags", TableKind.Texts),
        TableColumn.Structures("answers", "text", "who"), new("image", TableKind.Image), new("images", TableKind.Images), new("blob", TableKind.Binary), new("note", TableKind.Text) { IsRequired = false },
    ];

    private static readonly string[] Forms =
        ["name", "id", "answer:int32", "weight:double", "tags[]", "answers[].text", "answers[].who", "image.bytes", "image.path", "images[].bytes", "images[].path", "blob"];

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Each_kind_of_column_is_read()
    {
        var table = ParquetTable.Open("set", [Write("a", Forms, 2)], Columns);
        Assert.Equal(2, table.Count);
        var row = table[1];
        Assert.Equal(("name 1", "id 1", 1, 0.5), (row.Text("name"), row.Label("id"), row.Integer("answer"), row.Number("weight")));
        Assert.Equal(["tag 0", "tag 1"], row.Texts("tags"));
        Assert.Equal(["said 0", "said 1"], row.Texts("answers", "text"));
        Assert.Equal(["who 0", "who 1"], row.Texts("answers", "who"));
        Assert.Equal([1, 0], row.Image("image")!.Read().ToArray());
        Assert.Equal($"{folder["a"]}, row 1, image (1.png)", row.Image("image")!.Name);
        Assert.Equal([[1, 1], [1, 2]], row.Images("images").Select(image => image.Read().ToArray()));
        Assert.Equal([9, 1], row.Binary("blob").ToArray());
        Assert.Null(row.TextOrNull("note"));
        Assert.False(row.Has("note"));
    }

    [Theory]
    [InlineData("answer:int", "id:int", "name:dictionary", "weight:float")]
    [InlineData("answer:int32", "id:int32", "name", "weight:int")]
    public void Widths_and_encodings_do_not_matter(params string[] forms)
    {
        var path = folder["a"];
        using (var file = new TestParquet(path, forms)) file.Group(3, Rows(3, 2, 3), Rows(7, 7, -1), Rows("x", null, "x"), Rows(1, 0, 2));
        var table = ParquetTable.Open("set", [path], [new("answer", TableKind.Integer), new("id", TableKind.Label), new("name", TableKind.Text), new("weight", TableKind.Number)]);
        Assert.Equal([3, 2, 3], Enumerable.Range(0, 3).Select(i => table[i].Integer("answer")));
        Assert.Equal(["7", "7", "-1"], Enumerable.Range(0, 3).Select(i => table[i].Label("id")));
        Assert.Equal(["x", null, "x"], Enumerable.Range(0, 3).Select(i => table[i].TextOrNull("name")));
        Assert.Equal([1, 0, 2], Enumerable.Range(0, 3).Select(i => table[i].Number("weight")));
    }

    [Fact]
    public void A_list_of_structures_may_be_stored_as_a_structure_of_lists()
    {
        var path = folder["a"];
        using (var file = new TestParquet(path, "answers.text[]", "answers.who[]")) file.Group(2, [["a", "b"], []], [["c", "d"], []]);
        var table = ParquetTable.Open("set", [path], [TableColumn.Structures("answers", "who")]);
        Assert.Equal(["c", "d"], table[0].Texts("answers", "who"));
        Assert.Empty(table[1].Texts("answers", "who"));
    }

    [Fact]
    public void Lists_are_read_whatever_their_writer_calls_their_nodes()
    {
        string[]?[] tags = [["a", "b"], [], null, ["c"]];
        using (var file = new ParquetFileWriter(folder["item"], [new Column<string[]>("tags")])) // tags.list.item
        {
            using (var group = file.AppendRowGroup())
            using (var writer = group.NextColumn().LogicalWriter<string[]?>()) writer.WriteBatch(tags);
            file.Close();
        }
        // Of old writers: no node between.
        var array = new PrimitiveNode("array", Repetition.Repeated, LogicalType.String(), PhysicalType.ByteArray);
        var list = new GroupNode("tags", Repetition.Optional, [array], LogicalType.List());
        using (var schema = new GroupNode("schema", Repetition.Required, [list]))
        using (var file = new ParquetFileWriter(folder["array"], schema, WriterProperties.GetDefaultWriterProperties()))
        {
            using (var group = file.AppendRowGroup())
            using (var writer = group.NextColumn()) WriteLevels((ColumnWriter<ByteArray>)writer);
            file.Close();
        }
        var table = ParquetTable.Open("set", [folder["item"], folder["array"]], [new("tags", TableKind.Texts)]);
        for (var i = 0; i < table.Count; i++) Assert.Equal(tags[i % 4] ?? [], table[i].Texts("tags"));

        static unsafe void WriteLevels(ColumnWriter<ByteArray> writer)
        {
            fixed (byte* letters = "abc"u8)
            {
                ByteArray[] values = [new((nint)letters, 1), new((nint)letters + 1, 1), new((nint)letters + 2, 1)];
                writer.WriteBatch(5, [2, 2, 1, 0, 2], [0, 1, 0, 0, 0], values);
            }
        }
    }

    [Fact]
    public void What_is_null_is_empty_where_it_may_be_and_refused_by_name_where_it_may_not()
    {
        var path = folder["a"];
        using (var file = new TestParquet(path, Forms)) file.Group(1, [.. Forms.Select(_ => (object?[]?[])[null])]);
        var row = ParquetTable.Open("set", [path], Columns)[0];
        Assert.Equal((null, null), (row.TextOrNull("name"), row.Image("image")));
        Assert.Empty(row.Texts("tags"));
        Assert.Empty(row.Images("images"));
        foreach (var read in (Action[])[() => row.Text("name"), () => row.Label("id"), () => row.Integer("answer"), () => row.Number("weight")])
            Assert.Matches(@"\A.*a, row 0: column \w+ has no value; expected one\.\z", Assert.Throws<NanoVlmException>(read).Message);
    }

    [Fact]
    public void A_picture_without_bytes_is_refused_when_it_is_read()
    {
        var path = folder["a"];
        using (var file = new TestParquet(path, "image.bytes", "image.path")) file.Group(1, [[null]], [["elsewhere.png"]]);
        var image = ParquetTable.Open("set", [path], [new("image", TableKind.Image)])[0].Image("image")!;
        Assert.Equal($"{path}, row 0: image.bytes has no bytes; expected the file itself, not only its path.", Assert.Throws<NanoVlmException>(() => image.Read()).Message);
    }

    [Fact]
    public void Pictures_may_have_no_paths()
    {
        var path = folder["a"];
        using (var file = new TestParquet(path, "image.bytes")) file.Group(2, Rows((object)new byte[] { 5 }, null));
        var table = ParquetTable.Open("set", [path], [new("image", TableKind.Image)]);
        Assert.Equal([5], table[0].Image("image")!.Read().ToArray());
        Assert.Equal(1, Enumerable.Range(0, 2).Count(i => table[i].Image("image") is { } image && image.Read().Length > 0 && i == 0));
    }

    [Fact]
    public void Files_and_row_groups_follow_each_other()
    {
        var table = ParquetTable.Open("set", [Write("a", Forms, 3, groups: 2), Write("b", Forms, 2)], Columns, groupsKept: 1);
        Assert.Equal(8, table.Count);
        Assert.Equal(["name 0", "name 1", "name 2", "name 3", "name 4", "name 5", "name 0", "name 1"], Enumerable.Range(0, 8).Select(i => table[i].Text("name")));
        Assert.EndsWith("a, row 4", table[4].Origin);
        Assert.EndsWith("b, row 1", table[7].Origin);
        foreach (var i in (int[])[7, 0, 4, 1, 6]) Assert.Equal([(byte)(i < 6 ? i : i - 6), 0], table[i].Image("image")!.Read().ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => table[8]);
    }

    [Fact]
    public void Many_threads_may_read()
    {
        var table = ParquetTable.Open("set", [Write("a", Forms, 2, groups: 8)], Columns, groupsKept: 2);
        Parallel.For(0, 200, i => Assert.Equal((byte)(i % 16), table[i % 16].Image("image")!.Read().Span[0]));
    }

    [Fact]
    public void All_that_is_wrong_with_all_files_is_one_message()
    {
        string a = folder["a"], b = folder["b"];
        using (var file = new TestParquet(a, [.. Forms.Select(form => form.Replace("name", "Name").Replace("answer:int32", "answer"))])) file.Group(0, [.. Forms.Select(_ => (object?[]?[])[])]);
        using (var file = new TestParquet(b, [.. Forms.Where(form => form != "blob").Select(form => form.Replace("tags[]", "tags").Replace("image.", "image[]."))])) file.Group(0, [.. Forms.Skip(1).Select(_ => (object?[]?[])[])]);
        Assert.Equal($"""
            set: the columns of 2 parquet files are not as published:
              {a}: there is no column name (is it called Name? there are Name, id, answer, weight, tags, answers, image, images, blob); column answer is string or binary
              {b}: column tags is string or binary; column image is list of struct<bytes: string or binary, path: string or binary>; there is no column blob (there are name, id, answer, weight, tags, answers, image, images)
            Expected name: string, id: string or int, answer: int, weight: int or float, tags: list<string>, answers: list<struct<text: string, who: string>>, image: struct<bytes: binary, path: string>, images: list<struct<bytes: binary, path: string>>, blob: binary, note?: string; other columns are ignored, and those with a question mark may be missing.
            """.ReplaceLineEndings("\n"), Assert.Throws<NanoVlmException>(() => ParquetTable.Open("set", [a, b], Columns)).Message);
    }

    [Fact]
    public void A_table_without_rows_is_refused()
    {
        using (var file = new TestParquet(folder["a"], "name")) { }
        Assert.Equal("set: has no rows.", Assert.Throws<NanoVlmException>(() => ParquetTable.Open("set", [folder["a"]], [new("name", TableKind.Text)])).Message);
    }

    [Fact]
    public void A_damaged_file_is_named_whatever_is_damaged()
    {
        var whole = File.ReadAllBytes(Write("a", Forms, 4));
        var random = new Random(1);
        for (var trial = 0; trial < 400; trial++)
        {
            var bytes = whole.ToArray();
            for (var i = 0; i < 3; i++) bytes[random.Next(4, bytes.Length - 4)] = (byte)random.Next(256);
            File.WriteAllBytes(folder["damaged"], bytes);
            try
            {
                var table = ParquetTable.Open("set", [folder["damaged"]], Columns);
                for (var i = 0; i < table.Count; i++)
                {
                    _ = table[i].Texts("tags");
                    _ = table[i].Image("image")?.Read();
                    _ = table[i].Text("name");
                }
            }
            catch (NanoVlmException error)
            {
                Assert.Contains(folder["damaged"], error.Message);
            }
        }
    }

    [Theory]
    [InlineData("snappy")]
    [InlineData("zstd")]
    [InlineData("groups")]
    [InlineData("v2-delta")]
    [InlineData("v2")]
    public void Files_of_pyarrow_are_read_as_conversations_are(string name)
    {
        var path = RepositoryFiles.Golden($"parquet/{name}.parquet");
        using var source = ParquetSource.Open(path);
        var table = ParquetTable.Open("set", [path], [TableColumn.Structures("texts", "user", "assistant"), new("images", TableKind.Images) { IsRequired = false }]);
        Assert.Equal(source.Count, table.Count);
        for (var i = 0; i < table.Count; i++)
        {
            Assert.Equal(source[i].Turns.Select(turn => turn.User), table[i].Texts("texts", "user"));
            Assert.Equal(source[i].Images.Select(image => image.Read().ToArray()), table[i].Images("images").Select(image => image.Read().ToArray()));
        }
    }

    public void Dispose() => folder.Dispose();

    private static object?[]?[] Rows(params object?[] values) => [.. values.Select(value => value is null ? null : (object?[])[value])];

    private string Write(string name, string[] forms, int rows, int groups = 1)
    {
        using var file = new TestParquet(folder[name], forms);
        for (var group = 0; group < groups; group++)
            file.Group(rows, [.. forms.Select(form => Enumerable.Range(group * rows, rows).Select(i => (object?[]?)(form.Split(':')[0] switch
            {
                "name" => ["name " + i],
                "id" => ["id " + i],
                "answer" => [i],
                "weight" => [i / 2.0],
                "tags[]" => ["tag 0", "tag 1"],
                "answers[].text" => ["said 0", "said 1"],
                "answers[].who" => ["who 0", "who 1"],
                "image.bytes" => [new byte[] { (byte)i, 0 }],
                "image.path" => [$"{i}.png"],
                "images[].bytes" => [new byte[] { (byte)i, 1 }, new byte[] { (byte)i, 2 }],
                "images[].path" => [null, "x"],
                _ => [new byte[] { 9, (byte)i }],
            })).ToArray())]);
        return folder[name];
    }
}
