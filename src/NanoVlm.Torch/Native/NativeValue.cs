using System.Runtime.InteropServices;

namespace TorchSharp.Native;

/// <summary>A tagged value as the C ABI lays it out (<c>nvlm_value</c>).</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct NativeValue
{
    [FieldOffset(0)] internal Tag Tag;
    [FieldOffset(4)] internal int Length;
    [FieldOffset(8)] internal long Integer;
    [FieldOffset(8)] internal double Number;
    [FieldOffset(8)] internal IntPtr Pointer;
}

/// <summary>What a <see cref="NativeValue"/> holds (<c>nvlm_tag</c>).</summary>
internal enum Tag
{
    None = 0,
    Tensor = 1,
    Int = 2,
    Double = 3,
    Bool = 4,
    String = 5,
    IntList = 6,
    DoubleList = 7,
    TensorList = 8,
    Device = 9,
    Generator = 10,
    BoolList = 11,
}
