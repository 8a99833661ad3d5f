using static TorchSharp.torch;

namespace TorchSharp.Native;

/// <summary>One argument of an operator call, before it is laid out for the C ABI.</summary>
internal readonly struct Argument
{
    internal readonly Tag Tag;
    internal readonly long Bits;
    internal readonly object? Reference;

    private Argument(Tag tag, long bits = 0, object? reference = null)
    {
        Tag = tag;
        Bits = bits;
        Reference = reference;
    }

    internal static Argument None => default;

    public static implicit operator Argument(Tensor? value) => value is null ? default : new(Tag.Tensor, 0, value);
    public static implicit operator Argument(long value) => new(Tag.Int, value);
    public static implicit operator Argument(long? value) => value is { } v ? new(Tag.Int, v) : default;
    public static implicit operator Argument(double value) => new(Tag.Double, BitConverter.DoubleToInt64Bits(value));
    public static implicit operator Argument(double? value) => value is { } v ? (Argument)v : default;
    public static implicit operator Argument(bool value) => new(Tag.Bool, value ? 1 : 0);
    public static implicit operator Argument(bool? value) => value is { } v ? (Argument)v : default;
    public static implicit operator Argument(string? value) => value is null ? default : new(Tag.String, 0, value);
    public static implicit operator Argument(long[]? value) => value is null ? default : new(Tag.IntList, 0, value);
    public static implicit operator Argument(double[]? value) => value is null ? default : new(Tag.DoubleList, 0, value);
    public static implicit operator Argument(Tensor?[] value) => new(Tag.TensorList, 0, value);
    public static implicit operator Argument(ScalarType value) => new(Tag.Int, (long)value);
    public static implicit operator Argument(ScalarType? value) => value is { } v ? new(Tag.Int, (long)v) : default;
    public static implicit operator Argument(Scalar? value) => value is null ? default : value.AsArgument();
    public static implicit operator Argument(Generator? value) => value is null ? default : new(Tag.Generator, 0, value);
    public static implicit operator Argument(Device? value) =>
        value is null ? default : new(Tag.Device, (uint)value.type | ((long)value.index << 32));
}
