namespace NanoVlm.Text.Templates;

/// <summary>A node of a template that has a value.</summary>
/// <param name="Line">Where it stands.</param>
internal abstract record Expression(int Line)
{
    public Value Evaluate(Context context)
    {
        context.Step();
        return Compute(context);
    }

    protected abstract Value Compute(Context context);
}

internal sealed record Constant(int Line, Value Value) : Expression(Line)
{
    protected override Value Compute(Context context) => Value;
}

internal sealed record Name(int Line, string Identifier) : Expression(Line)
{
    protected override Value Compute(Context context) => context.Resolve(Identifier);
}

/// <summary>A list or a tuple.</summary>
internal sealed record Row(int Line, SequenceKind Kind, Expression[] Items) : Expression(Line)
{
    protected override Value Compute(Context context) => new Sequence(Array.ConvertAll(Items, item => item.Evaluate(context)), Kind);
}

internal sealed record Mapping(int Line, (Expression Key, Expression Value)[] Members) : Expression(Line)
{
    protected override Value Compute(Context context)
    {
        var members = MapValue.NewMembers(context.Budget);
        foreach (var (key, value) in Members)
            members[key.Evaluate(context)] = value.Evaluate(context);
        return new MapValue(members);
    }
}

/// <summary><c>owner.name</c>.</summary>
internal sealed record AttributeOf(int Line, Expression Owner, Str Member) : Expression(Line)
{
    protected override Value Compute(Context context) => Members.Attribute(context, Owner.Evaluate(context), Member);
}

/// <summary><c>owner[key]</c>.</summary>
internal sealed record ItemOf(int Line, Expression Owner, Expression Key) : Expression(Line)
{
    protected override Value Compute(Context context) => Members.Item(context, Owner.Evaluate(context), Key.Evaluate(context));
}

/// <summary><c>owner[start:stop:step]</c>.</summary>
internal sealed record SliceOf(int Line, Expression Owner, Expression? Start, Expression? Stop, Expression? By) : Expression(Line)
{
    protected override Value Compute(Context context) =>
        Members.Slice(context, Owner.Evaluate(context), Start?.Evaluate(context), Stop?.Evaluate(context), By?.Evaluate(context));
}

/// <summary>Arguments as written.</summary>
internal sealed record ArgumentList(Expression[] Positional, (string Name, Expression Value)[] Named, Expression? Many, Expression? ManyNamed)
{
    public Arguments Evaluate(Context context)
    {
        if (Positional.Length + Named.Length == 0 && Many is null && ManyNamed is null)
            return Arguments.None;
        var positional = Array.ConvertAll(Positional, p => p.Evaluate(context));
        var named = Named.Select(n => KeyValuePair.Create(n.Name, n.Value.Evaluate(context))).ToList();
        if (Many is not null)
            positional = [.. positional, .. context.Iterate(Many.Evaluate(context))];
        if (ManyNamed?.Evaluate(context) is { } mapping)
        {
            if (mapping is not MapValue map)
                throw new TemplateFault("argument after ** must be a mapping");
            context.Budget.Spend(map.Count);
            named.AddRange(map.Members.Select(m => KeyValuePair.Create(m.Key is Str name ? name.Text : throw new TemplateFault("keywords must be strings"), m.Value)));
        }
        return new Arguments(positional, named);
    }
}

internal sealed record Call(int Line, Expression Callee, ArgumentList Arguments) : Expression(Line)
{
    protected override Value Compute(Context context)
    {
        if (Callee is AttributeOf attribute)
        {
            var owner = attribute.Owner.Evaluate(context);
            if (Members.FindMethod(owner, attribute.Member.Text) is { } method)
            {
                var given = Arguments.Evaluate(context);
                context.Line = Line;
                return method(context, owner, given);
            }
            context.Line = Line;
            return Invoke(context, Members.Attribute(context, owner, attribute.Member));
        }
        return Invoke(context, Callee.Evaluate(context));
    }

    private Value Invoke(Context context, Value callee)
    {
        context.Line = Line;
        Operators.Use(callee);
        var callable = callee as Callable ?? throw new TemplateFault($"'{callee.TypeName}' object is not callable");
        var arguments = Arguments.Evaluate(context);
        context.Line = Line;
        var result = callable.Call(context, arguments);
        context.Line = Line;
        return result;
    }
}

/// <summary><c>input | filter</c>. In a block that is filtered there is no input but the block.</summary>
internal sealed record FilterOf(int Line, Expression? Input, string Filter, Filter Apply, ArgumentList Arguments) : Expression(Line)
{
    protected override Value Compute(Context context) => Run(context, Input!.Evaluate(context));

    public Value Run(Context context, Value input)
    {
        if (Input is FilterOf { } first && first.IsOpen)
            input = first.Run(context, input);
        var arguments = Arguments.Evaluate(context);
        context.Line = Line;
        return Apply(context, input, arguments);
    }

    /// <summary>Whether the chain begins with a block.</summary>
    public bool IsOpen => Input is null || Input is FilterOf { IsOpen: true };
}

/// <summary><c>input is test</c>.</summary>
internal sealed record TestOf(int Line, Expression Input, Predicate Test, ArgumentList Arguments) : Expression(Line)
{
    protected override Value Compute(Context context)
    {
        var input = Input.Evaluate(context);
        var arguments = Arguments.Evaluate(context);
        context.Line = Line;
        return Bool.Of(Test(context, input, arguments));
    }
}

internal sealed record Sign(int Line, bool Negative, Expression Operand) : Expression(Line)
{
    protected override Value Compute(Context context) => Operators.Negate(Operand.Evaluate(context), Negative);
}

internal sealed record Not(int Line, Expression Operand) : Expression(Line)
{
    protected override Value Compute(Context context) => Bool.Of(!Operators.Truth(Operand.Evaluate(context)));
}

internal sealed record Arithmetic(int Line, string Operator, Expression Left, Expression Right) : Expression(Line)
{
    protected override Value Compute(Context context)
    {
        var (left, right) = (Left.Evaluate(context), Right.Evaluate(context));
        context.Line = Line;
        return Operators.Binary(context, Operator, left, right);
    }
}

/// <summary><c>a ~ b ~ c</c>.</summary>
internal sealed record Concatenation(int Line, Expression[] Parts) : Expression(Line)
{
    protected override Value Compute(Context context)
    {
        var text = new TextBuilder(context.Budget);
        foreach (var part in Parts)
            text.Append(Printing.ToStr(context, part.Evaluate(context)));
        return text.ToStr();
    }
}

/// <summary><c>a &lt; b &lt; c</c>: each is compared with its neighbour, until one does not hold.</summary>
internal sealed record Comparison(int Line, Expression First, (string Operator, Expression Operand)[] Rest) : Expression(Line)
{
    protected override Value Compute(Context context)
    {
        var left = First.Evaluate(context);
        foreach (var (op, operand) in Rest)
        {
            var right = operand.Evaluate(context);
            context.Line = Line;
            if (!Operators.Compare(context, op, left, right))
                return Bool.Of(false);
            left = right;
        }
        return Bool.Of(true);
    }
}

/// <summary><c>and</c> and <c>or</c>, whose value is that of the operand that decides.</summary>
internal sealed record Logical(int Line, bool And, Expression Left, Expression Right) : Expression(Line)
{
    protected override Value Compute(Context context) =>
        Left.Evaluate(context) is var left && Operators.Truth(left) == And ? Right.Evaluate(context) : left;
}

/// <summary><c>a if b else c</c>.</summary>
internal sealed record Conditional(int Line, Expression Condition, Expression Then, Expression? Else) : Expression(Line)
{
    protected override Value Compute(Context context) => Operators.Truth(Condition.Evaluate(context)) ? Then.Evaluate(context)
        : Else?.Evaluate(context) ?? new Undefined("the inline if-expression evaluated to false and no else section was defined");
}
