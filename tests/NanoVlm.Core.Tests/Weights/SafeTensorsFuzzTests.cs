using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using NanoVlm.Weights;

namespace NanoVlm.Tests.Weights;

public sealed class SafeTensorsFuzzTests : IDisposable
{
    private static readonly string[] Hostile =
    [
        "0", "-1", "1.5", "1e99", "9223372036854775807", "9223372036854775808", "18446744073709551616", "null", "[]", "{}", "\"x\"",
        "\"\\ud800\"", "\"F64\"", "\"BOOL\"", "\"\\u0000\"", "[[", "]]", "}}", ",,", "\"shape\":[1],", "\"a\":", "\0",
    ];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1, 10_000, 1)]
    [InlineData(2, 10_000, 1)]
    [InlineData(3, 1_000, 20_000)] // large enough to be mapped
    public void Mutated_files_each_load_correctly_or_are_refused(int seed, int count, int rows)
    {
        var random = new Random(seed);
        var original = Original(rows);
        int loaded = 0, refused = 0;
        for (var i = 0; i < count; i++)
        {
            var bytes = original;
            for (var mutations = random.Next(1, 4); mutations > 0; mutations--)
                bytes = Mutate(bytes, random);
            var path = folder["fuzz.safetensors"];
            Write(path, bytes);
            SafeTensorsFile? file = null;
            // Objects, messages; never what a header claims.
            Allocation.AssertAtMost(16_384 + bytes.Length, () =>
            {
                file?.Dispose();
                file = Opened(() => SafeTensorsFile.Open(path), "fuzz.safetensors");
            });
            using var opened = file;
            loaded += file is null ? 0 : 1;
            refused += file is null ? 1 : 0;
            if (file is not null)
                CheckAgainstAnotherReading(file, bytes);
        }

        Assert.True(loaded > count / 20 && refused > count / 5, $"{loaded} loaded and {refused} refused: the mutations miss one side");
    }

    [Fact]
    public void Mutated_indices_and_shards_each_load_correctly_or_are_refused()
    {
        var random = new Random(4);
        var values = Enumerable.Range(0, 6).ToDictionary(i => $"layers.{i}.weight", i => new byte[] { (byte)i, 1, 2 });
        SafeTensorsWriter.WriteSharded(folder.Path, values.Select(pair => new SafeTensorsEntry(pair.Key, SafeTensorsDType.U8, [3], pair.Value)), 6);
        var files = Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal).ToDictionary(path => path, File.ReadAllBytes);
        var index = folder[ModelWeights.IndexFile];
        int loaded = 0, refused = 0;
        for (var i = 0; i < 5_000; i++)
        {
            foreach (var (path, content) in files)
                Write(path, content);
            var text = files[index];
            if (random.Next(10) > 0) // else one shard takes another's place
                for (var mutations = random.Next(1, 4); mutations > 0; mutations--)
                    text = MutateText(text, random);
            else
                Write(files.Keys.ElementAt(random.Next(3)), files.Values.ElementAt(random.Next(3)));
            Write(index, text);
            ModelWeights? weights = null;
            Allocation.AssertAtMost(65_536 + files.Values.Sum(content => content.Length), () =>
            {
                weights?.Dispose();
                weights = Opened(() => ModelWeights.Open(folder.Path), ModelWeights.IndexFile);
            });
            using var opened = weights;
            loaded += weights is null ? 0 : 1;
            refused += weights is null ? 1 : 0;
            if (weights is null)
                continue;
            Assert.Equal(values.Keys, weights.Names.Order(StringComparer.Ordinal));
            foreach (var (name, value) in values)
                using (var tensor = weights.Tensor(name))
                    Assert.True(tensor.bytes.SequenceEqual(value));
        }

        Assert.True(loaded > 100 && refused > 2_000, $"{loaded} loaded and {refused} refused: the mutations miss one side");
    }

    private static T? Opened<T>(Func<T> open, string named) where T : class
    {
        try
        {
            return open();
        }
        catch (NanoVlmException e)
        {
            Assert.Contains(named, e.Message);
            return null;
        }
    }

    // In place: to truncate a file and write it again makes some file systems write to the disk.
    private static void Write(string path, byte[] bytes)
    {
        using var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write);
        RandomAccess.SetLength(file, bytes.Length);
        RandomAccess.Write(file, bytes, 0);
    }

    private byte[] Original(int rows)
    {
        var path = folder["original.safetensors"];
        SafeTensorsWriter.Write(
            path,
            [
                new("a.weight", SafeTensorsDType.F32, [rows, 3], new byte[rows * 12]),
                new("b", SafeTensorsDType.BF16, [4], Encoding.ASCII.GetBytes("abcdefgh")),
                new("empty", SafeTensorsDType.I64, [0], ReadOnlyMemory<byte>.Empty),
                new("scalar", SafeTensorsDType.U8, [], new byte[] { 7 }),
            ],
            new Dictionary<string, string> { ["format"] = "pt" });
        return File.ReadAllBytes(path);
    }

    private static byte[] Mutate(byte[] bytes, Random random)
    {
        if (bytes.Length < 16)
            return bytes;
        var headerEnd = 8 + (int)Math.Min((ulong)bytes.Length - 8, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        var at = random.Next(8, Math.Max(9, headerEnd));
        switch (random.Next(8))
        {
            case 0: // a bit anywhere
                return With(bytes, copy => copy[random.Next(copy.Length)] ^= (byte)(1 << random.Next(8)));
            case 1: // a byte of the header
                return With(bytes, copy => copy[at] = (byte)"0123456789[]{},:\"\\ "[random.Next(19)]);
            case 2: // a byte of the data
                return With(bytes, copy => copy[random.Next(Math.Min(headerEnd, copy.Length - 1), copy.Length)] = (byte)random.Next(256));
            case 3: // the header's length
                return With(bytes, copy => BinaryPrimitives.WriteInt64LittleEndian(
                    copy, random.Next(3) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : headerEnd - 8 + random.Next(-9, 9)));
            case 4: // the file's end
                return random.Next(2) == 0 ? bytes[..random.Next(bytes.Length)] : [.. bytes, .. new byte[random.Next(1, 20)]];
            case 5: // something hostile in place of some bytes, the length kept true
                var insert = Encoding.UTF8.GetBytes(Hostile[random.Next(Hostile.Length)]);
                return Splice(bytes, at, random.Next(0, Math.Min(4, headerEnd - at + 1)), insert);
            case 6: // a piece of the header once more
                var from = random.Next(8, Math.Max(9, headerEnd));
                return Splice(bytes, at, 0, bytes[Math.Min(at, from)..Math.Max(at, from)]);
            default: // a number replaced
                while (at < headerEnd - 1 && !char.IsAsciiDigit((char)bytes[at]))
                    at++;
                return Splice(bytes, at, 1, Encoding.ASCII.GetBytes(random.Next(40).ToString()));
        }
    }

    private static byte[] MutateText(byte[] text, Random random)
    {
        var at = random.Next(text.Length);
        var insert = random.Next(3) switch
        {
            0 => Encoding.UTF8.GetBytes(Hostile[random.Next(Hostile.Length)]),
            1 => [(byte)"0123456789[]{},:\"\\ ./"[random.Next(21)]],
            _ => [.. text.Skip(random.Next(text.Length)).Take(random.Next(40))],
        };
        var from = random.Next(3) == 0 ? at : Math.Min(text.Length, at + insert.Length);
        return [.. text[..at], .. insert, .. text[from..]];
    }

    private static byte[] With(byte[] bytes, Action<byte[]> change)
    {
        var copy = bytes.ToArray();
        change(copy);
        return copy;
    }

    private static byte[] Splice(byte[] bytes, int at, int remove, byte[] insert)
    {
        byte[] result = [.. bytes[..at], .. insert, .. bytes[Math.Min(bytes.Length, at + remove)..]];
        BinaryPrimitives.WriteInt64LittleEndian(result, BinaryPrimitives.ReadInt64LittleEndian(bytes) + insert.Length - remove);
        return result;
    }

    /// <summary>The oracle: System.Text.Json's document over the same bytes.</summary>
    private static void CheckAgainstAnotherReading(SafeTensorsFile file, byte[] bytes)
    {
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var document = JsonDocument.Parse(bytes.AsMemory(8, header));
        var described = document.RootElement.EnumerateObject().Where(property => property.Name != "__metadata__").ToArray();
        Assert.Equal(described.Length, file.Names.Count);
        var covered = 0;
        foreach (var property in described)
        {
            var info = file[property.Name];
            Assert.Equal(property.Value.GetProperty("dtype").GetString(), info.DType.ToString());
            Assert.Equal(property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()), info.Shape);
            var begin = property.Value.GetProperty("data_offsets")[0].GetInt32();
            var end = property.Value.GetProperty("data_offsets")[1].GetInt32();
            Assert.True(file.Bytes(property.Name).SequenceEqual(bytes.AsSpan(8 + header + begin, end - begin)));
            CheckTensor(file, info);
            Assert.Equal(end - begin, info.Shape.Aggregate((long)info.DType.ByteSize(), (product, size) => product * size));
            covered += end - begin;
        }

        Assert.Equal(bytes.Length - 8 - header, covered);
    }

    private static void CheckTensor(SafeTensorsFile file, TensorInfo info)
    {
        if (info.DType is SafeTensorsDType.U16 or SafeTensorsDType.U32 or SafeTensorsDType.U64)
        {
            Assert.Contains(info.Name, Assert.Throws<NanoVlmException>(() => file.Tensor(info.Name)).Message);
            return;
        }

        using var tensor = file.Tensor(info.Name);
        Assert.Equal(info.Shape, tensor.shape);
        if (info.DType is not (SafeTensorsDType.BOOL or SafeTensorsDType.F8_E4M3 or SafeTensorsDType.F8_E5M2))
            Assert.True(tensor.bytes.SequenceEqual(file.Bytes(info.Name)));
    }
}
