using System.Globalization;

namespace NanoVlm.Text.Templates;

/// <content>Expressions, from the weakest operator to the strongest.</content>
internal sealed partial class Parser
{
    private Expression Tuple(bool conditional = true, bool parentheses = false)
    {
        int line = Current.Line;
        var items = new List<Expression>();
        bool tuple = false;
        while (Current.Kind is not (TokenKind.BlockEnd or TokenKind.VariableEnd) && !IsOperator(")"))
        {
            items.Add(Expression(conditional));
            if (!SkipOperator(","))
                break;
            tuple = true;
        }
        if (!tuple && items.Count == 1)
            return items[0];
        return tuple || parentheses ? new Row(line, SequenceKind.Tuple, [.. items]) : throw new TemplateFault($"expected an expression, got '{Current.Text}'");
    }

    private Expression Expression(bool conditional = true)
    {
        Enter();
        int line = Current.Line;
        var value = Or();
        while (conditional && SkipName("if"))
        {
            var condition = Or();
            value = new Conditional(line, condition, value, SkipName("else") ? Expression() : null);
        }
        _nesting--;
        return value;
    }

    private Expression Or()
    {
        int line = Current.Line;
        var left = And();
        while (SkipName("or"))
            left = new Logical(line, false, left, And());
        return left;
    }

    private Expression And()
    {
        int line = Current.Line;
        var left = NotExpression();
        while (SkipName("and"))
            left = new Logical(line, true, left, NotExpression());
        return left;
    }

    private Expression NotExpression()
    {
        int line = Current.Line;
        if (!IsName("not"))
            return Compare();
        _at++;
        Enter();
        var operand = NotExpression();
        _nesting--;
        return new Not(line, operand);
    }

    private Expression Compare()
    {
        int line = Current.Line;
        var first = Sum();
        List<(string, Expression)>? rest = null;
        while (true)
        {
            string op;
            if (Current.Kind == TokenKind.Operator && Current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
                op = Next().Text;
            else if (SkipName("in"))
                op = "in";
            else if (IsName("not") && tokens[_at + 1] is { Kind: TokenKind.Name, Text: "in" })
                (op, _at) = ("not in", _at + 2);
            else
                return rest is null ? first : new Comparison(line, first, [.. rest]);
            (rest ??= []).Add((op, Sum()));
        }
    }

    private Expression Sum()
    {
        var left = Concat();
        while (Current.Kind == TokenKind.Operator && Current.Text is "+" or "-")
        {
            var op = Next();
            left = new Arithmetic(op.Line, op.Text, left, Concat());
        }
        return left;
    }

    private Expression Concat()
    {
        int line = Current.Line;
        var first = Product();
        if (!IsOperator("~"))
            return first;
        var parts = new List<Expression> { first };
        while (SkipOperator("~"))
            parts.Add(Product());
        return new Concatenation(line, [.. parts]);
    }

    private Expression Product()
    {
        var left = Power();
        while (Current.Kind == TokenKind.Operator && Current.Text is "*" or "/" or "//" or "%")
        {
            var op = Next();
            left = new Arithmetic(op.Line, op.Text, left, Power());
        }
        return left;
    }

    private Expression Power()
    {
        var left = Unary(filters: true);
        while (IsOperator("**"))
        {
            var op = Next();
            left = new Arithmetic(op.Line, op.Text, left, Unary(filters: true));
        }
        return left;
    }

    private Expression Unary(bool filters)
    {
        Expression value;
        if (IsOperator("-") || IsOperator("+"))
        {
            var sign = Next();
            Enter();
            value = new Sign(sign.Line, sign.Text == "-", Unary(filters: false));
            _nesting--;
        }
        else
        {
            value = Primary();
        }
        value = Postfix(value);
        return filters ? FiltersAndTests(value) : value;
    }

    private Expression Primary()
    {
        var token = Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new Constant(token.Line, Bool.Of(true)),
                    "false" or "False" => new Constant(token.Line, Bool.Of(false)),
                    "none" or "None" => new Constant(token.Line, None.Instance),
                    _ => new Name(token.Line, token.Text),
                };
            case TokenKind.String:
                var text = new List<string> { token.Text };
                while (Current.Kind == TokenKind.String)
                    text.Add(Next().Text);
                return new Constant(token.Line, new Str(string.Concat(text)));
            case TokenKind.Integer:
                return new Constant(token.Line, long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long whole)
                    ? Integer.Of(whole) : throw new TemplateFault($"the number {token.Text} is too large"));
            case TokenKind.Float:
                return new Constant(token.Line, new Real(double.Parse(token.Text, NumberStyles.Float, CultureInfo.InvariantCulture)));
            case TokenKind.Operator when token.Text == "(":
                var inner = Tuple(parentheses: true);
                ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                var items = new List<Expression>();
                while (!SkipOperator("]"))
                {
                    if (items.Count > 0)
                        ExpectOperator(",");
                    if (SkipOperator("]"))
                        break;
                    items.Add(Expression());
                }
                return new Row(token.Line, SequenceKind.List, [.. items]);
            case TokenKind.Operator when token.Text == "{":
                var members = new List<(Expression, Expression)>();
                while (!SkipOperator("}"))
                {
                    if (members.Count > 0)
                        ExpectOperator(",");
                    if (SkipOperator("}"))
                        break;
                    var key = Expression();
                    ExpectOperator(":");
                    members.Add((key, Expression()));
                }
                return new Mapping(token.Line, [.. members]);
            default:
                if (token.Kind != TokenKind.End)
                    _at--;
                throw new TemplateFault(token.Kind == TokenKind.End ? "unexpected end of the template" : $"unexpected '{token.Text}'");
        }
    }

    private Expression Postfix(Expression value)
    {
        while (Current.Kind == TokenKind.Operator)
        {
            var token = Current;
            if (token.Text == "(")
            {
                value = new Call(token.Line, value, CallArguments());
            }
            else if (token.Text == ".")
            {
                _at++;
                var member = Next();
                value = member.Kind == TokenKind.Name ? new AttributeOf(token.Line, value, new Str(member.Text))
                    : member.Kind == TokenKind.Integer && int.TryParse(member.Text, out int index) ? new ItemOf(token.Line, value, new Constant(token.Line, Integer.Of(index)))
                    : throw new TemplateFault("expected a name or number after '.'");
            }
            else if (token.Text == "[")
            {
                _at++;
                value = Subscript(value, token.Line);
                ExpectOperator("]");
            }
            else
            {
                break;
            }
        }
        return value;
    }

    private Expression Subscript(Expression owner, int line)
    {
        Expression? start = null;
        if (!IsOperator(":"))
        {
            start = Expression();
            if (IsOperator(","))
                throw new TemplateFault("a subscript of several values is not supported");
        }
        if (!SkipOperator(":"))
            return new ItemOf(line, owner, start!);
        var stop = IsOperator(":") || IsOperator("]") ? null : Expression();
        var step = SkipOperator(":") && !IsOperator("]") ? Expression() : null;
        return new SliceOf(line, owner, start, stop, step);
    }

    private Expression FiltersAndTests(Expression value)
    {
        while (true)
        {
            if (IsOperator("|"))
                value = Filters(value)!;
            else if (IsName("is"))
                value = Test(value);
            else if (IsOperator("("))
                value = new Call(Current.Line, value, CallArguments());
            else
                return value;
        }
    }

    private Expression? Filters(Expression? value, bool first = false)
    {
        while (first || SkipOperator("|"))
        {
            first = false;
            var name = Expect(TokenKind.Name);
            var filter = Templates.Filters.Find(name.Text) ?? throw new TemplateFault($"there is no filter '{name.Text}'");
            value = new FilterOf(name.Line, value, name.Text, filter, IsOperator("(") ? CallArguments() : new ArgumentList([], [], null, null));
        }
        return value;
    }

    private Expression Test(Expression value)
    {
        int line = Next().Line;
        bool negated = SkipName("not");
        var name = Expect(TokenKind.Name);
        var test = Tests.Find(name.Text) ?? throw new TemplateFault($"there is no test '{name.Text}'");
        var arguments = new ArgumentList([], [], null, null);
        if (IsOperator("("))
        {
            arguments = CallArguments();
        }
        else if ((Current.Kind is TokenKind.Name or TokenKind.String or TokenKind.Integer or TokenKind.Float || IsOperator("[") || IsOperator("{"))
            && !IsName("else") && !IsName("or") && !IsName("and"))
        {
            if (IsName("is"))
                throw new TemplateFault("You cannot chain multiple tests with is");
            arguments = arguments with { Positional = [Postfix(Primary())] };
        }
        var node = new TestOf(line, value, test, arguments);
        return negated ? new Not(line, node) : node;
    }

    private ArgumentList CallArguments()
    {
        ExpectOperator("(");
        var positional = new List<Expression>();
        var named = new List<(string, Expression)>();
        Expression? many = null, manyNamed = null;
        bool any = false;
        while (!SkipOperator(")"))
        {
            if (any)
            {
                ExpectOperator(",");
                if (SkipOperator(")"))
                    break;
            }
            any = true;
            if (many is null && manyNamed is null && SkipOperator("*"))
                many = Expression();
            else if (manyNamed is null && SkipOperator("**"))
                manyNamed = Expression();
            else if (manyNamed is null && Current.Kind == TokenKind.Name && tokens[_at + 1] is { Kind: TokenKind.Operator, Text: "=" })
            {
                string name = Next().Text;
                _at++;
                named.Add((name, Expression()));
            }
            else if (many is null && manyNamed is null && named.Count == 0)
                positional.Add(Expression());
            else
                throw new TemplateFault("invalid syntax for function call expression");
        }
        return new ArgumentList([.. positional], [.. named], many, manyNamed);
    }
}
