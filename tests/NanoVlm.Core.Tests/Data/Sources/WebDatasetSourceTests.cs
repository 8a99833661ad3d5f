using System.Formats.Tar;
using System.Text;
using NanoVlm.Data;
using NanoVlm.Data.Sources;
using TarEntry = System.Formats.Tar.TarEntry;

namespace NanoVlm.Tests.Data.Sources;

public sealed class WebDatasetSourceTests : IDisposable
{
    private const string Row = """{"image": "elsewhere.png", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}""";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(TarEntryFormat.V7)]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public void Samples_are_read_from_archives_of_every_format(TarEntryFormat format)
    {
        var folders = format == TarEntryFormat.V7 ? "deep" : string.Join('/', Enumerable.Repeat("deep", format == TarEntryFormat.Ustar ? 20 : 60));
        var path = Write("a.tar", format,
            ("./000.jpg", "J0"), ("./000.json", Row),
            ("001.PNG", "P1"), ("001.txt", " a ship\n"), ("001.json", """{"caption": "a ship", "width": 3}"""),
            ("002.cls", "7"),
            ($"{folders}/003.10.webp", "W10"), ($"{folders}/003.json", """{"question": "Same?", "answer": "no", "id": 3}"""), ($"{folders}/003.2.webp", "W2"), ($"{folders}/003.jpeg", "W"),
            ("004.json", """{"question": "No picture?", "answer": "none"}"""));
        using var source = WebDatasetSource.Open(path);
        Assert.Equal(4, source.Count);
        Assert.Equal([new Turn("q", "a")], source[0].Turns);
        Assert.Equal(["J0"], Pictures(source[0]));
        Assert.Equal([new Turn(WebDatasetSource.CaptionPrompt, "a ship")], source[1].Turns);
        Assert.Equal(["P1"], Pictures(source[1]));
        Assert.Equal([new Turn("Same?", "no")], source[2].Turns);
        Assert.Equal(["W", "W2", "W10"], Pictures(source[2]));
        Assert.Equal($"{path}, {folders}/003", source[2].Origin);
        Assert.Equal($"{path}, {folders}/003.jpeg", source[2].Images[0].Name);
        Assert.Empty(source[3].Images);
    }

    [Fact]
    public void Every_thread_reads_every_sample_of_every_shard_as_it_was_written()
    {
        string[] paths = [.. Enumerable.Range(0, 3).Select(shard => Write($"{shard}.tar", TarEntryFormat.Pax,
            [.. Enumerable.Range(0, 20).SelectMany(i => ((string, string)[])[($"{i:000}.jpg", $"picture {shard}-{i}"), ($"{i:000}.txt", $"caption {shard}-{i}")])]))];
        using var source = WebDatasetSource.Open("set", paths);
        Assert.Equal(60, source.Count);
        Parallel.For(0, 8, thread =>
        {
            foreach (var i in SampleOrder.Of(source.Count, null, 1, new RandomStream(1, thread)))
            {
                Assert.Equal($"caption {i / 20}-{i % 20}", source[i].Turns[0].Assistant);
                Assert.Equal([$"picture {i / 20}-{i % 20}"], Pictures(source[i]));
            }
        });
    }

    [Fact]
    public void Samples_that_are_not_whole_and_paths_that_leave_the_archive_are_named_and_the_others_read()
    {
        var path = Write("bad.tar", TarEntryFormat.Ustar,
            ("0.jpg", "x"), ("1.txt", "text"), ("../../2.jpg", "x"), ("../../2.txt", "climbs"), ("/etc/3.txt", "absolute"), ("3.jpg", "x"), ("4.jpg", "x"), ("4.json", "{"), ("5.jpg", "x"), ("5.txt", " "),
            ("55.jpg", "x"), ("55.json", """{"\ud800aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": 1}"""), ("55.txt", "beside"),
            ("6.jpg", "x"), ("6.txt", "fine"));
        using var source = WebDatasetSource.Open(path);
        string[] said =
        [
            "bad.tar, 0: has a picture and no text; expected 0.json or 0.txt beside", "bad.tar, 1: the caption has no picture", "bad.tar, ../../2: the path leaves the archive", "bad.tar, /etc/3: the path leaves the archive",
            "bad.tar, 3: has a picture and no text", "bad.tar, 4: not valid JSON", "bad.tar, 5: the caption is empty", "bad.tar, 55: ",
        ];
        Assert.Equal(said.Length + 1, source.Count);
        for (var i = 0; i < said.Length; i++) Assert.Contains(said[i], Assert.Throws<NanoVlmException>(() => source[i]).Message);
        Assert.Equal("fine", source[said.Length].Turns[0].Assistant);
    }

    [Fact]
    public void Shards_cut_short_or_damaged_are_refused_with_the_place()
    {
        var good = File.ReadAllBytes(Write("good.tar", TarEntryFormat.Ustar, ("0.jpg", new string('x', 700)), ("0.txt", "t")));
        Refused(good[..100], "byte 0: it is cut short within a header");
        Refused([], "byte 0: it is empty");
        Refused(good[..1000], "byte 0: an entry of 700 bytes is longer than the rest of the archive; it is cut short");
        Refused(good[..1700], "byte 1536: it is cut short within a header");
        Refused([.. good[..1636], (byte)'9', .. good[1637..]], "byte 1536: the checksum of the header is wrong");
        Refused(Sized("77777777777\0"u8), "byte 0: an entry of 8589934591 bytes is longer than the rest");
        Refused(Sized([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), "byte 0: the size of an entry is no number, or negative");
        Refused(Sized([0x80, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), "byte 0: the size of an entry is no number, or negative");
        Refused(Sized("-0000000001\0"u8), "byte 0: the size of an entry is no number, or negative");
        Refused(new byte[1024], "has no samples");
        Assert.Contains("nowhere.tar: no such file", Assert.Throws<NanoVlmException>(() => WebDatasetSource.Open(folder.Path + "/nowhere.tar")).Message);

        void Refused(byte[] bytes, string said)
        {
            var message = Assert.Throws<NanoVlmException>(() => WebDatasetSource.Open(folder.Write("bad.tar", bytes))).Message;
            Assert.Contains("bad.tar", message);
            Assert.Contains(said, message);
        }

        byte[] Sized(ReadOnlySpan<byte> size)
        {
            byte[] bytes = [.. good];
            size.CopyTo(bytes.AsSpan(124));
            bytes.AsSpan(148, 8).Fill((byte)' ');
            Encoding.ASCII.GetBytes($"{Convert.ToString(bytes.Take(512).Sum(part => part), 8).PadLeft(6, '0')}\0 ").CopyTo(bytes, 148);
            return bytes;
        }
    }

    [Fact]
    public void Damaged_shards_give_samples_or_messages_and_nothing_else()
    {
        var random = new RandomStream(3);
        byte[][] good = [.. Enum.GetValues<TarEntryFormat>().Where(format => format != TarEntryFormat.Unknown).Select(format =>
            File.ReadAllBytes(Write("good.tar", format, ("0.jpg", "x"), ("0.txt", "t"), (format == TarEntryFormat.V7 ? "1.jpg" : new string('d', 120) + "/1.jpg", "x"), ("1.json", Row))))];
        for (var round = 0; round < 400; round++)
        {
            byte[] bytes = [.. good[round % good.Length]];
            var header = random.Below(bytes.Length / 512) * 512;
            for (var flips = random.Below(3); flips >= 0; flips--) bytes[header + random.Below(512)] = (byte)random.Below(256);
            if (round % 3 == 0) // past the checksum
            {
                bytes.AsSpan(header + 148, 8).Fill((byte)' ');
                Encoding.ASCII.GetBytes($"{Convert.ToString(bytes.Skip(header).Take(512).Sum(part => part), 8).PadLeft(6, '0')}\0 ").CopyTo(bytes, header + 148);
            }
            try
            {
                using var source = WebDatasetSource.Open(folder.Write("fuzz.tar", bytes));
                for (var i = 0; i < source.Count; i++)
                    try { Assert.NotEmpty(source[i].Turns); }
                    catch (NanoVlmException e) { Assert.Contains("fuzz.tar", e.Message); }
            }
            catch (NanoVlmException e) { Assert.Contains("fuzz.tar", e.Message); }
        }
    }

    [Fact]
    public void Samples_that_wait_hold_no_pictures_and_a_shard_cut_meanwhile_is_named()
    {
        var path = Write("large.tar", TarEntryFormat.Ustar, [.. Enumerable.Range(0, 20).SelectMany(i => ((string, string)[])[($"{i:00}.txt", "t"), ($"{i:00}.jpg", new string('x', 200_000))])]);
        using var source = WebDatasetSource.Open(path);
        RawSample[] waiting = [];
        Allocation.AssertAtMost(1_000_000, () => waiting = [.. source]); // of pictures of 4 MB
        Assert.All(waiting, sample => Assert.Equal(200_000, sample.Images[0].Read().Length));
        using (var file = File.OpenWrite(path)) file.SetLength(file.Length / 2);
        Assert.Equal(200_000, waiting[0].Images[0].Read().Length);
        Assert.Contains("large.tar, 19.jpg", Assert.Throws<NanoVlmException>(() => waiting[19].Images[0].Read()).Message);
    }

    [Fact]
    public void A_picture_that_claims_to_be_huge_is_a_row_whose_picture_is_refused()
    {
        byte[] png = [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, .. "IHDR"u8, 0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0, 8, 2, 0, 0, 0, 0, 0, 0, 0];
        var path = folder.Path + "/huge.tar";
        using (var tar = new TarWriter(File.Create(path)))
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "0.png") { DataStream = new MemoryStream(png) });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "0.txt") { DataStream = new MemoryStream("t"u8.ToArray()) });
        }
        using var source = WebDatasetSource.Open(path);
        var image = source[0].Images[0];
        Assert.Contains("huge.tar, 0.png", Assert.Throws<NanoVlmException>(() => image.Size()).Message);
        Assert.Contains("huge.tar, 0.png", Assert.Throws<NanoVlmException>(() => image.Decode()).Message);
    }

    private static IEnumerable<string> Pictures(RawSample sample) => sample.Images.Select(image => Encoding.UTF8.GetString(image.Read().Span));

    private string Write(string name, TarEntryFormat format, params (string Name, string Content)[] files)
    {
        var path = Path.Combine(folder.Path, name);
        using var tar = new TarWriter(File.Create(path), format, leaveOpen: false);
        foreach (var (file, content) in files)
        {
            var kind = format == TarEntryFormat.V7 ? TarEntryType.V7RegularFile : TarEntryType.RegularFile;
            TarEntry entry = format switch
            {
                TarEntryFormat.V7 => new V7TarEntry(kind, file),
                TarEntryFormat.Ustar => new UstarTarEntry(kind, file),
                TarEntryFormat.Pax => new PaxTarEntry(kind, file),
                _ => new GnuTarEntry(kind, file),
            };
            entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
            tar.WriteEntry(entry);
        }
        return path;
    }
}
