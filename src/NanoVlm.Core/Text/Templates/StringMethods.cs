namespace NanoVlm.Text.Templates;

/// <summary>The methods of Python's <c>str</c> that templates call; filters use them too. What is kept of a text keeps its marks.</summary>
internal static class StringMethods
{
    private static readonly Dictionary<string, Method> _methods = new()
    {
        ["strip"] = (c, self, a) => Strip(c, (Str)self, Chars(a, "strip"), true, true),
        ["lstrip"] = (c, self, a) => Strip(c, (Str)self, Chars(a, "lstrip"), true, false),
        ["rstrip"] = (c, self, a) => Strip(c, (Str)self, Chars(a, "rstrip"), false, true),
        ["upper"] = (c, self, a) => Change(c, (Str)self, a, "upper", Casing.Upper),
        ["lower"] = (c, self, a) => Change(c, (Str)self, a, "lower", Casing.Lower),
        ["casefold"] = (c, self, a) => Change(c, (Str)self, a, "casefold", s => s.ToLowerInvariant().Replace("ß", "ss")),
        ["capitalize"] = (c, self, a) => Change(c, (Str)self, a, "capitalize", Casing.Capitalize),
        ["title"] = (c, self, a) => Change(c, (Str)self, a, "title", s => Casing.Title(s, false, letter => !char.IsLetter(letter))),
        ["swapcase"] = (c, self, a) => Change(c, (Str)self, a, "swapcase", s => string.Concat(s.Select(l => char.IsUpper(l) ? char.ToLowerInvariant(l) : char.ToUpperInvariant(l)))),
        ["split"] = (c, self, a) => Split(c, (Str)self, a.Bind("split", "sep", "maxsplit"), false),
        ["rsplit"] = (c, self, a) => Split(c, (Str)self, a.Bind("rsplit", "sep", "maxsplit"), true),
        ["splitlines"] = (c, self, a) => new Sequence(Lines(c, (Str)self, a.Bind("splitlines", "keepends") is [{ } keep] && Operators.Truth(keep))),
        ["replace"] = (c, self, a) => a.Bind("replace", "old", "new", "count") is var b
            ? Replace(c, (Str)self, Text(b[0], "replace"), Text(b[1], "replace"), b[2] is null ? -1 : Whole(b[2]!, "replace")) : self,
        ["join"] = (c, self, a) => Join(c, (Str)self, a.Bind("join", "iterable")[0] ?? throw new TemplateFault("join() takes exactly one argument (0 given)")),
        ["startswith"] = (_, self, a) => Affix((Str)self, a, "startswith", (text, part) => text.StartsWith(part, StringComparison.Ordinal)),
        ["endswith"] = (_, self, a) => Affix((Str)self, a, "endswith", (text, part) => text.EndsWith(part, StringComparison.Ordinal)),
        ["removeprefix"] = (_, self, a) => Text(a.Bind("removeprefix", "prefix")[0], "removeprefix") is var prefix && ((Str)self).Text.StartsWith(prefix.Text, StringComparison.Ordinal)
            ? ((Str)self).Slice(prefix.Text.Length, ((Str)self).Text.Length) : self,
        ["removesuffix"] = (_, self, a) => Text(a.Bind("removesuffix", "suffix")[0], "removesuffix") is var suffix && ((Str)self).Text.EndsWith(suffix.Text, StringComparison.Ordinal)
            ? ((Str)self).Slice(0, ((Str)self).Text.Length - suffix.Text.Length) : self,
        ["find"] = (c, self, a) => Integer.Of(Find(c, (Str)self, a, "find", false)),
        ["rfind"] = (c, self, a) => Integer.Of(Find(c, (Str)self, a, "rfind", true)),
        ["index"] = (c, self, a) => Find(c, (Str)self, a, "index", false) is >= 0 and var at ? Integer.Of(at) : throw new TemplateFault("substring not found"),
        ["rindex"] = (c, self, a) => Find(c, (Str)self, a, "rindex", true) is >= 0 and var at ? Integer.Of(at) : throw new TemplateFault("substring not found"),
        ["count"] = (c, self, a) => Integer.Of(Count(c, (Str)self, Text(a.Bind("count", "sub")[0], "count"))),
        ["partition"] = (_, self, a) => Partition((Str)self, Text(a.Bind("partition", "sep")[0], "partition"), false),
        ["rpartition"] = (_, self, a) => Partition((Str)self, Text(a.Bind("rpartition", "sep")[0], "rpartition"), true),
        ["center"] = (c, self, a) => Pad(c, (Str)self, a, "center", missing => missing / 2 + (missing & Width(a) & 1)),
        ["ljust"] = (c, self, a) => Pad(c, (Str)self, a, "ljust", _ => 0),
        ["rjust"] = (c, self, a) => Pad(c, (Str)self, a, "rjust", missing => missing),
        ["zfill"] = (c, self, a) => ZeroFill(c, (Str)self, Whole(a.Bind("zfill", "width")[0] ?? None.Instance, "zfill")),
        ["isdigit"] = (_, self, a) => All((Str)self, a, "isdigit", char.IsDigit),
        ["isnumeric"] = (_, self, a) => All((Str)self, a, "isnumeric", char.IsNumber),
        ["isdecimal"] = (_, self, a) => All((Str)self, a, "isdecimal", char.IsDigit),
        ["isalpha"] = (_, self, a) => All((Str)self, a, "isalpha", char.IsLetter),
        ["isalnum"] = (_, self, a) => All((Str)self, a, "isalnum", l => char.IsLetter(l) || char.IsNumber(l)),
        ["isspace"] = (_, self, a) => All((Str)self, a, "isspace", Lexer.IsSpace),
        ["isascii"] = (_, self, a) => Bool.Of(a.Bind("isascii") is not null && System.Text.Ascii.IsValid(((Str)self).Text)),
        ["isupper"] = (_, self, a) => Bool.Of(a.Bind("isupper") is not null && IsUpper(((Str)self).Text)),
        ["islower"] = (_, self, a) => Bool.Of(a.Bind("islower") is not null && IsLower(((Str)self).Text)),
        ["format"] = (_, _, _) => throw new TemplateFault("the method format of strings is not supported; use ~ or the filter format"),
    };

    public static Method? Find(string name) => _methods.GetValueOrDefault(name);

    public static bool IsUpper(string text) => text.Any(char.IsUpper) && !text.Any(char.IsLower);

    public static bool IsLower(string text) => text.Any(char.IsLower) && !text.Any(char.IsUpper);

    public static Str Change(Context context, Str text, Func<string, string> change)
    {
        context.Budget.Spend(text.Text.Length * (1 + (long)text.Marks.Length));
        return text.Map(change);
    }

    public static Str Strip(Context context, Str text, string? characters, bool left, bool right)
    {
        context.Budget.Spend(1 + text.Text.Length / 8 + (long)text.Marks.Length);
        int start = 0, end = text.Text.Length;
        while (left && start < end && Strips(text.Text[start]))
            start++;
        while (right && end > start && Strips(text.Text[end - 1]))
            end--;
        return text.Slice(start, end);

        bool Strips(char c) => characters is null ? Lexer.IsSpace(c) : characters.Contains(c);
    }

    public static Str Replace(Context context, Str text, Str old, Str replacement, long count)
    {
        var to = new TextBuilder(context.Budget);
        context.Budget.Spend(text.Text.Length);
        int at = 0;
        if (old.Text.Length == 0)
        {
            int[] starts = text.CodePoints();
            for (int i = 0; i < starts.Length; i++)
            {
                if (count < 0 || i < count)
                    to.Append(replacement);
                to.Append(text.Slice(starts[i], i + 1 < starts.Length ? starts[i + 1] : starts[i]));
                context.Budget.Spend(1 + text.Marks.Length);
            }
            return to.ToStr();
        }
        for (int next; count != 0 && (next = text.Text.IndexOf(old.Text, at, StringComparison.Ordinal)) >= 0; at = next + old.Text.Length, count--)
        {
            to.Append(Part(context, text, at, next)).Append(replacement);
        }
        return at == 0 ? text : to.Append(Part(context, text, at, text.Text.Length)).ToStr();
    }

    public static Str Join(Context context, Str separator, Value items)
    {
        var to = new TextBuilder(context.Budget);
        int i = 0;
        foreach (var item in context.Iterate(items))
        {
            if (i > 0)
                to.Append(separator);
            to.Append(item as Str ?? throw new TemplateFault($"sequence item {i}: expected str instance, {item.TypeName} found"));
            i++;
        }
        return to.ToStr();
    }

    /// <summary>The lines of a text.</summary>
    public static List<Str> Lines(Context context, Str text, bool keepEnds)
    {
        var lines = new List<Str>();
        context.Budget.Spend(text.Text.Length);
        for (int at = 0, next; at < text.Text.Length; at = next)
        {
            int end = text.Text.AsSpan(at).IndexOfAny("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029");
            end = end < 0 ? text.Text.Length : at + end;
            next = end == text.Text.Length ? end : text.Text.AsSpan(end).StartsWith("\r\n") ? end + 2 : end + 1;
            lines.Add(Part(context, text, at, keepEnds ? next : end));
        }
        return lines;
    }

    private static Str Part(Context context, Str text, int start, int end)
    {
        context.Budget.Spend(1 + end - start + (long)text.Marks.Length);
        return text.Slice(start, end);
    }

    private static Str Change(Context context, Str text, Arguments arguments, string method, Func<string, string> change)
    {
        arguments.Bind(method);
        return Change(context, text, change);
    }

    private static string? Chars(Arguments arguments, string method) => arguments.Bind(method, "chars")[0] is { } chars and not None
        ? chars is Str text ? text.Text : throw new TemplateFault($"{method} arg must be None or str") : null;

    private static Str Text(Value? value, string method) => value switch
    {
        Str text => text,
        null => throw new TemplateFault($"{method}() is missing an argument"),
        Undefined missing => throw missing.Fault(),
        _ => throw new TemplateFault($"{method}() argument must be str, not {value.TypeName}"),
    };

    private static long Whole(Value value, string method) => Operators.Whole(value)
        ?? throw new TemplateFault($"{method}(): '{value.TypeName}' object cannot be interpreted as an integer");

    private static Sequence Split(Context context, Str text, Value?[] bound, bool fromRight)
    {
        long most = bound[1] is { } count ? Whole(count, "split") : -1;
        string s = text.Text;
        var cuts = new List<(int Start, int End)>();
        context.Budget.Spend(s.Length);
        if (bound[0] is null or None)
            return Words(context, text, most, fromRight);
        string separator = Text(bound[0], "split").Text;
        if (separator.Length == 0)
            throw new TemplateFault("empty separator");
        if (fromRight)
        {
            for (int end = s.Length, at; most != 0 && end >= separator.Length && (at = s.LastIndexOf(separator, end - 1, end, StringComparison.Ordinal)) >= 0; end = at, most--)
                cuts.Add((at, at + separator.Length));
            cuts.Reverse();
        }
        else
        {
            for (int from = 0, at; most != 0 && (at = s.IndexOf(separator, from, StringComparison.Ordinal)) >= 0; from = at + separator.Length, most--)
                cuts.Add((at, at + separator.Length));
        }
        var parts = new List<Value>(cuts.Count + 1);
        int start = 0;
        foreach (var cut in cuts)
        {
            parts.Add(Part(context, text, start, cut.Start));
            start = cut.End;
        }
        parts.Add(Part(context, text, start, s.Length));
        return new Sequence(parts);
    }

    private static Sequence Words(Context context, Str text, long most, bool fromRight)
    {
        var words = new List<Value>();
        string s = text.Text;
        if (fromRight)
        {
            for (int end = s.Length; ; most--)
            {
                while (end > 0 && Lexer.IsSpace(s[end - 1]))
                    end--;
                if (end == 0)
                    break;
                int start = most == 0 ? 0 : end;
                while (start > 0 && !Lexer.IsSpace(s[start - 1]))
                    start--;
                words.Add(Part(context, text, start, end));
                if (most == 0)
                    break;
                end = start;
            }
            words.Reverse();
            return new Sequence(words);
        }
        for (int start = 0; ; most--)
        {
            while (start < s.Length && Lexer.IsSpace(s[start]))
                start++;
            if (start == s.Length)
                return new Sequence(words);
            int end = most == 0 ? s.Length : start;
            while (end < s.Length && !Lexer.IsSpace(s[end]))
                end++;
            words.Add(Part(context, text, start, end));
            if (most == 0)
                return new Sequence(words);
            start = end;
        }
    }

    private static Bool Affix(Str self, Arguments arguments, string method, Func<string, string, bool> has)
    {
        var part = arguments.Bind(method, "affix")[0];
        return Bool.Of(part is Sequence { Kind: SequenceKind.Tuple } many ? many.Items.Any(one => has(self.Text, Text(one, method).Text)) : has(self.Text, Text(part, method).Text));
    }

    private static long Find(Context context, Str self, Arguments arguments, string method, bool last)
    {
        var bound = arguments.Bind(method, "sub", "start");
        var part = Text(bound[0], method).Text;
        context.Budget.Spend(self.Text.Length);
        long start = bound[1] is { } from ? Whole(from, method) : 0;
        int[] points = self.CodePoints();
        start = start < 0 ? Math.Max(0, start + points.Length - 1) : start;
        if (start > points.Length - 1)
            return -1;
        int begin = points[start];
        int at = last ? self.Text.AsSpan(begin).LastIndexOf(part) : self.Text.AsSpan(begin).IndexOf(part);
        return at < 0 ? -1 : Array.BinarySearch(points, begin + at) is >= 0 and var found ? found : -1;
    }

    private static long Count(Context context, Str self, Str part)
    {
        context.Budget.Spend(self.Text.Length);
        return part.Text.Length == 0 ? self.Length + 1 : self.Text.AsSpan().Count(part.Text);
    }

    private static Sequence Partition(Str self, Str separator, bool last)
    {
        if (separator.Text.Length == 0)
            throw new TemplateFault("empty separator");
        int at = last ? self.Text.LastIndexOf(separator.Text, StringComparison.Ordinal) : self.Text.IndexOf(separator.Text, StringComparison.Ordinal);
        if (at < 0)
            return last ? Sequence.Tuple(Str.Empty, Str.Empty, self) : Sequence.Tuple(self, Str.Empty, Str.Empty);
        return Sequence.Tuple(self.Slice(0, at), self.Slice(at, at + separator.Text.Length), self.Slice(at + separator.Text.Length, self.Text.Length));
    }

    private static long Width(Arguments arguments) => arguments.Positional.Length > 0 ? Operators.Whole(arguments.Positional[0]) ?? 0 : 0;

    private static Str Pad(Context context, Str self, Arguments arguments, string method, Func<long, long> left)
    {
        var bound = arguments.Bind(method, "width", "fillchar");
        long missing = Math.Max(0, Whole(bound[0] ?? None.Instance, method) - self.Length);
        string fill = bound[1] is null ? " " : Text(bound[1], method).Text;
        if (new Str(fill).Length != 1)
            throw new TemplateFault("The fill character must be exactly one character long");
        context.Budget.Spend(missing);
        long before = left(missing);
        return new TextBuilder(context.Budget).Append(Repeat(before)).Append(self).Append(Repeat(missing - before)).ToStr();

        string Repeat(long count) => string.Concat(Enumerable.Repeat(fill, (int)count));
    }

    private static Str ZeroFill(Context context, Str self, long width)
    {
        long missing = Math.Max(0, width - self.Length);
        context.Budget.Spend(missing);
        int sign = self.Text.StartsWith('-') || self.Text.StartsWith('+') ? 1 : 0;
        return new TextBuilder(context.Budget).Append(self.Slice(0, sign)).Append(new string('0', (int)missing)).Append(self.Slice(sign, self.Text.Length)).ToStr();
    }

    private static Bool All(Str self, Arguments arguments, string method, Func<char, bool> test)
    {
        arguments.Bind(method);
        return Bool.Of(self.Text.Length > 0 && self.Text.All(test));
    }
}
