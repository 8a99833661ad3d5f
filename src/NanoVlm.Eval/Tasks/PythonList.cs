using System.Globalization;
using System.Text;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>Reads a list of strings as Python writes it: <c>['a', "it's", '3']</c>.</summary>
/// <remarks>https://docs.python.org/3/reference/lexical_analysis.html#string-and-bytes-literals</remarks>
internal static class PythonList
{
    /// <summary>Reads a list; null if the text is none. What is not in quotes, such as a number, is read as it stands.</summary>
    public static IReadOnlyList<string>? Parse(string text)
    {
        text = text.Trim();
        if (text.Length < 2 || text[0] is not ('[' or '(') || text[^1] != (text[0] == '[' ? ']' : ')')) return null;
        var items = new List<string>();
        var at = 1;
        for (var end = text.Length - 1; Skip(text, ref at) < end;)
        {
            if (text[at] is '\'' or '"')
            {
                var item = new StringBuilder();
                do // literals side by side are one
                {
                    if (!Quoted(text, ref at, item)) return null;
                }
                while (Skip(text, ref at) < end && text[at] is '\'' or '"');
                items.Add(item.ToString());
            }
            else
            {
                var stop = text.IndexOf(',', at);
                if (stop < 0) stop = end;
                if (stop == at) return null;
                items.Add(text[at..stop].Trim());
                at = stop;
            }
            if (Skip(text, ref at) < end && text[at++] != ',') return null;
        }
        return at == text.Length - 1 ? items : null;
    }

    private static int Skip(string text, ref int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
        return at;
    }

    private static bool Quoted(string text, ref int at, StringBuilder item)
    {
        var quote = text[at++];
        while (at < text.Length - 1)
        {
            var c = text[at++];
            if (c == quote) return true;
            if (c == '\\') Escape(text, ref at, item);
            else item.Append(c);
        }
        return false;
    }

    // A backslash before anything else stays, as in \alpha.
    private static void Escape(string text, ref int at, StringBuilder item)
    {
        var c = text[at++];
        switch (c)
        {
            case '\n': break;
            case '\\' or '\'' or '"': item.Append(c); break;
            case 'n': item.Append('\n'); break;
            case 't': item.Append('\t'); break;
            case 'r': item.Append('\r'); break;
            case 'a': item.Append('\a'); break;
            case 'b': item.Append('\b'); break;
            case 'f': item.Append('\f'); break;
            case 'v': item.Append('\v'); break;
            case 'x' when Hexadecimal(text, ref at, 2) is { } code: item.Append((char)code); break;
            case 'u' when Hexadecimal(text, ref at, 4) is { } code: item.Append((char)code); break;
            case 'U' when Hexadecimal(text, ref at, 8) is { } code && Rune.IsValid(code): item.Append(new Rune(code)); break;
            case >= '0' and <= '7':
                var value = c - '0';
                for (var digits = 1; digits < 3 && at < text.Length && text[at] is >= '0' and <= '7'; digits++) value = value * 8 + text[at++] - '0';
                item.Append((char)value);
                break;
            default: item.Append('\\').Append(c); break;
        }
    }

    private static int? Hexadecimal(string text, ref int at, int digits)
    {
        if (text.Length - at < digits || !int.TryParse(text.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)) return null;
        at += digits;
        return code;
    }
}
