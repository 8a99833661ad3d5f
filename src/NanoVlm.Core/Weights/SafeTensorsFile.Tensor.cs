using NanoVlm.Native;
using System.IO.MemoryMappedFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Weights;

public sealed unsafe partial class SafeTensorsFile
{
    private const int SmallestMapped = 1 << 16; // bytes; below, a copy is quicker than a mapping
    private const int ChunkBytes = 1 << 22; // what is read at a time: stays in the processor's cache between the read and the cast

    // Every 8-bit float as float32, for which libtorch 1.13 has no type. E5M2 is the upper half of a float16.
    private static readonly float[] E5M2 = [.. Enumerable.Range(0, 256).Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)))];
    private static readonly float[] E4M3 = [.. Enumerable.Range(0, 256).Select(DecodeE4M3)];

    /// <summary>
    /// A tensor on the CPU, in the current dispose scope, over the file's own memory where that can be: no copy, pages are read when
    /// they are first used. Copied are tensors under 64 KiB, off their alignment, or of booleans (any byte but 0 is true) and
    /// 8-bit floats (which become float32). The tensor is the caller's: it outlives this file, writing to it changes neither
    /// the file nor what a second call gives, and its memory goes back when the last tensor that shares it is disposed of.
    /// While it lives, nobody may cut the file short: the system kills a process that reads a mapped page which is no longer
    /// there (SIGBUS). Replacing the file by a rename is safe.
    /// </summary>
    /// <param name="name">The tensor's name.</param>
    /// <exception cref="NanoVlmException">There is no such tensor, libtorch has no such element type (U16, U32, U64), or the file cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    public torch.Tensor Tensor(string name)
    {
        var info = this[name];
        ObjectDisposedException.ThrowIf(data == null, this);
        return Mapped(info) ?? Copied(info);
    }

    /// <summary>
    /// Fills a tensor from the stored one of the same shape, casting to its element type and copying to its device on the way. The
    /// file is read once, straight into the tensor's memory where it is contiguous and of the stored type, else in pieces of 4 MiB, so
    /// that loading needs no memory besides the target's. Gradients are not recorded.
    /// </summary>
    /// <param name="name">The stored tensor's name.</param>
    /// <param name="target">What to fill, of any element type, device and strides.</param>
    /// <exception cref="NanoVlmException">There is no such tensor, its shape is another, libtorch has no such element type (U16, U32,
    /// U64), or the file cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    public void CopyTo(string name, torch.Tensor target)
    {
        var info = this[name];
        ObjectDisposedException.ThrowIf(data == null, this);
        if (!info.Shape.AsSpan().SequenceEqual(target.shape))
            throw new NanoVlmException($"{Path}: tensor '{name}' has shape [{string.Join(", ", info.Shape)}], expected [{string.Join(", ", target.shape)}]");
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        if (target.is_contiguous())
            Fill(info, target.view(-1));
        else
            target.copy_(Copied(info));
    }

    // A mapping for each tensor, so that each gives its own memory back; null where a copy is needed.
    private torch.Tensor? Mapped(TensorInfo info)
    {
        var at = dataStart + info.Begin;
        if (info.ByteLength < SmallestMapped || at % info.DType.ByteSize() != 0 || TypeOf(info) is not { Exact: true, Type: var type })
            return null;
        MemoryMappedViewAccessor mapping;
        try
        {
            mapping = map.CreateViewAccessor(at, info.ByteLength, MemoryMappedFileAccess.CopyOnWrite);
        }
        catch (IOException) // the system's limit on mappings, or on memory that might be written to
        {
            return null;
        }

        var handle = mapping.SafeMemoryMappedViewHandle;
        byte* start = null;
        handle.AcquirePointer(ref start);
        return LibTorch.FromBlob((nint)(start + mapping.PointerOffset), info.Shape, type, () =>
        {
            handle.ReleasePointer();
            handle.Dispose(); // not the accessor, which would flush
        });
    }

    private torch.Tensor Copied(TensorInfo info)
    {
        var type = info.DType switch
        {
            SafeTensorsDType.BOOL => ScalarType.Bool,
            SafeTensorsDType.F8_E4M3 or SafeTensorsDType.F8_E5M2 => ScalarType.Float32,
            _ => TypeOf(info).Type,
        };
        var copy = empty(info.Shape, type);
        using var flat = copy.view(-1);
        Fill(info, flat);
        return copy;
    }

    // `flat` is contiguous, in one dimension.
    private void Fill(TensorInfo info, torch.Tensor flat)
    {
        var (type, exact) = TypeOf(info);
        var size = info.DType.ByteSize();
        var count = info.ByteLength / size;
        var direct = exact && flat.dtype == type && flat.device_type == DeviceType.CPU;
        using var buffer = direct ? null : empty([Math.Min(count, ChunkBytes / size)], type);
        for (long at = 0; at < count; at += ChunkBytes / size)
        {
            using var scope = NewDisposeScope();
            var part = flat.narrow(0, at, Math.Min(count - at, ChunkBytes / size));
            var stored = buffer?.narrow(0, 0, part.numel()) ?? part;
            Read(info, at * size, stored.bytes);
            if (!direct)
                part.copy_(Decoded(info.DType, stored));
        }
    }

    private static torch.Tensor Decoded(SafeTensorsDType dtype, torch.Tensor stored)
    {
        if (dtype is not (SafeTensorsDType.F8_E4M3 or SafeTensorsDType.F8_E5M2))
            return stored;
        var table = dtype == SafeTensorsDType.F8_E4M3 ? E4M3 : E5M2;
        var bits = stored.bytes;
        var values = new float[bits.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = table[bits[i]];
        return tensor(values);
    }

    // By reading, not through the mapping: nothing stays resident, and a file cut short meanwhile is an error, not a signal.
    private void Read(TensorInfo info, long offset, Span<byte> bytes)
    {
        try
        {
            ReadExactly(file, bytes, dataStart + info.Begin + offset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{Path}: tensor '{info.Name}' cannot be read: {e.Message}", e);
        }
    }

    // The type of the stored bytes, and whether it is the tensor's: booleans and 8-bit floats are read as bytes and converted.
    private (ScalarType Type, bool Exact) TypeOf(TensorInfo info) => info.DType switch
    {
        SafeTensorsDType.BOOL or SafeTensorsDType.F8_E4M3 or SafeTensorsDType.F8_E5M2 => (ScalarType.Byte, false),
        _ => (TensorTypes.Find(info.DType) ?? throw new NanoVlmException(
            $"{Path}: tensor '{info.Name}' is {info.DType}, for which there is no tensor type; known are {string.Join(", ", TensorTypes.Known)}"), true),
    };

    // 4 exponent bits with bias 7, 3 mantissa bits, NaN only with all of them set (https://arxiv.org/abs/2209.05433).
    private static float DecodeE4M3(int bits)
    {
        int exponent = (bits >> 3) & 15, mantissa = bits & 7;
        var magnitude = (exponent, mantissa) == (15, 7) ? float.NaN
            : exponent == 0 ? MathF.ScaleB(mantissa / 8f, -6)
            : MathF.ScaleB(1 + (mantissa / 8f), exponent - 7);
        return bits < 128 ? magnitude : -magnitude;
    }
}
