namespace NanoVlm.Weights;

/// <summary>A tensor to be written by <see cref="SafeTensorsWriter"/>.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="DType">The element type.</param>
/// <param name="Shape">The sizes, outermost first; empty for a scalar.</param>
/// <param name="WriteTo">Writes the tensor's bytes, little-endian and row-major, to the stream. It is called when its turn
/// comes, so that only one tensor at a time need be in host memory.</param>
public sealed record SafeTensorsEntry(string Name, SafeTensorsDType DType, long[] Shape, Action<Stream> WriteTo)
{
    /// <summary>A tensor whose bytes are already in memory.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="shape">The sizes, outermost first; empty for a scalar.</param>
    /// <param name="bytes">The tensor's bytes, little-endian and row-major.</param>
    public SafeTensorsEntry(string name, SafeTensorsDType dtype, long[] shape, ReadOnlyMemory<byte> bytes)
        : this(name, dtype, shape, stream => stream.Write(bytes.Span))
    {
    }
}
