namespace NanoVlm.Text.Templates;

/// <summary>A fault of a template or of what it was given; the rendering adds name and line.</summary>
internal sealed class TemplateFault(string message) : Exception(message);

/// <summary>
/// What a template computes with: a closed set of Python's types. There is no way from here to any other object of .NET. All are
/// immutable but <see cref="NamespaceValue"/>.
/// </summary>
internal abstract class Value
{
    /// <summary>How deep lists and mappings may nest.</summary>
    public const int MaxDepth = 100;

    /// <summary>Python's name of the type.</summary>
    public abstract string TypeName { get; }

    /// <summary>Levels of lists and mappings.</summary>
    public virtual int Depth => 0;

    protected static int DepthOver(int children) =>
        children < MaxDepth ? children + 1 : throw new TemplateFault($"lists and mappings nest deeper than {MaxDepth} levels");
}

/// <summary>What a missing variable or member is: prints as nothing, is false, and refuses everything else with what is missing.</summary>
internal sealed class Undefined(string message) : Value
{
    public override string TypeName => "Undefined";

    public TemplateFault Fault() => new(message);

    public static Undefined Variable(string name) => new($"'{name}' is undefined");

    public static Undefined Member(Value owner, Value key) => new(key is Str name
        ? $"'{TypeOf(owner)}' has no attribute '{name.Text}'"
        : $"{TypeOf(owner)} has no element {(key is Integer i ? i.Number.ToString() : key.TypeName)}");

    private static string TypeOf(Value owner) => owner is None ? "None" : $"{owner.TypeName} object";
}

internal sealed class None : Value
{
    public static None Instance { get; } = new();

    public override string TypeName => "NoneType";
}

internal sealed class Bool(bool truth) : Value
{
    private static readonly Bool _true = new(true), _false = new(false);

    public bool Truth { get; } = truth;

    public override string TypeName => "bool";

    public static Bool Of(bool truth) => truth ? _true : _false;
}

internal sealed class Integer(long number) : Value
{
    private static readonly Integer[] _small = [.. Enumerable.Range(-1, 258).Select(i => new Integer(i))];

    public long Number { get; } = number;

    public override string TypeName => "int";

    public static Integer Of(long number) => number is >= -1 and < 257 ? _small[number + 1] : new Integer(number);
}

internal sealed class Real(double number) : Value
{
    public double Number { get; } = number;

    public override string TypeName => "float";
}

/// <summary>Which of Python's sequences a <see cref="Sequence"/> is.</summary>
internal enum SequenceKind : byte { List, Tuple, Range, Keys, Values, Items, Generator }

/// <summary>An ordered row of values. A generator is empty once it was gone through, as in Python.</summary>
internal sealed class Sequence : Value
{
    private IReadOnlyList<Value> _items;

    public Sequence(IReadOnlyList<Value> items, SequenceKind kind = SequenceKind.List)
    {
        (_items, Kind) = (items, kind);
        int deepest = 0;
        for (int i = 0; i < items.Count; i++)
            deepest = Math.Max(deepest, items[i].Depth);
        Depth = DepthOver(deepest);
    }

    public SequenceKind Kind { get; }

    public override int Depth { get; }

    /// <summary>How a range was asked for, which is how it prints.</summary>
    public string? Spelling { get; init; }

    /// <summary>Whether it can be indexed and has a length.</summary>
    public bool IsIndexed => Kind is SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range;

    /// <summary>The items, left in place; a generator's only for looking at.</summary>
    public IReadOnlyList<Value> Items => _items;

    public override string TypeName => Kind switch
    {
        SequenceKind.List => "list",
        SequenceKind.Tuple => "tuple",
        SequenceKind.Range => "range",
        SequenceKind.Keys => "dict_keys",
        SequenceKind.Values => "dict_values",
        SequenceKind.Items => "dict_items",
        _ => "generator",
    };

    public static Sequence Tuple(params Value[] items) => new(items, SequenceKind.Tuple);

    /// <summary>The items, gone through once.</summary>
    public IReadOnlyList<Value> Take()
    {
        var items = _items;
        if (Kind == SequenceKind.Generator)
            _items = [];
        return items;
    }

    /// <summary>The next item of a generator.</summary>
    public Value? TakeFirst()
    {
        var first = _items.Count == 0 ? null : _items[0];
        if (Kind == SequenceKind.Generator && first is not null)
            _items = [.. _items.Skip(1)];
        return first;
    }
}

/// <summary>A mapping that keeps its order.</summary>
internal sealed class MapValue : Value
{
    private readonly OrderedDictionary<Value, Value> _members;

    public MapValue(OrderedDictionary<Value, Value> members, int message = -1)
    {
        (_members, Message) = (members, message);
        int deepest = 0;
        foreach (var (key, value) in members)
            deepest = Math.Max(deepest, Math.Max(key.Depth, value.Depth));
        Depth = DepthOver(deepest);
    }

    public override string TypeName => "dict";

    public override int Depth { get; }

    /// <summary>Which message this is, or -1.</summary>
    public int Message { get; }

    public int Count => _members.Count;

    public IEnumerable<Value> Keys => _members.Keys;

    public IEnumerable<KeyValuePair<Value, Value>> Members => _members;

    public Value? Find(Value key) => _members.GetValueOrDefault(key);

    public static OrderedDictionary<Value, Value> NewMembers(Budget budget) => new(new KeyComparer(budget));

    private sealed class KeyComparer(Budget budget) : IEqualityComparer<Value>
    {
        public bool Equals(Value? x, Value? y) => Operators.Equal(budget, x!, y!);

        public int GetHashCode(Value key)
        {
            budget.Spend(1);
            switch (key)
            {
                case Str s: return s.Text.GetHashCode();
                case Bool b: return (b.Truth ? 1.0 : 0.0).GetHashCode();
                case Integer i: return ((double)i.Number).GetHashCode();
                case Real r: return r.Number.GetHashCode();
                case None: return 1;
                case Sequence { Kind: SequenceKind.Tuple } tuple:
                    var hash = new HashCode();
                    foreach (var item in tuple.Items)
                        hash.Add(GetHashCode(item));
                    return hash.ToHashCode();
                default: throw new TemplateFault($"unhashable type: '{key.TypeName}'");
            }
        }
    }
}

/// <summary>What <c>namespace()</c> makes: the one thing that a loop's body can change and leave changed.</summary>
internal sealed class NamespaceValue(OrderedDictionary<Value, Value> members) : Value
{
    public override string TypeName => "Namespace";

    public Value? Find(Value name) => members.GetValueOrDefault(name);

    public void Set(Str name, Value value) => members[name] = value;
}

/// <summary>A function, a macro or a bound method.</summary>
internal sealed class Callable(string name, Func<Context, Arguments, Value> body, string typeName = "builtin_function_or_method") : Value
{
    public string Name { get; } = name;

    public override string TypeName => typeName;

    public Value Call(Context context, Arguments arguments) => body(context, arguments);
}

/// <summary>The variable <c>loop</c> inside a loop.</summary>
internal sealed class LoopValue(IReadOnlyList<Value> items) : Value
{
    private IReadOnlyList<Value>? _lastChanged;

    public override string TypeName => "LoopContext";

    public int Index { get; set; }

    public Value? Member(string name) => name switch
    {
        "index" => Integer.Of(Index + 1),
        "index0" => Integer.Of(Index),
        "revindex" => Integer.Of(items.Count - Index),
        "revindex0" => Integer.Of(items.Count - Index - 1),
        "first" => Bool.Of(Index == 0),
        "last" => Bool.Of(Index == items.Count - 1),
        "length" => Integer.Of(items.Count),
        "depth" => Integer.Of(1),
        "depth0" => Integer.Of(0),
        "previtem" => Index > 0 ? items[Index - 1] : new Undefined("there is no previous item"),
        "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new Undefined("there is no next item"),
        "cycle" => new Callable("cycle", (_, arguments) => arguments.Positional.Length == 0
            ? throw new TemplateFault("no items for cycling given") : arguments.Positional[Index % arguments.Positional.Length]),
        "changed" => new Callable("changed", (context, arguments) =>
        {
            bool same = _lastChanged is { } last && last.Count == arguments.Positional.Length
                && last.Zip(arguments.Positional).All(pair => Operators.Equal(context.Budget, pair.First, pair.Second));
            _lastChanged = arguments.Positional;
            return Bool.Of(!same);
        }),
        _ => null,
    };
}
