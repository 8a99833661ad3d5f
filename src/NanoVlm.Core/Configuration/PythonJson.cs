using System.Globalization;
using System.Text;

namespace NanoVlm.Configuration;

/// <summary>Writes JSON as Python's <c>json.dumps(value, indent=4)</c> does: ASCII only, floats by <c>repr</c>.</summary>
internal static class PythonJson
{
    /// <summary>An object with the record's keys, in the order of their declaration.</summary>
    public static string Write(object record)
    {
        var text = new StringBuilder();
        var defaults = Activator.CreateInstance(record.GetType());
        var keys = ConfigurationReader.Keys(record.GetType()).Where(key => !key.IsDefined(typeof(ExtendedAttribute), false) || !Same(key.GetValue(record), key.GetValue(defaults)));
        Append(text, keys.Select(key => (ConfigurationReader.Key(key), key.GetValue(record))), "");
        return text.ToString();
    }

    private static void Append(StringBuilder text, IEnumerable<(string Key, object? Value)> members, string indent)
    {
        var separator = "{\n";
        foreach (var (key, value) in members)
        {
            text.Append(separator).Append(indent).Append("    ");
            Append(text, key);
            text.Append(": ");
            switch (value)
            {
                case IReadOnlyDictionary<string, string> strings:
                    Append(text, strings.Select(pair => (pair.Key, (object?)pair.Value)), indent + "    ");
                    break;
                case string s:
                    Append(text, s);
                    break;
                case Enum name:
                    Append(text, ConfigurationReader.Key(name.GetType().GetField(name.ToString())!));
                    break;
                case System.Collections.IEnumerable list:
                    text.Append('[').AppendJoin(", ", list.Cast<Enum>().Select(name => $"\"{ConfigurationReader.Key(name.GetType().GetField(name.ToString())!)}\"")).Append(']');
                    break;
                case bool b:
                    text.Append(b ? "true" : "false");
                    break;
                case double d:
                    text.Append(Repr(d));
                    break;
                default:
                    text.Append(CultureInfo.InvariantCulture, $"{value}");
                    break;
            }

            separator = ",\n";
        }

        text.Append(separator == "{\n" ? "{}" : $"\n{indent}}}");
    }

    private static void Append(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\f' => text.Append("\\f"),
                '\b' => text.Append("\\b"),
                < ' ' or > '~' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }

    private static bool Same(object? one, object? other) =>
        one is System.Collections.IEnumerable list and not string ? !list.Cast<object>().Any() : Equals(one, other);

    // .NET's shortest text and Python's differ only in the exponent's case, the ".0", and between 1e15 and 1e16.
    private static string Repr(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('E') ? text.Replace('E', 'e') : text.Contains('.') ? text : text + ".0";
    }
}

/// <summary>Marks a key that nanoVLM does not know: it is written only where it differs from its default, which is nanoVLM's behaviour.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ExtendedAttribute : Attribute;
