using System.Globalization;
using System.Text;

namespace NanoVlm.Text.Templates;

/// <summary>Values as text: Python's <c>str</c>, <c>repr</c>, <c>%</c> and <c>json.dumps</c>. Marks go along.</summary>
internal static class Printing
{
    /// <summary>Python's <c>str</c>.</summary>
    public static Str ToStr(Context context, Value value)
    {
        switch (value)
        {
            case Str text: return text;
            case Undefined: return Str.Empty;
            case Sequence or MapValue or NamespaceValue:
                var builder = new TextBuilder(context.Budget);
                Repr(context, builder, value);
                return builder.ToStr();
            default: return new Str(Plain(value));
        }
    }

    /// <summary>Python's <c>repr</c> of what is in a list or a mapping.</summary>
    public static void Repr(Context context, TextBuilder to, Value value)
    {
        context.Step();
        switch (value)
        {
            case Str text:
                to.Append(Quote(text.Text), text);
                break;
            case Sequence { Kind: SequenceKind.List } list:
                to.Append("[");
                Join(list.Items);
                to.Append("]");
                break;
            case Sequence { Kind: SequenceKind.Tuple } tuple:
                to.Append("(");
                Join(tuple.Items);
                to.Append(tuple.Items.Count == 1 ? ",)" : ")");
                break;
            case Sequence { Kind: SequenceKind.Range } range:
                to.Append(range.Spelling ?? throw new TemplateFault("a part of a range has no text; make a list of it with \"| list\""));
                break;
            case Sequence { Kind: SequenceKind.Generator }:
                throw new TemplateFault("a generator has no text; make a list of it with \"| list\"");
            case Sequence view:
                to.Append(view.TypeName).Append("([");
                Join(view.Items);
                to.Append("])");
                break;
            case MapValue map:
                to.Append("{");
                string comma = "";
                foreach (var (key, member) in map.Members)
                {
                    to.Append(comma);
                    comma = ", ";
                    Repr(context, to, key);
                    to.Append(": ");
                    Repr(context, to, member);
                }
                to.Append("}");
                break;
            case NamespaceValue or Callable or LoopValue:
                throw new TemplateFault($"'{value.TypeName}' object has no text");
            default:
                to.Append(Plain(value));
                break;
        }

        void Join(IReadOnlyList<Value> items)
        {
            for (int i = 0; i < items.Count; i++)
            {
                if (i > 0)
                    to.Append(", ");
                Repr(context, to, items[i]);
            }
        }
    }

    /// <summary><c>json.dumps</c>.</summary>
    /// <param name="context">The rendering.</param>
    /// <param name="to">Where to.</param>
    /// <param name="value">What.</param>
    /// <param name="style">How.</param>
    /// <param name="margin">The line feed and indent of the level, if lines are broken.</param>
    public static void Json(Context context, TextBuilder to, Value value, JsonStyle style, string margin = "\n")
    {
        context.Step();
        switch (value)
        {
            case Str text: to.Append(JsonString(text.Text, style.Ascii), text); break;
            case None: to.Append("null"); break;
            case Bool b: to.Append(b.Truth ? "true" : "false"); break;
            case Integer: to.Append(Plain(value)); break;
            case Real r: to.Append(double.IsFinite(r.Number) ? Plain(value) : double.IsNaN(r.Number) ? "NaN" : r.Number > 0 ? "Infinity" : "-Infinity"); break;
            case Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } list:
                Block("[", "]", list.Items.Count, inner =>
                {
                    for (int i = 0; i < list.Items.Count; i++)
                    {
                        Separate(i, inner);
                        Json(context, to, list.Items[i], style, inner);
                    }
                });
                break;
            case MapValue map:
                var members = style.SortKeys ? map.Members.OrderBy(m => m.Key, new ByOrder(context.Budget)) : map.Members;
                Block("{", "}", map.Count, inner =>
                {
                    int i = 0;
                    foreach (var (key, member) in members)
                    {
                        Separate(i++, inner);
                        if (key is not (Str or Integer or Real or Bool or None))
                            throw new TemplateFault($"keys must be str, int, float, bool or None, not {key.TypeName}");
                        to.Append(JsonString(key is Str name ? name.Text : key is Bool or None ? key is None ? "null" : Operators.Truth(key) ? "true" : "false" : Plain(key), style.Ascii));
                        to.Append(style.KeySeparator);
                        Json(context, to, member, style, inner);
                    }
                });
                break;
            default:
                throw new TemplateFault($"Object of type {value.TypeName} is not JSON serializable");
        }

        void Block(string open, string close, int count, Action<string> body)
        {
            to.Append(open);
            if (count > 0)
            {
                body(margin + style.Indent);
                if (style.Indent is not null)
                    to.Append(margin);
            }
            to.Append(close);
        }

        void Separate(int i, string inner)
        {
            if (i > 0)
                to.Append(style.ItemSeparator);
            if (style.Indent is not null)
                to.Append(inner);
        }
    }

    /// <summary>Python's <c>%</c> on a string, for %s, %r, %d, %i and %f.</summary>
    public static Str Format(Context context, Str format, IReadOnlyList<Value> values)
    {
        var to = new TextBuilder(context.Budget);
        int at = 0, used = 0;
        string text = format.Text;
        for (int percent; (percent = text.IndexOf('%', at)) >= 0;)
        {
            to.Append(format.Slice(at, percent));
            int end = percent + 1, digits = 6;
            if (end < text.Length && text[end] == '.')
            {
                int from = ++end;
                while (end < text.Length && char.IsAsciiDigit(text[end]))
                    end++;
                if (!int.TryParse(text[from..end], out digits) || digits > 100)
                    throw new TemplateFault("the precision of a format must be 0 to 100");
            }
            if (end >= text.Length)
                throw new TemplateFault("incomplete format");
            at = end + 1;
            if (text[end] == '%')
            {
                to.Append("%");
                continue;
            }
            if (used >= values.Count)
                throw new TemplateFault("not enough arguments for format string");
            var value = values[used++];
            switch (text[end])
            {
                case 's': to.Append(ToStr(context, value)); break;
                case 'r': Repr(context, to, value); break;
                case 'd' or 'i' when Operators.Number(value) is { } number: to.Append(((long)number).ToString(CultureInfo.InvariantCulture)); break;
                case 'f' when Operators.Number(value) is { } number: to.Append(number.ToString($"F{digits}", CultureInfo.InvariantCulture)); break;
                default: throw new TemplateFault($"the format %{text[end]} is not supported for '{value.TypeName}'; %s, %r, %d and %f are");
            }
        }
        if (used < values.Count)
            throw new TemplateFault("not all arguments converted during string formatting");
        return to.Append(format.Slice(at, text.Length)).ToStr();
    }

    private static string Plain(Value value) => value switch
    {
        None => "None",
        Bool b => b.Truth ? "True" : "False",
        Integer i => i.Number.ToString(CultureInfo.InvariantCulture),
        Real r => RealText(r.Number),
        Undefined => "Undefined",
        _ => throw new TemplateFault($"'{value.TypeName}' object has no text"),
    };

    // The shortest digits that read back the same, with Python's rule for when an exponent is written.
    private static string RealText(double number)
    {
        if (!double.IsFinite(number))
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        string scientific = number.ToString("E16", CultureInfo.InvariantCulture);
        string shortest = number.ToString("R", CultureInfo.InvariantCulture);
        int exponent = number == 0 ? 0 : int.Parse(scientific.AsSpan(scientific.IndexOf('E') + 1), CultureInfo.InvariantCulture);
        string digits = shortest.Split('E')[0].Replace(".", "").Replace("-", "").TrimStart('0').TrimEnd('0');
        if (digits.Length == 0)
            digits = "0";
        string text = exponent is >= -4 and < 16
            ? exponent < 0 ? $"0.{new string('0', -exponent - 1)}{digits}"
                : digits.Length <= exponent + 1 ? $"{digits.PadRight(exponent + 1, '0')}.0" : $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}"
            : $"{digits[0]}{(digits.Length > 1 ? "." : "")}{digits[1..]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        return double.IsNegative(number) ? $"-{text}" : text;
    }

    private static string Quote(string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var quoted = new StringBuilder().Append(quote);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == quote || c == '\\')
                quoted.Append('\\').Append(c);
            else if (c is '\n' or '\r' or '\t')
                quoted.Append('\\').Append(c switch { '\n' => 'n', '\r' => 'r', _ => 't' });
            else if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                quoted.Append(IsPrintable(CharUnicodeInfo.GetUnicodeCategory(text, i)) ? text.Substring(i, 2) : $"\\U{char.ConvertToUtf32(text, i):x8}");
                i++;
            }
            else if (c == ' ' || IsPrintable(char.GetUnicodeCategory(c)))
                quoted.Append(c);
            else
                quoted.Append(c < 0x100 ? $"\\x{(int)c:x2}" : $"\\u{(int)c:x4}");
        }
        return quoted.Append(quote).ToString();
    }

    private static bool IsPrintable(UnicodeCategory category) => category is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    private static string JsonString(string text, bool ascii)
    {
        var json = new StringBuilder(text.Length + 2).Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"' or '\\': json.Append('\\').Append(c); break;
                case '\n': json.Append("\\n"); break;
                case '\r': json.Append("\\r"); break;
                case '\t': json.Append("\\t"); break;
                case '\f': json.Append("\\f"); break;
                case '\b': json.Append("\\b"); break;
                case < ' ': json.Append($"\\u{(int)c:x4}"); break;
                case > '~' when ascii: json.Append($"\\u{(int)c:x4}"); break;
                default: json.Append(c); break;
            }
        }
        return json.Append('"').ToString();
    }

    /// <summary>Python's order, for sorting.</summary>
    public sealed class ByOrder(Budget budget) : IComparer<Value>
    {
        public int Compare(Value? x, Value? y) => Operators.Order(budget, "<", x!, y!) ?? 0;
    }
}

/// <summary>The arguments of <c>json.dumps</c>.</summary>
internal sealed record JsonStyle(bool Ascii, string? Indent, string ItemSeparator, string KeySeparator, bool SortKeys);
