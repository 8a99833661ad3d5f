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

    [LinuxFact("/proc/self/maps")]
    public void A_large_tensor_is_the_file_s_own_memory_and_a_small_one_a_copy()
    {
        var values = Numbers(1 << 20);
        SafeTensorsWriter.Write(folder["file"], new Dictionary<string, torch.Tensor> { ["large"] = values, ["small"] = values[..16] });
        using var file = SafeTensorsFile.Open(folder["file"]);

        var (large, small) = (file.Tensor("large"), file.Tensor("small"));

        Assert.True(IsMapped(large) && !IsMapped(small));
        Assert.Equal(values.bytes.ToArray(), large.bytes.ToArray());
        Assert.Equal(values[..16].bytes.ToArray(), small.bytes.ToArray());
    }

    [Theory]
    [InlineData(1 << 20)]
    [InlineData(16)]
    public void A_tensor_outlives_its_file_and_writing_to_it_changes_nothing_else(int count)
    {
        var values = Numbers(count);
        SafeTensorsWriter.Write(folder["file"], new Dictionary<string, torch.Tensor> { ["w"] = values });
        var bytes = File.ReadAllBytes(folder["file"]);
        torch.Tensor weight, view;
        using (var file = SafeTensorsFile.Open(folder["file"]))
        {
            weight = file.Tensor("w");
            weight.zero_();
            Assert.Equal(values.bytes.ToArray(), file.Tensor("w").bytes.ToArray());
            Assert.Equal(values.bytes.ToArray(), file.Bytes("w").ToArray());
            view = file.Tensor("w")[..16];
        }

        File.Delete(folder["file"]);
        File.WriteAllText(folder["file"], "another file in its place");
        Assert.Equal(0, weight.abs().sum().item<float>());
        Assert.Equal(values[..16].bytes.ToArray(), view.bytes.ToArray());
        Assert.NotEqual(bytes.Length, new FileInfo(folder["file"]).Length);
    }

    [Fact]
    public void A_written_tensor_leaves_the_file_on_disk_as_it_was()
    {
        SafeTensorsWriter.Write(folder["file"], new Dictionary<string, torch.Tensor> { ["w"] = Numbers(1 << 20) });
        var bytes = File.ReadAllBytes(folder["file"]);

        using (var file = SafeTensorsFile.Open(folder["file"]))
        using (var weight = file.Tensor("w"))
            weight.fill_(7);

        Assert.Equal(bytes, File.ReadAllBytes(folder["file"]));
    }

    [LinuxFact("/proc/self/maps")]
    public void A_mapping_goes_when_its_last_tensor_does()
    {
        SafeTensorsWriter.Write(folder["file"], new Dictionary<string, torch.Tensor> { ["w"] = Numbers(1 << 20) });
        using (var file = SafeTensorsFile.Open(folder["file"]))
        {
            var weight = file.Tensor("w");
            var view = weight[1..];
            Assert.Equal(2, Mappings().Count()); // the file's own too
            weight.Dispose();
            Assert.Equal(2, Mappings().Count());
            view.Dispose();
            Assert.Single(Mappings());
        }

        Assert.Empty(Mappings());
    }

    [Fact]
    public void A_tensor_off_its_alignment_is_copied()
    {
        var header = """{"odd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"F32","shape":[65536],"data_offsets":[1,262145]}}""";
        File.WriteAllBytes(folder["file"], SafeTensorsBytes.Of(header, 262145));
        using var file = SafeTensorsFile.Open(folder["file"]);

        Assert.Equal(file.Bytes("w").ToArray(), file.Tensor("w").bytes.ToArray());
        var target = empty(65536);
        file.CopyTo("w", target);
        Assert.Equal(file.Bytes("w").ToArray(), target.bytes.ToArray());
    }

    [Theory]
    [InlineData(3)]
    [InlineData((1 << 22) + 5)] // over one piece of 4 MiB in every type
    public void An_existing_tensor_is_filled_and_cast_on_the_way(int count)
    {
        var values = arange(count, dtype: ScalarType.Float32).remainder(251);
        var state = new[] { ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64, ScalarType.Int32, ScalarType.Int16, ScalarType.Byte, ScalarType.Bool }
            .ToDictionary(type => type.ToString(), type => values.to(type));
        SafeTensorsWriter.Write(folder["file"], state);
        using var file = SafeTensorsFile.Open(folder["file"]);
        foreach (var (name, stored) in state)
            foreach (var type in new[] { stored.dtype, ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float64 })
            {
                using var inner = NewDisposeScope();
                var target = full(count, 99, dtype: type);
                file.CopyTo(name, target);
                Assert.True(Same(target, stored.to(type)), $"{name} to {type}");
            }
    }

    [Fact]
    public void A_parameter_a_view_and_a_scalar_are_filled_in_place()
    {
        var matrix = Numbers(6).reshape(2, 3);
        SafeTensorsWriter.Write(folder["file"], new Dictionary<string, torch.Tensor> { ["m"] = matrix, ["s"] = tensor(5f), ["e"] = zeros(0, 4) });
        using var file = SafeTensorsFile.Open(folder["file"]);
        var (parameter, strided, scalar, empty) = (zeros(2, 3, requires_grad: true), zeros(3, 2).t(), tensor(0.0), zeros(0, 4));
        var before = scope.DisposablesCount;

        file.CopyTo("m", parameter);
        file.CopyTo("m", strided);
        file.CopyTo("s", scalar);
        file.CopyTo("e", empty);

        Assert.Equal(before, scope.DisposablesCount);
        Assert.Equal(matrix.bytes.ToArray(), parameter.bytes.ToArray());
        Assert.True(parameter.requires_grad && parameter.is_leaf);
        Assert.True(Same(strided, matrix));
        Assert.Equal(5, scalar.item<double>());
        Assert.Contains("file: tensor 'm' has shape [2, 3], expected [3, 2]", Assert.Throws<NanoVlmException>(() => file.CopyTo("m", zeros(3, 2))).Message);
    }

    [Fact]
    public void A_file_cut_short_after_it_was_opened_is_an_error_of_filling()
    {
        SafeTensorsWriter.Write(folder["file"], new Dictionary<string, torch.Tensor> { ["w"] = Numbers(1 << 20) });
        using var file = SafeTensorsFile.Open(folder["file"]);
        using (var other = new FileStream(folder["file"], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
            other.SetLength(1 << 20);

        Assert.Contains("tensor 'w' cannot be read: the file was cut short meanwhile", Assert.Throws<NanoVlmException>(() => file.CopyTo("w", empty(1 << 20))).Message);
    }

    [Fact]
    public void Any_byte_but_zero_is_true()
    {
        SafeTensorsWriter.Write(folder["file"], [new("b", SafeTensorsDType.BOOL, [4], new byte[] { 0, 1, 2, 255 })]);
        using var file = SafeTensorsFile.Open(folder["file"]);

        Assert.Equal([0, 1, 1, 1], file.Tensor("b").bytes.ToArray());
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
        var half = zeros(6, dtype: ScalarType.Float16);
        file.CopyTo("e5m2", half);
        Assert.True(Same(half, file.Tensor("e5m2").half()));
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

    private static torch.Tensor Numbers(int count) => arange(1, count + 1, dtype: ScalarType.Float32);

    private static bool Same(torch.Tensor a, torch.Tensor b) => a.shape.SequenceEqual(b.shape) && a.eq(b).all().item<bool>();

    private unsafe bool IsMapped(torch.Tensor tensor)
    {
        fixed (byte* first = tensor.bytes)
        {
            var address = (ulong)first;
            return Mappings().Any(line => line.Split('-', ' ') is var part && address >= Convert.ToUInt64(part[0], 16) && address < Convert.ToUInt64(part[1], 16));
        }
    }

    private IEnumerable<string> Mappings() => File.ReadLines("/proc/self/maps").Where(line => line.EndsWith(folder["file"], StringComparison.Ordinal));
}
