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
        Append(text, ConfigurationReader.Keys(record.GetType()).Select(key => (ConfigurationReader.Key(key), key.GetValue(record))), "");
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

    // .NET's shortest text and Python's differ only in the exponent's case, the ".0", and between 1e15 and 1e16.
    private static string Repr(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('E') ? text.Replace('E', 'e') : text.Contains('.') ? text : text + ".0";
    }
}
