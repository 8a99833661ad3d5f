using System.Globalization;

namespace NanoVlm.Text.Templates;

/// <summary>A filter: what stands before the bar goes in.</summary>
internal delegate Value Filter(Context context, Value input, Arguments arguments);

/// <summary>jinja2's filters, and <c>tojson</c> as transformers has it.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Filter> _filters = new()
    {
        ["trim"] = (c, v, a) => StringMethods.Strip(c, Text(c, v), a.Bind("trim", "chars")[0] is Str chars ? chars.Text : null, true, true),
        ["upper"] = (c, v, a) => Change(c, v, a, "upper", Casing.Upper),
        ["lower"] = (c, v, a) => Change(c, v, a, "lower", Casing.Lower),
        ["capitalize"] = (c, v, a) => Change(c, v, a, "capitalize", Casing.Capitalize),
        ["title"] = (c, v, a) => Change(c, v, a, "title", s => Casing.Title(s, true, separator => Lexer.IsSpace(separator) || separator is '-' or '(' or '{' or '[' or '<')),
        ["string"] = (c, v, a) => Text(c, v),
        ["safe"] = (c, v, a) => Text(c, v),
        ["escape"] = Escape,
        ["e"] = Escape,
        ["replace"] = Replace,
        ["join"] = Join,
        ["indent"] = Indent,
        ["center"] = (c, v, a) => StringMethods.Find("center")!(c, Text(c, v), new Arguments([a.Bind("center", "width")[0] ?? Integer.Of(80)], [])),
        ["format"] = (c, v, a) => a.Named.Count > 0 ? throw new TemplateFault("the filter format takes no names here") : Printing.Format(c, Text(c, v), a.Positional),
        ["wordcount"] = (c, v, a) => Integer.Of(((Sequence)StringMethods.Find("split")!(c, Text(c, v), Arguments.None)).Items.Count),
        ["tojson"] = ToJson,
        ["length"] = (_, v, a) => Integer.Of(Length(v)),
        ["count"] = (_, v, a) => Integer.Of(Length(v)),
        ["first"] = (c, v, a) => (v is Sequence sequence ? sequence.TakeFirst() : c.Iterate(v).FirstOrDefault()) ?? new Undefined("No first item, sequence was empty."),
        ["last"] = (c, v, a) => v is Sequence { Kind: SequenceKind.Generator } ? throw new TemplateFault("'generator' object is not reversible")
            : c.Iterate(v).LastOrDefault() ?? new Undefined("No last item, sequence was empty."),
        ["list"] = (c, v, a) => new Sequence(c.Iterate(v)),
        ["items"] = (c, v, a) => v switch
        {
            MapValue map => new Sequence([.. map.Members.Select(m => Sequence.Tuple(m.Key, m.Value))], SequenceKind.Generator),
            Undefined => new Sequence([], SequenceKind.Generator),
            _ => throw new TemplateFault("Can only get item pairs from a mapping."),
        },
        ["dictsort"] = DictSort,
        ["sort"] = (c, v, a) => a.Bind("sort", "reverse", "case_sensitive", "attribute") is var b ? Sort(c, c.Iterate(v), Key(c, b[2], b[1]), Given(b[0])) : v,
        ["unique"] = Unique,
        ["min"] = (c, v, a) => Extreme(c, v, a, "min", -1),
        ["max"] = (c, v, a) => Extreme(c, v, a, "max", 1),
        ["sum"] = Sum,
        ["reverse"] = Reverse,
        ["batch"] = Batch,
        ["map"] = Map,
        ["select"] = (c, v, a) => Select(c, v, a, attribute: false, keep: true),
        ["reject"] = (c, v, a) => Select(c, v, a, attribute: false, keep: false),
        ["selectattr"] = (c, v, a) => Select(c, v, a, attribute: true, keep: true),
        ["rejectattr"] = (c, v, a) => Select(c, v, a, attribute: true, keep: false),
        ["default"] = Default,
        ["d"] = Default,
        ["attr"] = (c, v, a) => a.Bind("attr", "name")[0] is Str name
            ? Members.FindMethod(v, name.Text) is not null || v is NamespaceValue or LoopValue or Undefined ? Members.Attribute(c, v, name) : Undefined.Member(v, name) : throw new TemplateFault("attr needs a name"),
        ["abs"] = (_, v, a) => Operators.Whole(v) is { } whole ? Integer.Of(checked(Math.Abs(whole))) : v is Real real ? new Real(Math.Abs(real.Number)) : throw Bad("abs()", v),
        ["int"] = ToInt,
        ["float"] = (_, v, a) => a.Bind("float", "default") is var b && ToReal(v) is { } number ? new Real(number) : b[0] ?? new Real(0),
        ["round"] = Round,
    };

    public static Filter? Find(string name) => _filters.GetValueOrDefault(name);

    /// <summary>Python's <c>len</c>.</summary>
    public static long Length(Value value) => value switch
    {
        Str text => text.Length,
        Sequence { Kind: not SequenceKind.Generator } sequence => sequence.Items.Count,
        MapValue map => map.Count,
        Undefined => 0,
        _ => throw new TemplateFault($"object of type '{value.TypeName}' has no len()"),
    };

    private static Str Text(Context context, Value value) => Printing.ToStr(context, value);

    private static bool Given(Value? value) => value is not null && Operators.Truth(value);

    private static TemplateFault Bad(string filter, Value value) =>
        value is Undefined missing ? missing.Fault() : new TemplateFault($"bad operand type for {filter}: '{value.TypeName}'");

    private static Str Change(Context context, Value value, Arguments arguments, string filter, Func<string, string> change)
    {
        arguments.Bind(filter);
        return StringMethods.Change(context, Text(context, value), change);
    }

    private static Value Escape(Context context, Value value, Arguments arguments)
    {
        var text = Text(context, value);
        foreach (var (character, entity) in new[] { ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ("\"", "&#34;") })
            text = StringMethods.Replace(context, text, new Str(character), new Str(entity), -1);
        return text;
    }

    private static Value Replace(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("replace", "old", "new", "count");
        if (bound[0] is null || bound[1] is null)
            throw new TemplateFault("replace needs what to replace and with what");
        long count = bound[2] is null or None ? -1 : Operators.Whole(bound[2]) ?? throw Bad("replace", bound[2]!);
        return StringMethods.Replace(context, Text(context, value), Text(context, bound[0]!), Text(context, bound[1]!), count);
    }

    private static Value Join(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("join", "d", "attribute");
        var separator = bound[0] is null ? Str.Empty : Text(context, bound[0]!);
        var pick = bound[1] is null or None ? null : Attribute(context, bound[1]!);
        var text = new TextBuilder(context.Budget);
        bool first = true;
        foreach (var item in context.Iterate(value))
        {
            if (!first)
                text.Append(separator);
            first = false;
            text.Append(Text(context, pick is null ? item : pick(item)));
        }
        return text.ToStr();
    }

    private static Value Indent(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("indent", "width", "first", "blank");
        if (value is not Str text)
            throw Bad("indent", value);
        long width = bound[0] is null ? 4 : Operators.Whole(bound[0]) ?? 0;
        context.Budget.Spend(Math.Max(0, width));
        string margin = bound[0] is Str given ? given.Text : new string(' ', (int)Math.Max(0, width));
        var lines = StringMethods.Lines(context, new TextBuilder(context.Budget).Append(text).Append("\n").ToStr(), keepEnds: false);
        var to = new TextBuilder(context.Budget);
        for (int i = 0; i < lines.Count; i++)
        {
            if (i > 0)
                to.Append("\n");
            if (i == 0 ? Given(bound[1]) : lines[i].Text.Length > 0 || Given(bound[2]))
                to.Append(margin);
            to.Append(lines[i]);
        }
        return to.ToStr();
    }

    private static Value ToJson(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        string? indent = bound[1] switch
        {
            null or None => null,
            Str text => text.Text,
            _ => new string(' ', (int)Math.Clamp(Operators.Whole(bound[1]) ?? throw Bad("tojson", bound[1]!), 0, 1000)),
        };
        var (items, keys) = bound[2] is Sequence { Items: [Str item, Str key] } ? (item.Text, key.Text) : (indent is null ? ", " : ",", ": ");
        var to = new TextBuilder(context.Budget);
        Printing.Json(context, to, value, new JsonStyle(Given(bound[0]), indent, items, keys, Given(bound[3])));
        return to.ToStr();
    }

    private static Func<Value, Value> Attribute(Context context, Value attribute, Value? absent = null)
    {
        Value[] path = attribute is Str name
            ? [.. name.Text.Split('.').Select(part => long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long index) ? (Value)Integer.Of(index) : new Str(part))]
            : [attribute];
        return item =>
        {
            foreach (var part in path)
            {
                item = Members.Item(context, item, part);
                if (absent is not (null or None) && item is Undefined)
                    item = absent;
            }
            return item;
        };
    }

    // What to order by: small letters, unless case matters.
    private static Func<Value, Value> Key(Context context, Value? attribute, Value? caseSensitive)
    {
        var pick = attribute is null or None ? item => item : Attribute(context, attribute);
        return Given(caseSensitive) ? pick : item => pick(item) is var key && key is Str text ? StringMethods.Change(context, text, Casing.Lower) : key;
    }

    private static Sequence Sort(Context context, IReadOnlyList<Value> items, Func<Value, Value> key, bool reverse)
    {
        var order = new Printing.ByOrder(context.Budget);
        var keyed = items.Select(item => (Item: item, Key: key(item))).ToList();
        context.Budget.Spend(items.Count);
        // Stable either way, as Python's.
        var sorted = reverse ? keyed.OrderByDescending(k => k.Key, order) : keyed.OrderBy(k => k.Key, order);
        try
        {
            return new Sequence([.. sorted.Select(k => k.Item)]);
        }
        catch (InvalidOperationException e) when (e.InnerException is TemplateFault fault)
        {
            throw fault;
        }
    }

    private static Value DictSort(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("dictsort", "case_sensitive", "by", "reverse");
        int by = bound[1] is null or Str { Text: "key" } ? 0 : bound[1] is Str { Text: "value" } ? 1 : throw new TemplateFault("You can only sort by either \"key\" or \"value\"");
        if (value is not MapValue map)
            throw Bad("dictsort", value);
        var pairs = map.Members.Select(m => (Value)Sequence.Tuple(m.Key, m.Value)).ToArray();
        return Sort(context, pairs, Key(context, Integer.Of(by), bound[0]), Given(bound[2]));
    }

    private static Value Unique(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("unique", "case_sensitive", "attribute");
        var key = Key(context, bound[1], bound[0]);
        var seen = MapValue.NewMembers(context.Budget);
        return new Sequence([.. context.Iterate(value).Where(item => seen.TryAdd(key(item), None.Instance))], SequenceKind.Generator);
    }

    private static Value Extreme(Context context, Value value, Arguments arguments, string filter, int sign)
    {
        var bound = arguments.Bind(filter, "case_sensitive", "attribute");
        var key = Key(context, bound[1], bound[0]);
        Value? best = null, bestKey = null;
        foreach (var item in context.Iterate(value))
        {
            var its = key(item);
            if (best is null || Operators.Order(context.Budget, sign < 0 ? "<" : ">", its, bestKey!) * sign > 0)
                (best, bestKey) = (item, its);
        }
        return best ?? new Undefined("No aggregated item, sequence was empty.");
    }

    private static Value Sum(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("sum", "attribute", "start");
        var pick = bound[0] is null or None ? item => item : Attribute(context, bound[0]!);
        return context.Iterate(value).Aggregate(bound[1] ?? Integer.Of(0), (total, item) => Operators.Binary(context, "+", total, pick(item)));
    }

    private static Value Reverse(Context context, Value value, Arguments arguments)
    {
        arguments.Bind("reverse");
        if (value is Str)
            return Members.Slice(context, value, null, null, Integer.Of(-1));
        return new Sequence([.. context.Iterate(value).Reverse()], SequenceKind.Generator);
    }

    private static Value Batch(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("batch", "linecount", "fill_with");
        long count = Operators.Whole(bound[0]) is > 0 and <= int.MaxValue and var given ? given : throw new TemplateFault("batch needs a count of 1 or more");
        var rows = context.Iterate(value).Chunk((int)count).Select(row => row.ToList()).ToList();
        if (bound[1] is not (null or None) && rows.Count > 0)
        {
            context.Budget.Spend(count);
            while (rows[^1].Count < count)
                rows[^1].Add(bound[1]!);
        }
        return new Sequence([.. rows.Select(row => new Sequence(row))], SequenceKind.Generator);
    }

    private static Value Map(Context context, Value value, Arguments arguments)
    {
        Func<Value, Value> change;
        if (arguments.Positional.Length == 0)
        {
            var bound = arguments.Bind("map", "attribute", "default");
            change = Attribute(context, bound[0] ?? throw new TemplateFault("map requires a filter argument"), bound[1]);
        }
        else
        {
            var name = arguments.Positional[0] as Str ?? throw new TemplateFault("map requires a filter's name");
            var filter = Find(name.Text) ?? throw new TemplateFault($"there is no filter '{name.Text}'");
            var rest = arguments.Skip(1);
            change = item => filter(context, item, rest);
        }
        return Generate(context, value, items => items.Select(change));
    }

    private static Value Select(Context context, Value value, Arguments arguments, bool attribute, bool keep)
    {
        var pick = !attribute ? item => item
            : Attribute(context, arguments.Positional.Length > 0 ? arguments.Positional[0] : throw new TemplateFault("Missing parameter for attribute name"));
        arguments = attribute ? arguments.Skip(1) : arguments;
        Func<Value, bool> holds = Operators.Truth;
        if (arguments.Positional.Length > 0)
        {
            var name = arguments.Positional[0] as Str ?? throw new TemplateFault("expected a test's name");
            var test = Tests.Find(name.Text) ?? throw new TemplateFault($"there is no test '{name.Text}'");
            var rest = arguments.Skip(1);
            holds = item => test(context, item, rest);
        }
        return Generate(context, value, items => items.Where(item => holds(pick(item)) == keep));
    }

    private static Sequence Generate(Context context, Value value, Func<IReadOnlyList<Value>, IEnumerable<Value>> make)
    {
        context.Step();
        return new Sequence(Operators.Truth(value) ? [.. make(context.Iterate(value))] : [], SequenceKind.Generator);
    }

    private static Value Default(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("default", "default_value", "boolean");
        return value is Undefined || Given(bound[1]) && !Operators.Truth(value) ? bound[0] ?? Str.Empty : value;
    }

    private static Value ToInt(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("int", "default", "base");
        var absent = bound[0] ?? Integer.Of(0);
        if (Operators.Whole(value) is { } whole)
            return Integer.Of(whole);
        if (value is Str text && bound[1] is null or Integer { Number: 10 }
            && long.TryParse(((value as Str)?.Text ?? "").Trim().Replace("_", ""), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long parsed))
            return Integer.Of(parsed);
        if (bound[1] is not (null or Integer { Number: 10 }))
            throw new TemplateFault("the filter int knows base 10 only");
        return ToReal(value) is { } number && Math.Abs(number) < 9e18 ? Integer.Of((long)number) : absent;
    }

    private static double? ToReal(Value value) => value is Str text
        ? double.TryParse(text.Text.Trim().Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : null
        : value is Undefined missing ? throw missing.Fault() : Operators.Number(value);

    private static Value Round(Context context, Value value, Arguments arguments)
    {
        var bound = arguments.Bind("round", "precision", "method");
        long digits = Operators.Whole(bound[0] ?? Integer.Of(0)) is >= -15 and <= 15 and var given ? given : throw new TemplateFault("the precision of round must be -15 to 15");
        double number = Operators.Number(value) ?? throw Bad("round", value);
        double scale = Math.Pow(10, Math.Abs(digits));
        return bound[1] switch
        {
            Str { Text: "ceil" } => Scaled(Math.Ceiling),
            Str { Text: "floor" } => Scaled(Math.Floor),
            null or Str { Text: "common" } when Operators.Whole(value) is { } whole => digits >= 0 ? Integer.Of(whole) : Integer.Of((long)(Math.Round(whole / scale) * scale)),
            null or Str { Text: "common" } => new Real(digits < 0 ? Math.Round(number / scale) * scale : Math.Abs(number) < 1e12 ? RoundExactly(number, (int)digits) : number),
            _ => throw new TemplateFault("method must be common, ceil or floor"),
        };

        Real Scaled(Func<double, double> to) => new(digits < 0 ? to(number / scale) * scale : to(number * scale) / scale);

        // By the exact binary value, a tie to the even digit.
        static double RoundExactly(double number, int digits)
        {
            string exact = number.ToString($"F{digits + 60}", CultureInfo.InvariantCulture);
            return exact.AsSpan(exact.Length - 60).TrimEnd('0') is "5"
                ? (double)decimal.Round(decimal.Parse(exact.AsSpan(0, exact.Length - 59), CultureInfo.InvariantCulture), digits, MidpointRounding.ToEven)
                : double.Parse(number.ToString($"F{digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        }
    }
}
