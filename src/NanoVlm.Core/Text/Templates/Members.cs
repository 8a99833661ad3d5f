namespace NanoVlm.Text.Templates;

/// <summary>A method of Python's str, list or dict.</summary>
internal delegate Value Method(Context context, Value self, Arguments arguments);

/// <summary>Members, items and slices: what <c>.</c> and <c>[]</c> find. Methods are those of a table, nothing else.</summary>
internal static class Members
{
    /// <summary><c>owner.name</c>: a method before an item, as jinja2 looks.</summary>
    public static Value Attribute(Context context, Value owner, Str name)
    {
        Operators.Use(owner);
        if (FindMethod(owner, name.Text) is { } method)
            return new Callable(name.Text, (c, arguments) => method(c, owner, arguments));
        return Own(context, owner, name) ?? Undefined.Member(owner, name);
    }

    /// <summary><c>owner[key]</c>: an item before a method.</summary>
    public static Value Item(Context context, Value owner, Value key)
    {
        Operators.Use(owner);
        if (Own(context, owner, key) is { } item)
            return item;
        if (key is Str name && FindMethod(owner, name.Text) is { } method)
            return new Callable(name.Text, (c, arguments) => method(c, owner, arguments));
        return Undefined.Member(owner, key);
    }

    public static Method? FindMethod(Value owner, string name) => owner switch
    {
        Str => StringMethods.Find(name),
        MapValue => Mappings.GetValueOrDefault(name),
        Sequence { IsIndexed: true } sequence => Sequences.GetValueOrDefault(name) is { } method
            ? name is "index" or "count" || sequence.Kind == SequenceKind.List ? method : null : null,
        _ => null,
    };

    /// <summary><c>owner[start:stop:step]</c>.</summary>
    public static Value Slice(Context context, Value owner, Value? start, Value? stop, Value? step)
    {
        Operators.Use(owner);
        if (owner is not (Str or Sequence { IsIndexed: true }))
            return new Undefined($"{owner.TypeName} object has no slices");
        var text = owner as Str;
        int[]? codePoints = text is null || text.IsBasic ? null : text.CodePoints();
        var items = (owner as Sequence)?.Items;
        int length = text is null ? items!.Count : codePoints is null ? text.Text.Length : codePoints.Length - 1;
        context.Budget.Spend(length / 8 + 1L + (text?.Marks.Length ?? 0));
        long by = Bound(step) ?? 1;
        if (by == 0)
            throw new TemplateFault("slice step cannot be zero");
        long from = Clamp(Bound(start) ?? (by > 0 ? 0 : long.MaxValue)), to = Bound(stop) is { } end ? Clamp(end) : by > 0 ? length : -1;
        if (text is not null && by == 1)
            return text.Slice(At((int)from), At((int)Math.Max(from, to)));
        long count = by > 0 ? from < to ? (to - from - 1) / by + 1 : 0 : from > to ? (from - to - 1) / -by + 1 : 0;
        context.Budget.Spend(count * (1L + (text?.Marks.Length ?? 0)));
        var picked = Enumerable.Range(0, (int)count).Select(i => (int)(from + i * by));
        if (text is null)
            return new Sequence([.. picked.Select(i => items![i])], ((Sequence)owner).Kind == SequenceKind.Tuple ? SequenceKind.Tuple : ((Sequence)owner).Kind);
        var builder = new TextBuilder(context.Budget);
        foreach (int i in picked)
            builder.Append(text.Slice(At(i), At(i + 1)));
        return builder.ToStr();

        long? Bound(Value? value) => value is null or None ? null
            : Operators.Whole(value) ?? throw new TemplateFault("slice indices must be integers or None or have an __index__ method");

        long Clamp(long index)
        {
            if (index < 0)
                index = Math.Max(index + length, by > 0 ? 0 : -1);
            return Math.Min(index, by > 0 ? length : length - 1);
        }

        int At(int index) => codePoints is null ? index : codePoints[index];
    }

    private static Value? Own(Context context, Value owner, Value key)
    {
        switch (owner)
        {
            case MapValue map:
                return key is Str or Integer or Bool or Real or None or Sequence { Kind: SequenceKind.Tuple } ? map.Find(key) : null;
            case NamespaceValue space:
                return space.Find(key);
            case LoopValue loop:
                return key is Str member ? loop.Member(member.Text) : null;
            case Sequence { IsIndexed: true } sequence when Operators.Whole(key) is { } index:
                if (index < 0)
                    index += sequence.Items.Count;
                return index >= 0 && index < sequence.Items.Count ? sequence.Items[(int)index] : null;
            case Str text when Operators.Whole(key) is { } index:
                if (text.IsBasic)
                {
                    if (index < 0)
                        index += text.Text.Length;
                    return index >= 0 && index < text.Text.Length ? text.Slice((int)index, (int)index + 1) : null;
                }
                context.Budget.Spend(text.Text.Length);
                int[] starts = text.CodePoints();
                if (index < 0)
                    index += starts.Length - 1;
                return index >= 0 && index < starts.Length - 1 ? text.Slice(starts[index], starts[index + 1]) : null;
            default:
                return null;
        }
    }

    private static Dictionary<string, Method> Mappings { get; } = new(Refused("clear", "pop", "popitem", "setdefault", "update"))
    {
        ["get"] = (_, self, arguments) => arguments.Bind("get", "key", "default") is var bound && bound[0] is { } key
            ? ((MapValue)self).Find(key) ?? bound[1] ?? None.Instance : throw new TemplateFault("get expected at least 1 argument, got 0"),
        ["keys"] = (context, self, arguments) => View(context, self, arguments, "keys", SequenceKind.Keys, member => member.Key),
        ["values"] = (context, self, arguments) => View(context, self, arguments, "values", SequenceKind.Values, member => member.Value),
        ["items"] = (context, self, arguments) => View(context, self, arguments, "items", SequenceKind.Items, member => Sequence.Tuple(member.Key, member.Value)),
        ["copy"] = (_, self, arguments) => (arguments.Bind("copy"), self).self,
    };

    private static Dictionary<string, Method> Sequences { get; } = new(Refused("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"))
    {
        ["index"] = (context, self, arguments) => arguments.Bind("index", "value") is [{ } value]
            && ((Sequence)self).Items.Select((item, i) => (item, i)).FirstOrDefault(p => Operators.Equal(context.Budget, p.item, value), (item: None.Instance, i: -1)).i is >= 0 and var at
            ? Integer.Of(at) : throw new TemplateFault($"{self.TypeName}.index(x): x not in {self.TypeName}"),
        ["count"] = (context, self, arguments) => arguments.Bind("count", "value") is [{ } value]
            ? Integer.Of(((Sequence)self).Items.Count(item => Operators.Equal(context.Budget, item, value))) : throw new TemplateFault("count() takes exactly one argument (0 given)"),
        ["copy"] = (_, self, arguments) => (arguments.Bind("copy"), self).self,
    };

    // What a sandbox that lets nothing be changed refuses.
    private static IEnumerable<KeyValuePair<string, Method>> Refused(params string[] names) => names.Select(name =>
        KeyValuePair.Create<string, Method>(name, (_, self, _) => throw new TemplateFault($"access to attribute '{name}' of '{self.TypeName}' object is unsafe.")));

    private static Sequence View(Context context, Value self, Arguments arguments, string name, SequenceKind kind, Func<KeyValuePair<Value, Value>, Value> pick)
    {
        arguments.Bind(name);
        var map = (MapValue)self;
        context.Budget.Spend(map.Count);
        return new Sequence([.. map.Members.Select(pick)], kind);
    }
}
