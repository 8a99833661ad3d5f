using System.Text;

namespace NanoVlm.Text;

/// <summary>
/// The tokenizers library matches with Oniguruma in Ruby's syntax. What .NET would read with another meaning is written in .NET's way here, or
/// refused by name; what .NET does not know at all it refuses itself.
/// </summary>
internal static class OnigurumaPattern
{
    // All letters, those in circles too, marks, connectors, digits, number letters and Latin-1's fractions and raised digits; .NET's are fewer.
    private const string Word = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u00B2\u00B3\u00B9\u00BC-\u00BE\u24B6-\u24E9";

    /// <summary>The same pattern for .NET.</summary>
    /// <exception cref="ArgumentException">It has what cannot be translated; the message names it.</exception>
    public static string Translate(string pattern)
    {
        var result = new StringBuilder(pattern.Length);
        var groups = new Stack<int>();
        bool inClass = false;
        int atom = 0; // where the last thing that a quantifier can stand after begins in the result
        for (int i = 0; i < pattern.Length; i++)
        {
            char c = pattern[i], next = i + 1 < pattern.Length ? pattern[i + 1] : '\0';
            if (inClass)
            {
                if (c == '[')
                    throw Unsupported(next == ':' ? "a POSIX bracket [:...:]" : "a class inside another");
                if (c == '&' && next == '&')
                    throw Unsupported("&&, the intersection of classes");
                if (c == '\\' && next == 'W')
                    throw Unsupported(@"\W inside a class");
                inClass = c != ']';
                result.Append(c == '\\' ? pattern[i..Math.Min(++i + 1, pattern.Length)] is @"\w" ? Word : pattern[(i - 1)..Math.Min(i + 1, pattern.Length)] : c.ToString());
                continue;
            }
            switch (c)
            {
                case '*' or '+' or '?' when next == '+':
                    result.Insert(atom, "(?>").Append(c).Append(')'); // possessive
                    i++;
                    continue;
                case '*' or '+' or '?':
                    result.Append(c);
                    continue;
                case '{' when Bounds(pattern, i) is { } bounds:
                    i += bounds.Length - 1;
                    result.Append(bounds.StartsWith("{,", StringComparison.Ordinal) ? "{0" + bounds[1..] : bounds);
                    if (i + 1 < pattern.Length && pattern[i + 1] == '+')
                        result.Insert(atom, "(?:").Append(')'); // not possessive, but once or more
                    continue;
                case '(' when next == '?':
                    int start = result.Length, end = Options(pattern, i + 2);
                    if (end < pattern.Length && pattern[end] is ':' or ')')
                    {
                        // Ruby's m is .NET's s; .NET's m, for ^ and $, is always on there.
                        result.Append("(?").Append(pattern, i + 2, end - i - 2).Replace('m', 's', start, result.Length - start).Append(pattern[end]);
                        if (pattern[end] == ':')
                            groups.Push(start);
                        i = end;
                        continue;
                    }
                    groups.Push(start);
                    result.Append("(?");
                    i++;
                    continue;
                case '(':
                    groups.Push(result.Length);
                    result.Append(c);
                    continue;
                case ')':
                    groups.TryPop(out atom);
                    result.Append(c);
                    continue;
            }
            atom = result.Length;
            inClass = c == '[';
            if (inClass && next == '^')
                result.Append(pattern[i++]);
            if (inClass && i + 1 < pattern.Length && pattern[i + 1] == ']')
                throw Unsupported("an empty class");
            result.Append(c switch
            {
                '[' => pattern[i].ToString(),
                '\\' => Escape(pattern, ref i),
                '^' => @"(?:\A|(?<=\n)(?!\z))",
                '$' => @"(?=\n|\z)",
                _ => c.ToString(),
            });
        }
        return result.ToString();
    }

    private static string Escape(string pattern, ref int at)
    {
        int start = at++;
        switch (at < pattern.Length ? pattern[at] : '\0')
        {
            case 'w': return $"[{Word}]";
            case 'W': return $"[^{Word}]";
            case 'b': return $"(?:(?<=[{Word}])(?![{Word}])|(?<![{Word}])(?=[{Word}]))";
            case 'B': return $"(?:(?<=[{Word}])(?=[{Word}])|(?<![{Word}])(?![{Word}]))";
            case 'G': throw Unsupported(@"\G");
            case 'p' or 'P' when pattern.IndexOf('}', at) is >= 0 and var end: at = end; break;
            case 'u': at += 4; break;
            case 'x': at += 2; break;
        }
        at = Math.Min(at, pattern.Length - 1);
        return pattern[start..(at + 1)];
    }

    // {n}, {n,}, {n,m} and {,m}, which .NET does not take for a quantifier.
    private static string? Bounds(string pattern, int at)
    {
        int end = pattern.IndexOf('}', at);
        if (end < 0)
            return null;
        string[] bounds = pattern[(at + 1)..end].Split(',');
        bool digits = bounds.Length <= 2 && bounds.All(bound => bound.All(char.IsAsciiDigit)) && bounds.Any(bound => bound.Length > 0);
        return digits ? pattern[at..(end + 1)] : null;
    }

    private static int Options(string pattern, int at)
    {
        while (at < pattern.Length && (char.IsAsciiLetter(pattern[at]) || pattern[at] == '-'))
        {
            if (pattern[at] is not ('i' or 'm' or 'x' or '-'))
                throw Unsupported($"the option {pattern[at]}");
            at++;
        }
        return at;
    }

    private static ArgumentException Unsupported(string what) => new($"{what} is not supported.");
}
