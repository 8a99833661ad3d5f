using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Weights;

public sealed unsafe partial class SafeTensorsFile
{
    // Every 8-bit float as float32, for which libtorch 1.13 has no type. E5M2 is the upper half of a float16.
    private static readonly float[] E5M2 = [.. Enumerable.Range(0, 256).Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)))];
    private static readonly float[] E4M3 = [.. Enumerable.Range(0, 256).Select(DecodeE4M3)];

    /// <summary>A tensor on the CPU with a copy of the bytes, in the current dispose scope. 8-bit floats become float32.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <exception cref="NanoVlmException">There is no such tensor, or libtorch has no such element type (U16, U32, U64).</exception>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    public torch.Tensor Tensor(string name)
    {
        var info = this[name];
        var start = (byte*)Address(name);
        if (info.DType is SafeTensorsDType.F8_E4M3 or SafeTensorsDType.F8_E5M2)
            return Decoded(info, start);

        var type = TensorTypes.Find(info.DType) ?? throw new NanoVlmException(
            $"{Path}: tensor '{name}' is {info.DType}, for which there is no tensor type; known are {string.Join(", ", TensorTypes.Known)}");
        var tensor = empty(info.Shape, type);
        using var bytes = new UnmanagedMemoryStream(start, info.ByteLength);
        tensor.ReadBytesFromStream(bytes, bufferSize: 1 << 20);
        return tensor;
    }

    private static torch.Tensor Decoded(TensorInfo info, byte* start)
    {
        var table = info.DType == SafeTensorsDType.F8_E4M3 ? E4M3 : E5M2;
        var values = new float[info.ByteLength];
        for (var i = 0; i < values.Length; i++)
            values[i] = table[start[i]];
        return tensor(values, info.Shape);
    }

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
