using System.Globalization;

namespace TorchSharp;

/// <summary>A brain floating point number: the upper 16 bits of a float32.</summary>
public readonly struct BFloat16 : IEquatable<BFloat16>, IComparable<BFloat16>
{
    private readonly ushort raw;

    private BFloat16(ushort raw, bool _) => this.raw = raw;

    /// <summary>Rounds to nearest, ties to even; NaN stays NaN.</summary>
    public BFloat16(float f)
    {
        var bits = BitConverter.SingleToUInt32Bits(f);
        raw = float.IsNaN(f) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>The number with the given 16 bits.</summary>
    public static BFloat16 FromRawValue(ushort rawValue) => new(rawValue, false);

    /// <summary>The same number as a float32, exactly.</summary>
    public float ToSingle() => BitConverter.UInt32BitsToSingle((uint)raw << 16);

    /// <summary>Rounds to nearest, ties to even.</summary>
    public static explicit operator BFloat16(float value) => new(value);
    /// <summary>Rounds to nearest, ties to even.</summary>
    public static explicit operator BFloat16(double value) => new((float)value);
    /// <summary>The same number.</summary>
    public static explicit operator float(BFloat16 value) => value.ToSingle();
    /// <summary>The same number.</summary>
    public static explicit operator double(BFloat16 value) => value.ToSingle();

    /// <summary>Sum, rounded.</summary>
    public static BFloat16 operator +(BFloat16 a, BFloat16 b) => new(a.ToSingle() + b.ToSingle());
    /// <summary>Difference, rounded.</summary>
    public static BFloat16 operator -(BFloat16 a, BFloat16 b) => new(a.ToSingle() - b.ToSingle());
    /// <summary>Product, rounded.</summary>
    public static BFloat16 operator *(BFloat16 a, BFloat16 b) => new(a.ToSingle() * b.ToSingle());
    /// <summary>Quotient, rounded.</summary>
    public static BFloat16 operator /(BFloat16 a, BFloat16 b) => new(a.ToSingle() / b.ToSingle());
    /// <summary>Numeric equality.</summary>
    public static bool operator ==(BFloat16 a, BFloat16 b) => a.ToSingle() == b.ToSingle();
    /// <summary>Numeric inequality.</summary>
    public static bool operator !=(BFloat16 a, BFloat16 b) => !(a == b);
    /// <summary>Less than.</summary>
    public static bool operator <(BFloat16 a, BFloat16 b) => a.ToSingle() < b.ToSingle();
    /// <summary>Greater than.</summary>
    public static bool operator >(BFloat16 a, BFloat16 b) => a.ToSingle() > b.ToSingle();

    /// <inheritdoc/>
    public bool Equals(BFloat16 other) => this == other;
    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);
    /// <inheritdoc/>
    public override int GetHashCode() => ToSingle().GetHashCode();
    /// <inheritdoc/>
    public int CompareTo(BFloat16 other) => ToSingle().CompareTo(other.ToSingle());
    /// <inheritdoc/>
    public override string ToString() => ToSingle().ToString(CultureInfo.InvariantCulture);
}
