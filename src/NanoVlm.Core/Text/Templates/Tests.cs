namespace NanoVlm.Text.Templates;

/// <summary>A test: what stands after <c>is</c>.</summary>
internal delegate bool Predicate(Context context, Value value, Arguments arguments);

/// <summary>jinja2's tests.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Predicate> _tests = new()
    {
        ["defined"] = (_, v, _) => v is not Undefined,
        ["undefined"] = (_, v, _) => v is Undefined,
        ["none"] = (_, v, _) => v is None,
        ["string"] = (_, v, _) => v is Str,
        ["mapping"] = (_, v, _) => v is MapValue,
        ["iterable"] = (_, v, _) => v is Str or MapValue or Sequence or Undefined or LoopValue,
        // What has a length and items: an undefined value's length is 0, but it has no items.
        ["sequence"] = (_, v, _) => v is Str or MapValue or Sequence { IsIndexed: true } or Undefined,
        ["number"] = (_, v, _) => v is Integer or Real or Bool,
        ["integer"] = (_, v, _) => v is Integer,
        ["float"] = (_, v, _) => v is Real,
        ["boolean"] = (_, v, _) => v is Bool,
        ["true"] = (_, v, _) => v is Bool { Truth: true },
        ["false"] = (_, v, _) => v is Bool { Truth: false },
        ["callable"] = (_, v, _) => v is Callable or Undefined,
        ["odd"] = (c, v, _) => Operators.Equal(c.Budget, Operators.Binary(c, "%", v, Integer.Of(2)), Integer.Of(1)),
        ["even"] = (c, v, _) => Operators.Equal(c.Budget, Operators.Binary(c, "%", v, Integer.Of(2)), Integer.Of(0)),
        ["divisibleby"] = (c, v, a) => Operators.Equal(c.Budget, Operators.Binary(c, "%", v, One(a, "divisibleby")), Integer.Of(0)),
        ["lower"] = (c, v, _) => StringMethods.IsLower(Printing.ToStr(c, v).Text),
        ["upper"] = (c, v, _) => StringMethods.IsUpper(Printing.ToStr(c, v).Text),
        ["escaped"] = (_, _, _) => false,
        ["filter"] = (_, v, _) => v is Str name && Filters.Find(name.Text) is not null,
        ["test"] = (_, v, _) => v is Str name && Find(name.Text) is not null,
        ["sameas"] = (_, v, a) => One(a, "sameas") is var other && (ReferenceEquals(v, other) || v is Integer x && other is Integer y && x.Number == y.Number),
        ["in"] = (c, v, a) => Operators.Contains(c, One(a, "in"), v),
    };

    static Tests()
    {
        foreach (var (op, names) in new[]
        {
            ("==", "== eq equalto"), ("!=", "!= ne"), (">", "> gt greaterthan"), (">=", ">= ge"), ("<", "< lt lessthan"), ("<=", "<= le"),
        })
        {
            foreach (string name in names.Split(' '))
                _tests[name] = (c, v, a) => Operators.Compare(c, op, v, One(a, name));
        }
    }

    public static Predicate? Find(string name) => _tests.GetValueOrDefault(name);

    private static Value One(Arguments arguments, string test) =>
        arguments.Bind(test, "other")[0] ?? throw new TemplateFault($"the test '{test}' needs something to compare with");
}
