using System.Text;

namespace NanoVlm.Data.Parquet;

/// <summary>
/// A structure in Thrift's compact protocol, which parquet's footers and page headers are written in: its fields by number. Whatever the
/// bytes are, reading ends in a structure or in <see cref="InvalidDataException"/>.
/// </summary>
/// <remarks>https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md</remarks>
internal sealed class ThriftStruct
{
    private const int MaxDepth = 32;

    private readonly Dictionary<int, object> fields = [];

    /// <summary>Reads a structure.</summary>
    /// <param name="bytes">Where it begins; what follows it is left alone.</param>
    /// <param name="length">The bytes it takes.</param>
    /// <exception cref="InvalidDataException">The bytes are no structure.</exception>
    /// <exception cref="EndOfStreamException">The bytes end within it.</exception>
    public static ThriftStruct Read(ReadOnlySpan<byte> bytes, out int length)
    {
        var at = 0;
        var read = ReadStruct(bytes, ref at, 0);
        length = at;
        return read;
    }

    /// <summary>Whether the field is there.</summary>
    public bool Has(int field) => fields.ContainsKey(field);

    /// <summary>A whole number.</summary>
    public long Int(int field, string name) => fields.GetValueOrDefault(field) is long number ? number : throw Missing(name);

    /// <summary>A whole number, or something else where it is not there.</summary>
    public long Int(int field, long otherwise) => fields.GetValueOrDefault(field) is long number ? number : otherwise;

    /// <summary>A truth value, or something else where it is not there.</summary>
    public bool Flag(int field, bool otherwise) => fields.GetValueOrDefault(field) is bool flag ? flag : otherwise;

    /// <summary>A text.</summary>
    public string Text(int field, string name) => fields.GetValueOrDefault(field) is byte[] text ? Encoding.UTF8.GetString(text) : throw Missing(name);

    /// <summary>A structure within.</summary>
    public ThriftStruct Struct(int field, string name) => fields.GetValueOrDefault(field) as ThriftStruct ?? throw Missing(name);

    /// <summary>A list of structures.</summary>
    public IReadOnlyList<ThriftStruct> Structs(int field, string name) =>
        fields.GetValueOrDefault(field) is List<object> list && list.All(item => item is ThriftStruct) ? [.. list.Cast<ThriftStruct>()] : throw Missing(name);

    private static InvalidDataException Missing(string name) => new($"there is no {name}");

    private static ThriftStruct ReadStruct(ReadOnlySpan<byte> bytes, ref int at, int depth)
    {
        var read = new ThriftStruct();
        for (var field = 0L; ;)
        {
            var header = Byte(bytes, ref at);
            if (header == 0) return read;
            field = header >> 4 is > 0 and var step ? field + step : Zigzag(Varint(bytes, ref at));
            var type = header & 15;
            var value = type is 1 or 2 ? type == 1 : Value(bytes, ref at, type, depth);
            if (field is >= 0 and < 1000) read.fields[(int)field] = value;
        }
    }

    private static object Value(ReadOnlySpan<byte> bytes, ref int at, int type, int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException("structures are nested too deeply");
        switch (type)
        {
            case 1 or 2: return Byte(bytes, ref at) == 1; // within a list
            case 3: return (long)(sbyte)Byte(bytes, ref at);
            case 4 or 5 or 6: return Zigzag(Varint(bytes, ref at));
            case 7: return Take(bytes, ref at, 8).ToArray(); // a double; parquet has none
            case 8: return Take(bytes, ref at, Varint(bytes, ref at)).ToArray();
            case 9 or 10:
                var header = Byte(bytes, ref at);
                var count = header >> 4 is < 15 and var few ? (ulong)few : Varint(bytes, ref at);
                if (count > (ulong)(bytes.Length - at)) throw new EndOfStreamException(); // every element takes a byte or more
                var list = new List<object>((int)Math.Min(count, 1024));
                for (var i = 0UL; i < count; i++) list.Add(Value(bytes, ref at, header & 15, depth + 1));
                return list;
            case 12: return ReadStruct(bytes, ref at, depth + 1);
            default: throw new InvalidDataException($"there is a field of the unknown type {type}");
        }
    }

    private static byte Byte(ReadOnlySpan<byte> bytes, ref int at) => at < bytes.Length ? bytes[at++] : throw new EndOfStreamException();

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> bytes, ref int at, ulong count)
    {
        if (count > (ulong)(bytes.Length - at)) throw new EndOfStreamException();
        at += (int)count;
        return bytes[(at - (int)count)..at];
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = Byte(bytes, ref at);
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }
        throw new InvalidDataException("a number is too long");
    }

    private static long Zigzag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}
