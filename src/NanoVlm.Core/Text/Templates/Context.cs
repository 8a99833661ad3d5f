using System.Runtime.CompilerServices;

namespace NanoVlm.Text.Templates;

/// <summary>
/// What a rendering may still do. Every step, list item and character made costs one, so that time, memory, loops and output are all
/// bounded by it.
/// </summary>
internal sealed class Budget(long allowed)
{
    private readonly long _allowed = allowed;
    private long _left = allowed;

    public void Spend(long cost)
    {
        if (cost < 0 || (_left -= cost) < 0)
        {
            _left = -1;
            throw new TemplateFault($"the template does too much: more than {_allowed:N0} steps, items and characters for this input");
        }
    }
}

/// <summary>The variables of a block of statements; those outside it are seen through it.</summary>
internal sealed class Scope(Scope? outer)
{
    private readonly List<(string Name, Value Value)> _variables = [];

    public Value? Find(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Outer)
        {
            foreach (var (key, value) in scope._variables)
            {
                if (key == name)
                    return value;
            }
        }
        return null;
    }

    public Scope? Outer { get; } = outer;

    public void Set(string name, Value value)
    {
        int at = _variables.FindIndex(v => v.Name == name);
        if (at < 0)
            _variables.Add((name, value));
        else
            _variables[at] = (name, value);
    }
}

/// <summary>The state of one rendering.</summary>
internal sealed class Context(IReadOnlyDictionary<string, Value> variables, DateTime now, Budget budget)
{
    private const int MaxCalls = 64;

    private int _calls;

    public Budget Budget { get; } = budget;

    public DateTime Now { get; } = now;

    public Scope Scope { get; set; } = new(null);

    public TextBuilder Output { get; set; } = new(budget);

    /// <summary>The line of the statement or call that is at work, for errors.</summary>
    public int Line { get; set; }

    public Value Resolve(string name) =>
        Scope.Find(name) ?? variables.GetValueOrDefault(name) ?? Functions.Find(name) ?? Undefined.Variable(name);

    /// <summary>Takes a step; refuses where the stack would not bear another.</summary>
    public void Step()
    {
        Budget.Spend(1);
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new TemplateFault("the template nests too deeply");
    }

    /// <summary>What <paramref name="write"/> writes, in a scope of its own.</summary>
    public Str Capture(Scope scope, Action write)
    {
        if (++_calls > MaxCalls)
            throw new TemplateFault($"macros and blocks call each other deeper than {MaxCalls} levels");
        var (output, outer) = (Output, Scope);
        (Output, Scope) = (new TextBuilder(Budget), scope);
        try
        {
            write();
            return Output.ToStr();
        }
        finally
        {
            (Output, Scope) = (output, outer);
            _calls--;
        }
    }

    /// <summary>The items of something that can be gone through.</summary>
    public IReadOnlyList<Value> Iterate(Value value)
    {
        switch (value)
        {
            case Sequence sequence:
                var items = sequence.Take();
                Budget.Spend(items.Count);
                return items;
            case MapValue map:
                Budget.Spend(map.Count);
                return [.. map.Keys];
            case Undefined:
                return [];
            case Str text:
                Budget.Spend(text.Text.Length * (1 + (long)text.Marks.Length));
                var starts = text.CodePoints();
                var characters = new Value[starts.Length - 1];
                for (int i = 0; i < characters.Length; i++)
                    characters[i] = text.Slice(starts[i], starts[i + 1]);
                return characters;
            default:
                throw new TemplateFault($"'{value.TypeName}' object is not iterable");
        }
    }
}

/// <summary>The arguments of a call.</summary>
internal sealed record Arguments(Value[] Positional, IReadOnlyList<KeyValuePair<string, Value>> Named)
{
    public static Arguments None { get; } = new([], []);

    /// <summary>The arguments in the order of the parameters' names; null where one is not given.</summary>
    public Value?[] Bind(string function, params ReadOnlySpan<string> names)
    {
        if (Positional.Length > names.Length)
            throw new TemplateFault($"{function}() takes at most {names.Length} arguments ({Positional.Length} given)");
        var bound = new Value?[names.Length];
        Positional.CopyTo(bound, 0);
        foreach (var (name, value) in Named)
        {
            int at = names.IndexOf(name);
            if (at < 0)
                throw new TemplateFault($"{function}() got an unexpected keyword argument '{name}'");
            if (bound[at] is not null)
                throw new TemplateFault($"{function}() got multiple values for argument '{name}'");
            bound[at] = value;
        }
        return bound;
    }

    public Arguments Skip(int count) => new(Positional[Math.Min(count, Positional.Length)..], Named);
}
