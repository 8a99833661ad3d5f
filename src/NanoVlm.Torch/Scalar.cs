using TorchSharp.Native;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>A number given to an operator; made implicitly from C#'s numbers. It does not decide the result's dtype, its kind does.</summary>
public sealed class Scalar : IDisposable
{
    private readonly long integer;
    private readonly double number;

    private Scalar(ScalarType type, long integer, double number)
    {
        Type = type;
        this.integer = integer;
        this.number = number;
    }

    /// <summary>The kind of number: <c>Int64</c>, <c>Float64</c> or <c>Bool</c>.</summary>
    public ScalarType Type { get; }

    internal bool IsInteger => Type == ScalarType.Int64;
    internal double Number => Type == ScalarType.Float64 ? number : integer;
    internal long Integer => Type == ScalarType.Float64 ? (long)number : integer;

    internal Argument AsArgument() => Type switch
    {
        ScalarType.Int64 => integer,
        ScalarType.Bool => integer != 0,
        _ => number,
    };

    internal static Scalar FromLong(long value) => new(ScalarType.Int64, value, value);
    internal static Scalar FromDouble(double value) => new(ScalarType.Float64, 0, value);
    internal static Scalar FromBool(bool value) => new(ScalarType.Bool, value ? 1 : 0, 0);

    /// <summary>An integer.</summary>
    public static implicit operator Scalar(byte value) => FromLong(value);
    /// <summary>An integer.</summary>
    public static implicit operator Scalar(sbyte value) => FromLong(value);
    /// <summary>An integer.</summary>
    public static implicit operator Scalar(short value) => FromLong(value);
    /// <summary>An integer.</summary>
    public static implicit operator Scalar(int value) => FromLong(value);
    /// <summary>An integer.</summary>
    public static implicit operator Scalar(long value) => FromLong(value);
    /// <summary>A floating point number.</summary>
    public static implicit operator Scalar(Half value) => FromDouble((double)value);
    /// <summary>A floating point number.</summary>
    public static implicit operator Scalar(BFloat16 value) => FromDouble(value.ToSingle());
    /// <summary>A floating point number.</summary>
    public static implicit operator Scalar(float value) => FromDouble(value);
    /// <summary>A floating point number.</summary>
    public static implicit operator Scalar(double value) => FromDouble(value);
    /// <summary>A boolean.</summary>
    public static implicit operator Scalar(bool value) => FromBool(value);

    /// <summary>Nothing to free here; the member is TorchSharp's.</summary>
    public void Dispose()
    {
    }
}

/// <summary>Reads a <see cref="Scalar"/> or a one-element tensor as a C# number, converting.</summary>
public static class ScalarExtensionMethods
{
    /// <summary>As a float32.</summary>
    public static float ToSingle(this Scalar value) => (float)value.Number;
    /// <summary>As a float64.</summary>
    public static double ToDouble(this Scalar value) => value.Number;
    /// <summary>As a 32-bit integer.</summary>
    public static int ToInt32(this Scalar value) => (int)value.Integer;
    /// <summary>As a 64-bit integer.</summary>
    public static long ToInt64(this Scalar value) => value.Integer;
    /// <summary>True unless zero.</summary>
    public static bool ToBoolean(this Scalar value) => value.Number != 0;
    /// <summary>As a float16.</summary>
    public static Half ToHalf(this Scalar value) => (Half)value.Number;
    /// <summary>As a bfloat16.</summary>
    public static BFloat16 ToBFloat16(this Scalar value) => new((float)value.Number);

    /// <summary>The tensor's one element as a float32.</summary>
    public static float ToSingle(this Tensor value) => value.ToScalar().ToSingle();
    /// <summary>The tensor's one element as a float64.</summary>
    public static double ToDouble(this Tensor value) => value.ToScalar().ToDouble();
    /// <summary>The tensor's one element as a 32-bit integer.</summary>
    public static int ToInt32(this Tensor value) => value.ToScalar().ToInt32();
    /// <summary>The tensor's one element as a 64-bit integer.</summary>
    public static long ToInt64(this Tensor value) => value.ToScalar().ToInt64();
    /// <summary>The tensor's one element as a boolean.</summary>
    public static bool ToBoolean(this Tensor value) => value.ToScalar().ToBoolean();
    /// <summary>The tensor's one element as a float16.</summary>
    public static Half ToHalf(this Tensor value) => value.ToScalar().ToHalf();
}
