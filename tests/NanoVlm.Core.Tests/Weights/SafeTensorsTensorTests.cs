using System.Runtime.InteropServices;
using NanoVlm.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Weights;

public sealed class SafeTensorsTensorTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData(SafeTensorsDType.F64, ScalarType.Float64)]
    [InlineData(SafeTensorsDType.F32, ScalarType.Float32)]
    [InlineData(SafeTensorsDType.F16, ScalarType.Float16)]
    [InlineData(SafeTensorsDType.BF16, ScalarType.BFloat16)]
    [InlineData(SafeTensorsDType.I64, ScalarType.Int64)]
    [InlineData(SafeTensorsDType.I32, ScalarType.Int32)]
    [InlineData(SafeTensorsDType.I16, ScalarType.Int16)]
    [InlineData(SafeTensorsDType.I8, ScalarType.Int8)]
    [InlineData(SafeTensorsDType.U8, ScalarType.Byte)]
    [InlineData(SafeTensorsDType.BOOL, ScalarType.Bool)]
    public void Every_bit_survives_as_a_tensor(SafeTensorsDType dtype, ScalarType type)
    {
        var random = new Random(1);
        var content = new byte[3 * 5 * dtype.ByteSize()];
        random.NextBytes(content); // NaNs with payloads, infinities and subnormals among them
        if (dtype == SafeTensorsDType.BOOL)
            content = [.. content.Select(value => (byte)(value & 1))];
        SafeTensorsWriter.Write(
            folder["one"],
            [
                new("matrix", dtype, [3, 5], content),
                new("scalar", dtype, [], content.AsMemory(0, dtype.ByteSize())),
                new("empty", dtype, [0, 4], ReadOnlyMemory<byte>.Empty),
            ],
            new Dictionary<string, string> { ["step"] = "7" });

        using (var file = SafeTensorsFile.Open(folder["one"]))
        {
            var tensors = file.Names.ToDictionary(name => name, file.Tensor);
            Assert.All(tensors.Values, tensor => Assert.Equal(type, tensor.dtype));
            Assert.Equal([3, 5], tensors["matrix"].shape);
            Assert.Equal([], tensors["scalar"].shape);
            Assert.Equal([0, 4], tensors["empty"].shape);
            Assert.Equal(content, tensors["matrix"].bytes.ToArray());
            SafeTensorsWriter.Write(folder["two"], tensors, file.Metadata);
        }

        Assert.Equal(File.ReadAllBytes(folder["one"]), File.ReadAllBytes(folder["two"]));
    }

    [Fact]
    public void A_tensor_outlives_its_file()
    {
        torch.Tensor weight;
        using (var file = SafeTensorsFile.Open(RepositoryFiles.Golden("nanovlm-tied/model.safetensors")))
            weight = file.Tensor("MP.proj.weight");

        Assert.Equal([48, 128], weight.shape);
        Assert.True(float.IsFinite(weight.abs().sum().item<float>()));
    }

    [Fact]
    public void Views_are_written_in_their_own_order()
    {
        var matrix = tensor(new float[] { 1, 2, 3, 4, 5, 6 }, new long[] { 2, 3 });
        SafeTensorsWriter.Write(folder["file"], new Dictionary<string, torch.Tensor> { ["t"] = matrix.t(), ["row"] = matrix[1] });

        using var file = SafeTensorsFile.Open(folder["file"]);
        Assert.Equal([3, 2], file["t"].Shape);
        Assert.Equal([1, 4, 2, 5, 3, 6], MemoryMarshal.Cast<byte, float>(file.Bytes("t")).ToArray());
        Assert.Equal([4, 5, 6], MemoryMarshal.Cast<byte, float>(file.Bytes("row")).ToArray());
    }

    [Fact]
    public void A_parameter_is_written_and_no_tensor_is_left_behind()
    {
        var weight = torch.ones(4, 4, requires_grad: true).t();
        var before = scope.DisposablesCount;

        SafeTensorsWriter.Write(folder["file"], new Dictionary<string, torch.Tensor> { ["w"] = weight });

        Assert.Equal(before, scope.DisposablesCount);
    }

    [Fact]
    public void Eight_bit_floats_are_read_as_float32()
    {
        SafeTensorsWriter.Write(
            folder["file"],
            [
                new("e4m3", SafeTensorsDType.F8_E4M3, [7], new byte[] { 0x00, 0x01, 0x38, 0x7E, 0xB8, 0x7F, 0x08 }),
                new("e5m2", SafeTensorsDType.F8_E5M2, [6], new byte[] { 0x00, 0x01, 0x3C, 0x7B, 0xBC, 0x7C }),
            ]);

        using var file = SafeTensorsFile.Open(folder["file"]);
        Assert.Equal([0, 1 / 512f, 1, 448, -1, float.NaN, 1 / 64f], file.Tensor("e4m3").data<float>().ToArray());
        Assert.Equal([0, 1 / 65536f, 1, 57344, -1, float.PositiveInfinity], file.Tensor("e5m2").data<float>().ToArray());
    }

    [Fact]
    public void Types_that_one_side_lacks_are_refused_by_name()
    {
        SafeTensorsWriter.Write(folder["file"], [new("u", SafeTensorsDType.U32, [1], new byte[4])]);
        using var file = SafeTensorsFile.Open(folder["file"]);

        Assert.Contains("tensor 'u' is U32", Assert.Throws<NanoVlmException>(() => file.Tensor("u")).Message);
        var complex = zeros(2, dtype: ScalarType.ComplexFloat32);
        Assert.Contains("tensor 'c' is ComplexFloat32", Assert.Throws<NanoVlmException>(
            () => SafeTensorsWriter.Write(folder["complex"], new Dictionary<string, torch.Tensor> { ["c"] = complex })).Message);
    }
}
