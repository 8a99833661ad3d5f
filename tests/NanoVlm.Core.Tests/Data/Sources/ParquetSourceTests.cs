using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using NanoVlm.Data;
using NanoVlm.Data.Sources;

namespace NanoVlm.Tests.Data.Sources;

public sealed class ParquetSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("uncompressed")]
    [InlineData("snappy")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("brotli")]
    [InlineData("lz4_raw")]
    [InlineData("v2")]
    [InlineData("v2-delta")]
    public void What_DuckDB_wrote_is_read_whatever_the_compression_and_the_encoding(string name)
    {
        var path = RepositoryFiles.Golden($"parquet/{name}.parquet");
        using var source = ParquetSource.Open(path);
        Assert.Equal(60, source.Count);
        for (var i = 0; i < source.Count; i++)
        {
            var row = source[i];
            Assert.Equal($"{path}, row {i}", row.Origin);
            Assert.Equal(i % 3, row.Images.Count);
            for (var k = 0; k < row.Images.Count; k++)
            {
                Assert.Equal(Picture(i, k), row.Images[k].Read());
                Assert.Equal($"{path}, row {i}, image {k}" + (i % 2 == 0 ? $" (p{i}-{k}.png)" : ""), row.Images[k].Name);
            }
            Assert.Equal(Enumerable.Range(0, 1 + i % 4).Select(k => new Turn($"question {k} of row {i}? Größe 😀", i % 5 == 0 ? "yes" : $"answer {k * i}")
            {
                Ratings = i % 7 == 0 ? null : new TurnRatings(k == 1 ? null : 1 + (i + k) % 5, null, 1 + i * k % 5, null),
            }), row.Turns);
        }
    }

    [Fact]
    public void A_column_of_one_image_and_rows_without_are_read()
    {
        using var source = ParquetSource.Open(RepositoryFiles.Golden("parquet/single.parquet"));
        Assert.Equal(60, source.Count);
        for (var i = 0; i < source.Count; i++)
        {
            Assert.Equal(i % 3 > 0 ? 1 : 0, source[i].Images.Count);
            if (i % 3 > 0) Assert.Equal(Picture(i, 0), source[i].Images[0].Read());
            Assert.Equal($"question 0 of row {i}? Größe 😀", source[i].Turns.Single().User);
        }
    }

    [Fact]
    public void Row_groups_of_another_writer_are_found()
    {
        using var source = ParquetSource.Open(RepositoryFiles.Golden("parquet/groups.parquet"));
        Assert.Equal(5000, source.Count);
        Assert.Equal([2048, 2048, 904], source.Groups);
        foreach (var i in (int[])[0, 2047, 2048, 4095, 4096, 4999]) Assert.Equal($"question 0 of row {i}? Größe 😀", source[i].Turns[0].User);
    }

    [Fact]
    public void Every_thread_reads_every_row_as_it_was_written_in_any_order()
    {
        string[] paths = [Write("a", [3, 0, 5, 1]), Write("b", [4]), Write("c", [0, 2, 7])];
        using var source = ParquetSource.Open("set", paths, groupsKept: 2);
        Assert.Equal(22, source.Count);
        Assert.Equal([3, 0, 5, 1, 4, 0, 2, 7], source.Groups);
        string[] firsts = [.. source.Select(row => row.Turns[0].User)];
        Assert.Equal(Names("a", 9).Concat(Names("b", 4)).Concat(Names("c", 9)), firsts);
        var faults = new ConcurrentQueue<string>();
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, thread =>
        {
            foreach (var i in SampleOrder.Of(source.Count, null, 1, new RandomStream(1, thread)))
                if (source[i].Turns[0].User != firsts[i] || !source[i].Images[0].Read().Span.SequenceEqual(Encoding.UTF8.GetBytes("picture " + firsts[i]))) faults.Enqueue($"{thread}: {i}");
        });
        Assert.Empty(faults);

        static IEnumerable<string> Names(string file, int count) => Enumerable.Range(0, count).Select(i => $"{file}{i}");
    }

    [Fact]
    public void Memory_is_that_of_the_groups_kept_and_not_of_the_file()
    {
        var path = folder.Path + "/large.parquet";
        using (var file = new TestParquet(path, "images[].bytes", "texts[].user", "texts[].assistant"))
            for (var group = 0; group < 40; group++)
                file.Group(10, Rows(10, i => new byte[100_000]), Rows(10, i => $"{i}"), Rows(10, i => "a"));
        using var source = ParquetSource.Open(path, groupsKept: 2);
        var read = new List<WeakReference>(); // the arrays that pictures lie in
        for (var row = 0; row < source.Count; row++) Read(row);
        GC.Collect();
        var held = read.Select(array => array.Target).OfType<byte[]>().Distinct().Sum(array => (long)array.Length);
        Assert.InRange(held, 1_000_000, 3_500_000); // two groups of a megabyte each, of forty

        [MethodImpl(MethodImplOptions.NoInlining)] // no local outlives a row
        void Read(int row)
        {
            var picture = source[row].Images[0].Read();
            Assert.Equal(100_000, picture.Length);
            Assert.True(MemoryMarshal.TryGetArray(picture, out var bytes));
            read.Add(new WeakReference(bytes.Array));
        }
    }

    [Fact]
    public void Other_columns_than_expected_are_all_named_at_opening()
    {
        string[] paths = [folder.Path + "/a.parquet", folder.Path + "/b.parquet", folder.Path + "/c.parquet", folder.Path + "/d.parquet"];
        using (new TestParquet(paths[0], "images[].bytes", "conversations[].user", "conversations[].assistant")) { }
        using (new TestParquet(paths[1], "images[].bytes:int", "texts[].user", "texts[].answer")) { }
        using (new TestParquet(paths[2], TestParquet.Cauldron)) { }
        using (new TestParquet(paths[3], "image", "texts.user", "texts.assistant", "relevance_ratings[]")) { }
        var message = Assert.Throws<NanoVlmException>(() => ParquetSource.Open("set", paths)).Message;
        Assert.StartsWith("3 parquet files are not as expected", message);
        Assert.Contains("a.parquet: there is no column texts (there are images, conversations)", message);
        Assert.Contains("b.parquet: column texts has no assistant: it is texts.list.element.user: list of binary or string, texts.list.element.answer: list of binary or string; column images is not as expected: it is images.list.element.bytes: list of int", message);
        Assert.Contains("d.parquet: column texts is not as expected: it is texts.user: binary or string", message);
        Assert.Contains("column image has no bytes: it is image: binary or string", message);
        Assert.Contains("column relevance_ratings is not as expected: it is relevance_ratings.list.element: list of binary or string", message);
        Assert.Contains("texts: list<struct<user: string, assistant: string>>", message);
        Assert.DoesNotContain("c.parquet", message);
    }

    [Fact]
    public void Bad_rows_are_named_and_their_neighbours_are_read()
    {
        var path = folder.Path + "/rows.parquet";
        using (var file = new TestParquet(path, "images[].bytes", "images[].path", "texts[].user", "texts[].assistant", "formatting_ratings[]:int"))
            file.Group(7,
                [[new byte[1]], [null], [], null, [], [], []],
                [["x.png"], ["lost.png"], [], null, [], [], []],
                [["q"], ["q"], [], null, [null], [new byte[] { 0xFF }], ["q", "r"]],
                [["a"], ["a"], [], null, ["a"], ["a"], ["a", "b"]],
                [null, [], null, null, null, null, [1]]);
        using var source = ParquetSource.Open(path);
        Assert.Equal(new Turn("q", "a"), source[0].Turns.Single());
        Refused(1, "image 0 (lost.png) has no bytes");
        Refused(2, "texts is empty");
        Refused(3, "texts is empty");
        Refused(4, "texts[0].user is null");
        Refused(5, "texts[0].user is not valid UTF-8");
        Refused(6, "formatting_ratings has 1 entries for 2 turns");

        void Refused(int row, string said) => Assert.Contains($"rows.parquet, row {row}: {said}", Assert.Throws<NanoVlmException>(() => source[row]).Message);
    }

    [Fact]
    public void Ten_thousand_turns_are_one_row()
    {
        var path = folder.Path + "/turns.parquet";
        object[] turns = [.. Enumerable.Range(0, 10_000).Select(i => $"{i}")];
        using (var file = new TestParquet(path, "texts[].user", "texts[].assistant")) file.Group(2, [turns, ["q"]], [turns, ["a"]]);
        using var source = ParquetSource.Open(path);
        Assert.Equal(turns, source[0].Turns.Select(turn => turn.Assistant));
        Assert.Equal(new Turn("q", "a"), source[1].Turns.Single());
    }

    [Fact]
    public void A_file_cut_short_anywhere_is_refused_by_name()
    {
        var whole = File.ReadAllBytes(RepositoryFiles.Golden("parquet/snappy.parquet"));
        for (var length = 0; length < whole.Length; length += 1 + length / 40)
            Assert.Contains("cut.parquet: ", Assert.Throws<NanoVlmException>(() => ParquetSource.Open(folder.Write("cut.parquet", whole[..length]))).Message);
        Assert.Contains("cut short, or of another kind. Fetch or write the file anew.", Assert.Throws<NanoVlmException>(() => ParquetSource.Open(folder.Write("cut.parquet", whole[..^50]))).Message);
        Assert.Contains("nowhere.parquet: no such file", Assert.Throws<NanoVlmException>(() => ParquetSource.Open(folder.Path + "/nowhere.parquet")).Message);
    }

    [Fact]
    public void A_compression_that_cannot_be_read_is_named()
    {
        var bytes = File.ReadAllBytes(RepositoryFiles.Golden("parquet/snappy.parquet"));
        var codec = bytes.AsSpan().LastIndexOf("user\x15\x02"u8) + 5; // the path of the column, and the next field
        bytes[codec] = 6; // LZO
        using var source = ParquetSource.Open(folder.Write("lzo.parquet", bytes));
        var message = Assert.Throws<NanoVlmException>(() => source[0]).Message;
        Assert.Contains("lzo.parquet, row 0: row group 0 cannot be read: column texts.list.element.user: ", message);
        Assert.Matches(@"LZO.*\. Fetch or write the file anew\.\z", message);
    }

    [Fact]
    public void A_file_that_has_changed_since_it_was_opened_is_named()
    {
        var path = Write("changed", [2, 1]);
        using var source = ParquetSource.Open(path);
        Write("changed", [3, 1]);
        var changed = Assert.Throws<NanoVlmException>(() => source[0]);
        Assert.Contains("changed.parquet, row 0: row group 0 has changed since the file was opened", changed.Message);
        File.Delete(path);
        var gone = Assert.Throws<NanoVlmException>(() => source[2]);
        Assert.Contains("changed.parquet, row 2: row group 1 cannot be read: ", gone.Message);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(1_000_000)]
    public void A_schema_nested_without_end_is_refused_by_name(int depth)
    {
        // The footer's version, and its schema: groups of one member each, optional, "a".
        byte[] count = [(byte)(depth | 0x80), (byte)(depth >> 7 | 0x80), (byte)(depth >> 14)];
        byte[] node = [0x35, 2, 0x18, 1, 0x61, 0x15, 2, 0];
        byte[] footer = [0x15, 2, 0x19, 0xFC, .. count, .. Enumerable.Repeat(node, depth).SelectMany(one => one)];
        byte[] bytes = [.. "PAR1"u8, .. footer, .. BitConverter.GetBytes(footer.Length), .. "PAR1"u8];
        Refused("deep.parquet", bytes);
    }

    [Theory]
    [InlineData(0x19)] // a list of one list
    [InlineData(0x1C)] // a structure in a structure
    public void A_footer_nested_without_end_is_refused_by_name(byte part)
    {
        byte[] bytes = [.. "PAR1"u8, .. Enumerable.Repeat(part, 3_000_001), 0x0C, .. BitConverter.GetBytes(3_000_002), .. "PAR1"u8];
        Refused("nested.parquet", bytes);
    }

    [Theory]
    [InlineData("snappy")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("brotli")]
    [InlineData("lz4_raw")]
    [InlineData("uncompressed")]
    [InlineData("v2")]
    [InlineData("v2-delta")]
    public void Damaged_files_give_rows_or_messages_and_nothing_else(string name)
    {
        var random = new RandomStream(7);
        var good = File.ReadAllBytes(RepositoryFiles.Golden($"parquet/{name}.parquet"));
        var footer = BitConverter.ToInt32(good, good.Length - 8) + 8;
        for (var round = 0; round < 200; round++)
        {
            byte[] bytes = [.. good];
            for (var flips = random.Below(4); flips >= 0; flips--)
                bytes[round % 2 == 0 ? random.Below(bytes.Length) : bytes.Length - 1 - random.Below(footer)] = (byte)random.Below(256);
            try
            {
                using var source = ParquetSource.Open(folder.Write("fuzz.parquet", bytes));
                for (var i = 0; i < source.Count; i += 7)
                    try { Assert.NotEmpty(source[i].Turns); }
                    catch (NanoVlmException e) { Assert.Contains($"fuzz.parquet, row {i}: ", e.Message); }
            }
            catch (NanoVlmException e) { Assert.Contains("fuzz.parquet: ", e.Message); }
        }
        if (!OperatingSystem.IsLinux()) return;
        var open = Directory.GetFiles("/proc/self/fd").Select(file => new FileInfo(file).LinkTarget);
        Assert.DoesNotContain(folder["fuzz.parquet"], open);
    }

    private void Refused(string name, byte[] bytes)
    {
        var error = Assert.Throws<NanoVlmException>(() => ParquetSource.Open(folder.Write(name, bytes)));
        Assert.Matches($@"{name}: .*\. Fetch or write the file anew\.\z", error.Message);
    }

    private static byte[] Picture(int i, int k) => [.. Enumerable.Repeat<byte[]>([(byte)(i * 7 + k), (byte)i, 0x4E, 0x56], 225).SelectMany(part => part), .. Enumerable.Repeat((byte)0x2A, i % 60)];

    private static object?[][] Rows(int count, Func<int, object> value) => [.. Enumerable.Range(0, count).Select(i => (object?[])[value(i)])];

    private string Write(string name, int[] groups)
    {
        var path = $"{folder.Path}/{name}.parquet";
        using var file = new TestParquet(path, TestParquet.Cauldron);
        var first = 0;
        foreach (var count in groups)
        {
            var from = first;
            file.Group(count,
                Rows(count, i => Encoding.UTF8.GetBytes($"picture {name}{from + i}")), Rows(count, i => "p.png"),
                Rows(count, i => $"{name}{from + i}"), Rows(count, i => "a"), Rows(count, i => "s"));
            first += count;
        }
        return path;
    }
}
