using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Weights;

namespace NanoVlm.Tests.Weights;

public sealed class SafeTensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("nanovlm-tied/model.safetensors")]
    [InlineData("nanovlm-untied-longrope/model.safetensors")]
    [InlineData("nanovlm-lm/model.safetensors")]
    [InlineData("nanovlm-tied/expected.safetensors")] // I64 and F32 mixed
    public void A_file_of_the_python_library_is_written_back_byte_for_byte(string golden)
    {
        var path = RepositoryFiles.Golden(golden);
        using (var file = SafeTensorsFile.Open(path))
            SafeTensorsWriter.Write(folder["again"], file.Names.Reverse().Select(name => Entry(file, name)), file.Metadata);

        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(folder["again"]));
        Assert.Equal(["again"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Tensors_are_ordered_by_alignment_and_then_by_the_bytes_of_their_names()
    {
        // U+FF5E comes after U+10000 in UTF-16 but before it in UTF-8.
        string[] names = ["b", "B", "\U00010000", "～"];
        SafeTensorsWriter.Write(folder["file"], Enum.GetValues<SafeTensorsDType>().SelectMany(dtype =>
            names.Select(name => new SafeTensorsEntry($"{name}/{dtype}", dtype, [1], new byte[dtype.ByteSize()]))));

        using var file = SafeTensorsFile.Open(folder["file"]);
        string[] dtypes = ["U64", "I64", "F64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16", "F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"];
        Assert.Equal(dtypes.SelectMany(dtype => new[] { "B", "b", "～", "\U00010000" }.Select(name => $"{name}/{dtype}")), file.Names);
        Assert.All(file.Tensors, tensor => Assert.Equal(0, tensor.Begin % tensor.DType.ByteSize()));
    }

    [Fact]
    public void The_header_is_padded_with_spaces_and_escapes_only_what_json_demands()
    {
        SafeTensorsWriter.Write(
            folder["file"], [new("ä\"\\\n\u0001😀<", SafeTensorsDType.U8, [1], new byte[] { 9 })], new Dictionary<string, string> { ["k"] = "é'" });

        var bytes = File.ReadAllBytes(folder["file"]);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        Assert.Equal(0, length % 8);
        Assert.Equal(
            """{"__metadata__":{"k":"é'"},"ä\"\\\n\u0001😀<":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""",
            Encoding.UTF8.GetString(bytes, 8, length).TrimEnd(' '));
        Assert.Equal(9, bytes[^1]);
    }

    [Fact]
    public void Whatever_is_written_is_read_back()
    {
        var tensors =
            from dtype in Gen.Elements(Enum.GetValues<SafeTensorsDType>())
            from shape in Gen.Choose(0, 4).Select(size => (long)size).ArrayOf()
            where shape.Length <= 4
            from content in Gen.Choose(0, 255).Select(value => (byte)value)
                .ArrayOf((int)shape.Aggregate((long)dtype.ByteSize(), (product, size) => product * size))
            select (dtype, shape, content);

        Prop.ForAll(tensors.ListOf().ToArbitrary(), list =>
        {
            SafeTensorsWriter.Write(folder["file"], list.Select((tensor, i) => new SafeTensorsEntry($"t{i}", tensor.dtype, tensor.shape, tensor.content)));
            using var file = SafeTensorsFile.Open(folder["file"]);
            for (var i = 0; i < list.Count; i++)
            {
                Assert.Equal(list[i].dtype, file[$"t{i}"].DType);
                Assert.Equal(list[i].shape, file[$"t{i}"].Shape);
                Assert.Equal(list[i].content, file.Bytes($"t{i}").ToArray());
            }

            Assert.Equal(list.Count, file.Names.Count);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Impossible_entries_are_refused_and_leave_the_old_file_and_nothing_else()
    {
        File.WriteAllText(folder["file"], "old");
        SafeTensorsEntry Named(string name) => new(name, SafeTensorsDType.U8, [1], new byte[1]);

        Refused("two tensors are named 'w'", Named("w"), Named("w"));
        Refused("cannot be named __metadata__", Named("__metadata__"));
        Refused("not valid Unicode", Named("\ud800"));
        Refused("impossible shape [-1]", new SafeTensorsEntry("w", SafeTensorsDType.U8, [-1], new byte[1]));
        Refused("'w' wrote 3 bytes but F32 of shape [1] needs 4", new SafeTensorsEntry("w", SafeTensorsDType.F32, [1], new byte[3]));
        Assert.Throws<InvalidDataException>(() => SafeTensorsWriter.Write(
            folder["file"], [new("w", SafeTensorsDType.U8, [1], _ => throw new InvalidDataException())]));
        Assert.Contains("cannot be written", Assert.Throws<NanoVlmException>(() => SafeTensorsWriter.Write(folder["none/file"], [])).Message);

        Assert.Equal("old", File.ReadAllText(folder["file"]));
        Assert.Equal(["file"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));

        void Refused(string message, params SafeTensorsEntry[] entries) =>
            Assert.Contains(message, Assert.Throws<NanoVlmException>(() => SafeTensorsWriter.Write(folder["file"], entries)).Message);
    }

    private static SafeTensorsEntry Entry(SafeTensorsFile file, string name) =>
        new(name, file[name].DType, file[name].Shape, stream => stream.Write(file.Bytes(name)));
}
