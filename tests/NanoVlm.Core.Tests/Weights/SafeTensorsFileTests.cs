using System.Runtime.InteropServices;
using NanoVlm.Weights;

namespace NanoVlm.Tests.Weights;

public sealed class SafeTensorsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_file_of_the_python_library_is_read()
    {
        using var file = SafeTensorsFile.Open(RepositoryFiles.Golden("nanovlm-tied/model.safetensors"));

        Assert.Equal("decoder.head.weight", file.Metadata["decoder.token_embedding.weight"]);
        Assert.Equal("MP.proj.weight", file.Names[0]);
        var info = file["MP.proj.weight"];
        Assert.Equal(SafeTensorsDType.F32, info.DType);
        Assert.Equal([48, 128], info.Shape);
        Assert.Equal((0, 24576), (info.Begin, info.End));
        Assert.All(MemoryMarshal.Cast<byte, float>(file.Bytes("MP.proj.weight")).ToArray(), value => Assert.InRange(value, -10f, 10f));
        Assert.Contains(file.Bytes("MP.proj.weight").ToArray(), value => value != 0);
    }

    [Fact]
    public void Names_come_in_the_order_of_their_data()
    {
        using var file = Open("""{"z":{"dtype":"U8","shape":[2],"data_offsets":[3,5]},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", 5);

        Assert.Equal(["a", "z"], file.Names);
        Assert.Equal([4, 5], file.Bytes("z").ToArray());
    }

    [Fact]
    public void Scalars_and_empty_tensors_and_tensors_off_their_alignment_are_read()
    {
        using var file = Open(
            """
            {"empty":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]},
             "scalar":{"dtype":"U8","shape":[],"data_offsets":[0,1]},
             "odd":{"dtype":"I16","shape":[2],"data_offsets":[1,5]}}
            """,
            5);

        Assert.Equal(0, file.Bytes("empty").Length);
        Assert.Equal([1], file.Bytes("scalar").ToArray());
        Assert.Equal([2, 3, 4, 5], file.Bytes("odd").ToArray());
    }

    [Fact]
    public void A_file_without_tensors_is_read()
    {
        using var file = Open("{}      ", 0);

        Assert.Empty(file.Names);
        Assert.Empty(file.Metadata);
    }

    [Theory]
    [InlineData("not JSON", "{", 0, "not valid JSON")]
    [InlineData("no object", "[]", 0, "does not begin with '{'")]
    [InlineData("text after the header", "{} {}", 0, "not valid JSON")]
    [InlineData("deep nesting", """{"w":{"dtype":"U8","shape":[[[[[[0]]]]]],"data_offsets":[0,0]}}""", 0, "tensor 'w' has something else than an integer")]
    [InlineData("half a surrogate pair", """{"\ud800":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}""", 1, "not valid Unicode")]
    [InlineData("the same name twice", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0077":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "tensor 'w' appears twice")]
    [InlineData("the same key twice", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"dtype":"U8"}}""", 1, "tensor 'w' has the key 'dtype' twice")]
    [InlineData("an unknown key", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}""", 1, "tensor 'w' has the key 'x'")]
    [InlineData("no dtype", """{"w":{"shape":[1],"data_offsets":[0,1]}}""", 1, "tensor 'w' lacks dtype")]
    [InlineData("no shape", """{"w":{"dtype":"U8","data_offsets":[0,1]}}""", 1, "tensor 'w' lacks shape")]
    [InlineData("no offsets", """{"w":{"dtype":"U8","shape":[1]}}""", 1, "tensor 'w' lacks data_offsets")]
    [InlineData("an unknown dtype", """{"w":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}}""", 1, "tensor 'w' has dtype 'F4'; known are BOOL")]
    [InlineData("a dtype by number", """{"w":{"dtype":"1","shape":[1],"data_offsets":[0,1]}}""", 1, "tensor 'w' has dtype '1'")]
    [InlineData("a negative size", """{"w":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}""", 1, "tensor 'w' has something else than an integer")]
    [InlineData("a fractional size", """{"w":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}""", 1, "tensor 'w' has something else than an integer")]
    [InlineData("a size over 63 bits", """{"w":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}""", 1, "tensor 'w' has something else than an integer")]
    [InlineData("elements over 63 bits", """{"w":{"dtype":"U8","shape":[4294967296,4294967297],"data_offsets":[0,1]}}""", 1, "tensor 'w' has shape [4294967296, 4294967297], more elements")]
    [InlineData("bytes over 63 bits", """{"w":{"dtype":"F64","shape":[2305843009213693953],"data_offsets":[0,8]}}""", 8, "tensor 'w' has shape [2305843009213693953], more elements")]
    [InlineData("overflow hidden by a zero", """{"w":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}""", 0, "more elements")]
    [InlineData("three offsets", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}""", 1, "tensor 'w' has more than 2 numbers in data_offsets")]
    [InlineData("one offset", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0]}}""", 1, "tensor 'w' has data_offsets [0]")]
    [InlineData("offsets swapped", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}""", 1, "tensor 'w' has data_offsets [1, 0]")]
    [InlineData("past the end", """{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 1, "tensor 'w' ends at byte 2 but the file has 1")]
    [InlineData("shape and bytes at odds", """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "tensor 'w' has 4 bytes but F32 of shape [2] needs 8")]
    [InlineData("a hole at the start", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "tensor 'w' begins at byte 1, which leaves a hole after the header")]
    [InlineData("a hole between", """{"v":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}""", 3, "tensor 'w' begins at byte 2, which leaves a hole after tensor 'v'")]
    [InlineData("bytes of no tensor", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 3, "2 bytes after tensor 'w' belong to no tensor")]
    [InlineData("an overlap", """{"v":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"w":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "tensor 'w' begins at byte 1 and overlaps tensor 'v'")]
    [InlineData("the same bytes twice", """{"v":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 2, "overlaps tensor 'v'")]
    [InlineData("metadata that is no object", """{"__metadata__":[]}""", 0, "__metadata__ must be an object")]
    [InlineData("metadata that is no string", """{"__metadata__":{"a":1}}""", 0, "__metadata__: the value of 'a' must be a string")]
    [InlineData("metadata twice", """{"__metadata__":{},"__metadata__":{}}""", 0, "holds __metadata__ twice")]
    [InlineData("a tensor that is no object", """{"w":1}""", 0, "tensor 'w' must be described by an object")]
    [InlineData("a name that would clear the terminal", """{"\u001b[2J":1}""", 0, @"tensor '\u001b[2J' must")]
    public void Hostile_headers_are_refused_naming_file_and_tensor(string what, string header, int dataLength, string message)
    {
        var refusal = Assert.Throws<NanoVlmException>(() => Open(header, dataLength));

        Assert.Contains("file.safetensors", refusal.Message);
        Assert.True(refusal.Message.Contains(message), $"{what}: {refusal.Message}");
    }

    [Theory]
    [InlineData(new byte[0], "it is empty")]
    [InlineData(new byte[] { 1, 2, 3 }, "3 bytes are too few")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 123, 125 }, "claims 18446744073709551615 bytes")]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 123, 125 }, "claims 3 bytes but the file has only 2")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 }, "does not begin with '{'")]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 123, 255, 125 }, "not valid UTF-8")]
    public void Wrong_lengths_are_refused(byte[] bytes, string message)
    {
        File.WriteAllBytes(folder["file.safetensors"], bytes);

        Assert.Contains(message, Assert.Throws<NanoVlmException>(() => SafeTensorsFile.Open(folder["file.safetensors"])).Message);
    }

    [Fact]
    public void Any_truncation_of_a_real_file_is_refused()
    {
        var whole = File.ReadAllBytes(RepositoryFiles.Golden("nanovlm-lm/model.safetensors"));
        for (var length = 0; length < whole.Length; length += 997)
        {
            File.WriteAllBytes(folder["file.safetensors"], whole[..length]);
            Assert.Throws<NanoVlmException>(() => SafeTensorsFile.Open(folder["file.safetensors"]));
        }
    }

    [Fact]
    public void Missing_files_and_folders_are_refused()
    {
        Assert.Contains("none.safetensors", Assert.Throws<NanoVlmException>(() => SafeTensorsFile.Open(folder["none.safetensors"])).Message);
        Assert.Throws<NanoVlmException>(() => SafeTensorsFile.Open(folder.Path));
    }

    [Fact]
    public void An_unknown_tensor_is_named()
    {
        using var file = Open("{}", 0);

        Assert.False(file.Contains("w"));
        Assert.Contains("no tensor 'w'", Assert.Throws<NanoVlmException>(() => file.Bytes("w").Length).Message);
    }

    [Fact]
    public void Use_after_dispose_throws()
    {
        var file = Open("""{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1);
        file.Dispose();
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => file.Bytes("w").Length);
        Assert.Throws<ObjectDisposedException>(() => file.Address("w"));
    }

    private SafeTensorsFile Open(string header, int dataLength)
    {
        File.WriteAllBytes(folder["file.safetensors"], SafeTensorsBytes.Of(header, dataLength));
        return SafeTensorsFile.Open(folder["file.safetensors"]);
    }
}
