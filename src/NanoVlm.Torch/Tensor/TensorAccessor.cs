using static TorchSharp.torch;

namespace TorchSharp.Utils;

/// <summary>Reads and writes the elements of a CPU tensor, in logical order whatever its strides.</summary>
/// <typeparam name="T">The element type.</typeparam>
public sealed unsafe class TensorAccessor<T> where T : unmanaged
{
    private readonly Tensor tensor;
    private readonly long[] shape;
    private readonly long[] strides;

    internal TensorAccessor(Tensor tensor)
    {
        this.tensor = tensor;
        shape = tensor.shape;
        strides = tensor.stride();
        Count = tensor.NumberOfElements;
    }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>An element by its indices, or by its number in logical order when one index is given.</summary>
    public T this[params long[] indices]
    {
        get
        {
            var value = Memory[Offset(indices)];
            GC.KeepAlive(tensor);
            return value;
        }
        set
        {
            Memory[Offset(indices)] = value;
            GC.KeepAlive(tensor);
        }
    }

    private T* Memory => (T*)tensor.DataPointer();

    /// <summary>The elements in logical order.</summary>
    public T[] ToArray()
    {
        var result = new T[Count];
        CopyTo(result.AsSpan());
        return result;
    }

    /// <summary>The elements in an array of the tensor's rank.</summary>
    public Array ToNDArray()
    {
        if (shape.Length == 0) return ToArray();
        var result = Array.CreateInstance(typeof(T), shape);
        CopyTo(System.Runtime.InteropServices.MemoryMarshal.CreateSpan(
            ref System.Runtime.CompilerServices.Unsafe.As<byte, T>(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(result)), result.Length));
        return result;
    }

    /// <summary>Copies elements out, from <paramref name="tensorIndex"/> on.</summary>
    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    /// <summary>Copies elements out, from <paramref name="tensorIndex"/> on.</summary>
    public void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var count = checked((int)(Count - tensorIndex));
        var target = array.Slice(arrayIndex, count);
        var memory = Memory;
        if (tensor.is_contiguous())
            new ReadOnlySpan<T>(memory + tensorIndex, count).CopyTo(target);
        else
            for (var i = 0; i < count; i++) target[i] = memory[Strided(tensorIndex + i)];
        GC.KeepAlive(tensor);
    }

    /// <summary>Copies elements in, to <paramref name="tensorIndex"/> on.</summary>
    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyFrom(array.AsSpan(), arrayIndex, tensorIndex);

    /// <summary>Copies elements in, to <paramref name="tensorIndex"/> on.</summary>
    public void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var count = (int)Math.Min(Count - tensorIndex, array.Length - arrayIndex);
        var source = array.Slice(arrayIndex, count);
        var memory = Memory;
        if (tensor.is_contiguous())
            source.CopyTo(new Span<T>(memory + tensorIndex, count));
        else
            for (var i = 0; i < count; i++) memory[Strided(tensorIndex + i)] = source[i];
        GC.KeepAlive(tensor);
    }

    private long Offset(long[] indices)
    {
        if (indices.Length == 1 && shape.Length != 1) return Strided(indices[0]);
        if (indices.Length != shape.Length) throw new ArgumentException($"{indices.Length} indices for a tensor of {shape.Length} dimensions.");
        var offset = 0L;
        for (var i = 0; i < indices.Length; i++)
        {
            var index = indices[i];
            if (index < 0 || index >= shape[i])
                throw new IndexOutOfRangeException($"Index {index} is out of range for dimension {i} of size {shape[i]}.");
            offset += index * strides[i];
        }
        return offset;
    }

    private long Strided(long number)
    {
        if (number < 0 || number >= Count) throw new IndexOutOfRangeException($"Element {number} of {Count}.");
        var offset = 0L;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            offset += number % shape[i] * strides[i];
            number /= shape[i];
        }
        return offset;
    }
}
