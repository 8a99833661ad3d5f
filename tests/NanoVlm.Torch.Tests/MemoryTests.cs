using TorchSharp.Utils;
using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class MemoryTests
{
    [Fact]
    public void Arrays_of_every_element_type_become_tensors_and_come_back()
    {
        using var scope = NewDisposeScope();
        RoundTrip(tensor(new[] { true, false }), from_array(new[] { true, false }), [true, false], ScalarType.Bool);
        RoundTrip(tensor(new byte[] { 1, 255 }), from_array(new byte[] { 1, 255 }), [(byte)1, (byte)255], ScalarType.Byte);
        RoundTrip(tensor(new sbyte[] { -1, 2 }), from_array(new sbyte[] { -1, 2 }), [(sbyte)-1, (sbyte)2], ScalarType.Int8);
        RoundTrip(tensor(new short[] { -1, 2 }), from_array(new short[] { -1, 2 }), [(short)-1, (short)2], ScalarType.Int16);
        RoundTrip(tensor(new[] { -1, 2 }), from_array(new[] { -1, 2 }), [-1, 2], ScalarType.Int32);
        RoundTrip(tensor(new[] { -1L, long.MaxValue }), from_array(new[] { -1L, long.MaxValue }), [-1L, long.MaxValue], ScalarType.Int64);
        RoundTrip(tensor(new[] { (Half)0.5, (Half)2 }), from_array(new[] { (Half)0.5, (Half)2 }), [(Half)0.5, (Half)2], ScalarType.Float16);
        RoundTrip(tensor(new[] { new BFloat16(0.5f) }), from_array(new[] { new BFloat16(0.5f) }), [new BFloat16(0.5f)], ScalarType.BFloat16);
        RoundTrip(tensor(new[] { 0.1f, 2 }), from_array(new[] { 0.1f, 2 }), [0.1f, 2f], ScalarType.Float32);
        RoundTrip(tensor(new[] { 0.1, 2 }), from_array(new[] { 0.1, 2 }), [0.1, 2.0], ScalarType.Float64);

        static void RoundTrip<T>(Tensor copied, Tensor shared, T[] expected, ScalarType dtype) where T : unmanaged
        {
            Assert.Equal((dtype, dtype), (copied.dtype, shared.dtype));
            Assert.Equal(expected, copied.data<T>().ToArray());
            Assert.Equal(expected, shared.data<T>().ToArray());
            Assert.Equal(expected[0], copied[0].item<T>());
        }
    }

    [Fact]
    public void Numbers_of_every_kind_become_tensors_without_dimensions()
    {
        using var scope = NewDisposeScope();
        foreach (var (value, dtype) in new[]
        {
            (tensor(3), ScalarType.Int32), (tensor(3L), ScalarType.Int64), (tensor(3.0), ScalarType.Float64), (tensor(3f), ScalarType.Float32), (tensor((byte)3), ScalarType.Byte),
            (tensor((sbyte)3), ScalarType.Int8), (tensor((short)3), ScalarType.Int16), (tensor((Half)3), ScalarType.Float16), (tensor(new BFloat16(3)), ScalarType.BFloat16),
        })
        {
            Assert.Equal((dtype, 0L), (value.dtype, value.dim()));
            Assert.Equal((3, 3, 3f, 3L), ((int)value, (int)value.ToDouble(), (float)value, (long)value));
            Assert.Equal((3.0, (byte)3, (sbyte)3, (short)3, true), ((double)value, (byte)value, (sbyte)value, (short)value, (bool)value));
        }
        Assert.Equal(ScalarType.Bool, tensor(true).dtype);
    }

    [Fact]
    public void Copies_are_copies_and_shared_arrays_are_shared()
    {
        using var scope = NewDisposeScope();
        var array = new[] { 1f, 2, 3 };
        var (copy, shared, also) = (tensor(array), from_array(array), as_tensor(array));
        array[0] = 9;
        shared[1] = 8;
        Assert.Equal((1f, 9f, 8f), (copy[0].ToSingle(), also[0].ToSingle(), array[1]));
        var grid = from_array(new double[,] { { 1, 2, 3 }, { 4, 5, 6 } });
        Assert.Equal([2L, 3], grid.shape);
        AssertValues(grid, 1, 2, 3, 4, 5, 6);
        Assert.Equal([1L, 2, 2], tensor(new long[,,] { { { 1, 2 }, { 3, 4 } } }).shape);
        Assert.Equal(ScalarType.Float64, from_array(array, float64).dtype);
        Assert.Equal([2L, 1], tensor(new Memory<float>(array, 1, 2), [2, 1]).shape);
        var bytes = new byte[] { 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40 };
        AssertValues(frombuffer(bytes, float32), 1, 2);
        AssertValues(frombuffer(bytes, float32, 1, 4), 2);
        Assert.Throws<ArgumentException>(() => frombuffer(bytes, float32, 3));
    }

    [Fact]
    public void A_shared_array_is_unpinned_with_its_last_tensor()
    {
        var array = Share(out var view);
        GC.Collect();
        Assert.True(array.IsAlive);
        Assert.Equal(7, view.ToSingle());
        view.Dispose();
        for (var i = 0; i < 5 && array.IsAlive; i++) GC.Collect();
        Assert.False(array.IsAlive);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static WeakReference Share(out Tensor view)
        {
            var values = new float[] { 7, 8 };
            using var shared = from_array(values);
            view = shared[0];
            return new WeakReference(values);
        }
    }

    [Fact]
    public void Bytes_are_a_view_and_streams_carry_them()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 1, 2 });
        x.bytes[0] = 5;
        AssertValues(x, 5, 2);
        using var stream = new MemoryStream();
        x.WriteBytesToStream(stream);
        stream.Position = 0;
        var y = zeros(2, int32);
        y.ReadBytesFromStream(stream);
        AssertValues(y, 5, 2);
        y.bytes = new byte[8];
        AssertValues(y, 0, 0);
        Assert.Throws<InvalidOperationException>(() => zeros(2, 2).t().bytes.Length);
        Assert.Throws<ArgumentException>(() => y.bytes = new byte[3]);
        var strided = arange(4, dtype: int32).view(2, 2).t();
        stream.SetLength(0);
        strided.WriteBytesToStream(stream);
        Assert.Equal([0, 2, 1, 3], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, int>(stream.ToArray()).ToArray());
        Assert.Throws<EndOfStreamException>(() => y.ReadBytesFromStream(new MemoryStream(new byte[7])));
    }

    [Fact]
    public void Accessors_follow_the_logical_order()
    {
        using var scope = NewDisposeScope();
        var x = arange(6, dtype: float64).view(2, 3).t();
        var elements = x.data<double>();
        Assert.Equal(6, elements.Count);
        Assert.Equal([0, 3, 1, 4, 2, 5], elements.ToArray());
        Assert.Equal((4.0, 4.0), (elements[1, 1], elements[3]));
        elements[2, 0] = 20;
        Assert.Equal(20, x[2, 0].ToDouble());
        elements.CopyFrom([9, 8], tensorIndex: 4);
        Assert.Equal([9, 8], x[2].ToDoubles());
        var target = new double[3];
        elements.CopyTo(target, 1, 4);
        Assert.Equal([0, 9, 8], target);
        Assert.Equal(new double[,] { { 0, 3 }, { 1, 4 }, { 9, 8 } }, elements.ToNDArray());
        x.contiguous().data<double>().CopyFrom([1, 2, 3, 4, 5, 6]);
    }

    [Fact]
    public void Conversions_share_or_copy_as_asked()
    {
        using var scope = NewDisposeScope();
        var x = Of(1, 2);
        x.to(float64)[0] = 5;
        Assert.Equal(5, x[0].ToDouble());
        x.to(float64, copy: true)[0] = 6;
        Assert.Equal(5, x[0].ToDouble());
        Assert.Equal(ScalarType.Float32, x.to(zeros(1)).dtype);
        Assert.Equal([ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float64, ScalarType.Int64, ScalarType.Int32, ScalarType.Bool],
            new[] { x.@float(), x.half(), x.bfloat16(), x.@double(), x.@long(), x.@int(), x.@bool() }.Select(t => t.dtype));
        Assert.Equal(ScalarType.Int8, x.to_type(int8).dtype);
        Assert.Equal(ScalarType.Float32, x.type_as(zeros(1)).dtype);
        Assert.Equal(ScalarType.Float32, x.to(float32, CPU).dtype);
        Assert.Equal(2, x.to("cpu").to(CPU).to(DeviceType.CPU).cpu().numel());
        var gone = zeros(1);
        _ = gone.to(float64, disposeAfter: true);
        Assert.True(gone.IsInvalid);
        AssertValues(zeros(2, float32).copy_(x), 5, 2);
        var clone = x.clone();
        clone[0] = 0;
        Assert.Equal(5, x[0].ToDouble());
        Assert.Equal([3L], zeros(1).set_(zeros(3)).shape);
        Assert.False(x.requires_grad_().clone().detach_().requires_grad);
    }

    [Fact]
    public void BFloat16_rounds_to_nearest_even()
    {
        using var scope = NewDisposeScope();
        float[] values = [1, 1.00390625f, 1.01171875f, -2.5f, 3.4e38f, 1e-40f, float.NaN, float.PositiveInfinity];
        Assert.Equal(tensor(values).bfloat16().@float().data<float>().ToArray(), values.Select(value => new BFloat16(value).ToSingle()));
    }

    [Fact]
    public unsafe void Memory_under_a_tensor_is_released_once_with_the_last_view()
    {
        var released = 0;
        var memory = stackalloc float[] { 1, 2, 3, 4 };
        var over = from_blob((nint)memory, [2, 2], ScalarType.Float32, () => released++);
        var row = over[1];
        over.mul_(10);

        over.Dispose();

        Assert.Equal((0, 40f), (released, memory[3]));
        Assert.Equal([30f, 40f], row.data<float>().ToArray());
        row.Dispose();
        Assert.Equal(1, released);
        Assert.Throws<System.Runtime.InteropServices.ExternalException>(() => from_blob((nint)memory, [-1], ScalarType.Float32, () => released++));
        Assert.Equal(1, released);
    }
}
