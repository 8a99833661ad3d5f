namespace NanoVlm.Text.Templates;

/// <summary>How a statement ended.</summary>
internal enum Flow : byte { Next, Break, Continue }

/// <summary>A node of a template that writes or sets.</summary>
/// <param name="Line">Where it stands.</param>
internal abstract record Statement(int Line)
{
    public static Flow Run(IReadOnlyList<Statement> body, Context context)
    {
        for (int i = 0; i < body.Count; i++)
        {
            context.Step();
            context.Line = body[i].Line;
            if (body[i].Execute(context) is not Flow.Next and var flow)
                return flow;
        }
        return Flow.Next;
    }

    protected abstract Flow Execute(Context context);
}

/// <summary>Text as it stands.</summary>
internal sealed record Literal(int Line, string Text) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        context.Output.Append(Text);
        return Flow.Next;
    }
}

/// <summary><c>{{ value }}</c>.</summary>
internal sealed record Print(int Line, Expression Value) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        var value = Value.Evaluate(context);
        context.Line = Line;
        context.Output.Append(Printing.ToStr(context, value));
        return Flow.Next;
    }
}

internal sealed record If(int Line, (Expression Condition, IReadOnlyList<Statement> Body)[] Branches, IReadOnlyList<Statement> Else) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        foreach (var (condition, body) in Branches)
        {
            if (Operators.Truth(condition.Evaluate(context)))
                return Run(body, context);
        }
        return Run(Else, context);
    }
}

/// <summary>A loop. Its body has a scope of its own for each item. Where an item is a message, what the body writes is that message's turn.</summary>
internal sealed record For(int Line, Target Target, Expression Items, Expression? Filter, IReadOnlyList<Statement> Body, IReadOnlyList<Statement> Else) : Statement(Line)
{
    private const int CostOfTurn = 8; // in steps, for its scope

    protected override Flow Execute(Context context)
    {
        var value = Items.Evaluate(context);
        context.Line = Line;
        var items = context.Iterate(value);
        var outer = context.Scope;
        try
        {
            if (Filter is not null)
            {
                var kept = new List<Value>();
                foreach (var item in items)
                {
                    context.Scope = new Scope(outer);
                    Target.Assign(context, item);
                    if (Operators.Truth(Filter.Evaluate(context)))
                        kept.Add(item);
                }
                items = kept;
            }
            if (items.Count > 0)
                Repeat(context, outer, items);
        }
        finally
        {
            context.Scope = outer;
        }
        if (items.Count == 0)
        {
            context.Scope = new Scope(outer);
            var flow = Run(Else, context);
            context.Scope = outer;
            return flow;
        }
        return Flow.Next;
    }

    private void Repeat(Context context, Scope outer, IReadOnlyList<Value> items)
    {
        var loop = new LoopValue(items);
        for (int i = 0; i < items.Count; i++)
        {
            context.Budget.Spend(CostOfTurn);
            loop.Index = i;
            context.Scope = new Scope(outer);
            context.Scope.Set("loop", loop);
            Target.Assign(context, items[i]);
            int start = context.Output.Length;
            var flow = Run(Body, context);
            if (items[i] is MapValue { Message: >= 0 } message && context.Output.Length > start)
                context.Output.Mark(start, context.Output.Length, message.Message, MarkKind.Turn);
            if (flow == Flow.Break)
                return;
        }
    }
}

/// <summary><c>break</c> and <c>continue</c>.</summary>
internal sealed record Leave(int Line, Flow Flow) : Statement(Line)
{
    protected override Flow Execute(Context context) => Flow;
}

internal sealed record Set(int Line, Target Target, Expression Value) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        var value = Value.Evaluate(context);
        context.Line = Line;
        Target.Assign(context, value);
        return Flow.Next;
    }
}

/// <summary><c>{% set x %}...{% endset %}</c>.</summary>
internal sealed record SetBlock(int Line, Target Target, FilterOf? Filter, IReadOnlyList<Statement> Body) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        Value text = context.Capture(new Scope(context.Scope), () => Run(Body, context));
        Target.Assign(context, Filter is null ? text : Filter.Run(context, text));
        return Flow.Next;
    }
}

/// <summary><c>{% filter f %}...{% endfilter %}</c>.</summary>
internal sealed record FilterBlock(int Line, FilterOf Filter, IReadOnlyList<Statement> Body) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        var text = context.Capture(new Scope(context.Scope), () => Run(Body, context));
        context.Output.Append(Printing.ToStr(context, Filter.Run(context, text)));
        return Flow.Next;
    }
}

/// <summary><c>{% with a = b %}...{% endwith %}</c>.</summary>
internal sealed record With(int Line, (Target Target, Expression Value)[] Variables, IReadOnlyList<Statement> Body) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        var outer = context.Scope;
        var values = Array.ConvertAll(Variables, v => v.Value.Evaluate(context));
        context.Scope = new Scope(outer);
        try
        {
            for (int i = 0; i < values.Length; i++)
                Variables[i].Target.Assign(context, values[i]);
            return Run(Body, context);
        }
        finally
        {
            context.Scope = outer;
        }
    }
}

/// <summary><c>{% generation %}...{% endgeneration %}</c>: what an assistant writes, as transformers marks it.</summary>
internal sealed record Generation(int Line, IReadOnlyList<Statement> Body) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        var text = context.Capture(new Scope(context.Scope), () => Run(Body, context));
        int start = context.Output.Length;
        context.Output.Append(text).Mark(start, context.Output.Length, -1, MarkKind.Generation);
        return Flow.Next;
    }
}

/// <summary>A macro's parameters and body, also those of <c>{% call %}</c>.</summary>
internal sealed record Macro(int Line, string Identifier, (string Name, Expression? Default)[] Parameters, IReadOnlyList<Statement> Body) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        context.Scope.Set(Identifier, Close(context));
        return Flow.Next;
    }

    /// <summary>The function that it is here, where it sees the variables of this place.</summary>
    public Callable Close(Context here)
    {
        var outer = here.Scope;
        return new Callable(Identifier, (context, arguments) => Call(context, outer, arguments), "Macro");
    }

    private Str Call(Context context, Scope outer, Arguments arguments)
    {
        var scope = new Scope(outer);
        var named = arguments.Named.ToList();
        for (int i = 0; i < Parameters.Length; i++)
        {
            var (name, absent) = Parameters[i];
            int at = named.FindIndex(n => n.Key == name);
            if (at >= 0 && i < arguments.Positional.Length)
                throw new TemplateFault($"macro '{Identifier}' got multiple values for argument '{name}'");
            if (i < arguments.Positional.Length)
            {
                scope.Set(name, arguments.Positional[i]);
            }
            else if (at >= 0)
            {
                scope.Set(name, named[at].Value);
                named.RemoveAt(at);
            }
            else if (absent is null)
            {
                scope.Set(name, new Undefined($"parameter '{name}' was not provided"));
            }
            else
            {
                var before = context.Scope;
                context.Scope = scope;
                scope.Set(name, absent.Evaluate(context));
                context.Scope = before;
            }
        }
        var caller = named.FindIndex(n => n.Key == "caller");
        scope.Set("caller", caller >= 0 ? named[caller].Value : new Undefined("No caller defined"));
        if (caller >= 0)
            named.RemoveAt(caller);
        scope.Set("varargs", new Sequence([.. arguments.Positional.Skip(Parameters.Length)], SequenceKind.Tuple));
        var rest = MapValue.NewMembers(context.Budget);
        foreach (var (name, value) in named)
            rest[new Str(name)] = value;
        scope.Set("kwargs", new MapValue(rest));
        return context.Capture(scope, () => Run(Body, context));
    }
}

/// <summary><c>{% call f() %}...{% endcall %}</c>.</summary>
internal sealed record CallBlock(int Line, Call Call, Macro Caller) : Statement(Line)
{
    protected override Flow Execute(Context context)
    {
        var callee = Call.Callee.Evaluate(context);
        Operators.Use(callee);
        var given = Call.Arguments.Evaluate(context);
        var arguments = given with { Named = [.. given.Named, KeyValuePair.Create("caller", (Value)Caller.Close(context))] };
        context.Line = Line;
        var callable = callee as Callable ?? throw new TemplateFault($"'{callee.TypeName}' object is not callable");
        context.Output.Append(Printing.ToStr(context, callable.Call(context, arguments)));
        return Flow.Next;
    }
}

/// <summary>What can be set: a name, a member of a namespace, or a tuple of these.</summary>
internal sealed record Target(string? Identifier, string? Member, Target[]? Items)
{
    public void Assign(Context context, Value value)
    {
        if (Items is not null)
        {
            Operators.Use(value);
            var parts = context.Iterate(value);
            if (parts.Count != Items.Length)
                throw new TemplateFault(parts.Count < Items.Length ? $"not enough values to unpack (expected {Items.Length}, got {parts.Count})" : $"too many values to unpack (expected {Items.Length})");
            for (int i = 0; i < Items.Length; i++)
                Items[i].Assign(context, parts[i]);
        }
        else if (Member is null)
        {
            context.Scope.Set(Identifier!, value);
        }
        else if (context.Resolve(Identifier!) is NamespaceValue space)
        {
            space.Set(new Str(Member), value);
        }
        else
        {
            throw new TemplateFault("cannot assign attribute on non-namespace object");
        }
    }
}
