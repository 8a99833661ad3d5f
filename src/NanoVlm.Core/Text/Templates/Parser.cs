using System.Globalization;

namespace NanoVlm.Text.Templates;

/// <summary>Makes a tree of a template's tokens, with the precedence of jinja2's parser.</summary>
internal sealed class Parser(List<Token> tokens)
{
    private const int MaxNesting = 100;

    private static readonly HashSet<string> _unsupported = ["extends", "block", "include", "import", "from", "do", "autoescape", "trans", "debug"];

    private int _at;
    private int _nesting;
    private int _loops;

    public int Line => Current.Line;

    private Token Current => tokens[_at];

    public IReadOnlyList<Statement> Template()
    {
        var body = Body();
        return Current.Kind == TokenKind.End ? body : throw new TemplateFault($"unexpected '{Current.Text}'");
    }

    // Statements up to the end or a tag that begins with one of these words, which is left at its word.
    private List<Statement> Body(params ReadOnlySpan<string> ends)
    {
        Enter();
        var body = new List<Statement>();
        while (true)
        {
            var token = Current;
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new Literal(token.Line, token.Text));
                    _at++;
                    break;
                case TokenKind.VariableBegin:
                    _at++;
                    body.Add(new Print(token.Line, Tuple()));
                    Expect(TokenKind.VariableEnd);
                    break;
                case TokenKind.BlockBegin:
                    _at++;
                    if (Current.Kind != TokenKind.Name)
                        throw new TemplateFault("a statement's name is expected after \"{%\"");
                    if (ends.Contains(Current.Text))
                    {
                        _nesting--;
                        return body;
                    }
                    body.Add(Statement());
                    Expect(TokenKind.BlockEnd);
                    break;
                default:
                    if (ends.Length > 0)
                        throw new TemplateFault($"the template ends where {string.Join(" or ", ends.ToArray())} is missing");
                    _nesting--;
                    return body;
            }
        }
    }

    private Statement Statement()
    {
        var token = Next();
        switch (token.Text)
        {
            case "if": return IfStatement(token.Line);
            case "for": return ForStatement(token.Line);
            case "set": return SetStatement(token.Line);
            case "macro":
                string name = Expect(TokenKind.Name).Text;
                return new Macro(token.Line, name, Parameters(), Outside("endmacro"));
            case "call":
                var parameters = IsOperator("(") ? Parameters() : [];
                var call = Expression() as Call ?? throw new TemplateFault("expected a call");
                return new CallBlock(token.Line, call, new Macro(token.Line, "caller", parameters, Outside("endcall")));
            case "filter":
                var filter = (FilterOf)Filters(null, first: true)!;
                return new FilterBlock(token.Line, filter, Outside("endfilter"));
            case "generation": return new Generation(token.Line, Outside("endgeneration"));
            case "with": return WithStatement(token.Line);
            case "break" or "continue":
                return _loops > 0 ? new Leave(token.Line, token.Text == "break" ? Flow.Break : Flow.Continue) : throw new TemplateFault($"'{token.Text}' outside of a loop");
            default:
                throw new TemplateFault(_unsupported.Contains(token.Text) ? $"the statement '{token.Text}' is not supported in chat templates" : $"unknown statement '{token.Text}'");
        }
    }

    private List<Statement> Block(params ReadOnlySpan<string> ends)
    {
        Expect(TokenKind.BlockEnd);
        return Body(ends);
    }

    // A body from which a break cannot reach the loop around it.
    private List<Statement> Outside(string end)
    {
        int loops = _loops;
        _loops = 0;
        var body = Block(end);
        _loops = loops;
        _at++;
        return body;
    }

    private If IfStatement(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        IReadOnlyList<Statement> otherwise = [];
        for (bool more = true; more;)
        {
            var condition = Tuple(conditional: false);
            branches.Add((condition, Block("elif", "else", "endif")));
            string word = Next().Text;
            if (word == "else")
            {
                otherwise = Block("endif");
                _at++;
            }
            more = word == "elif";
        }
        return new If(line, [.. branches], otherwise);
    }

    private For ForStatement(int line)
    {
        var target = AssignTarget(spaces: false);
        ExpectName("in");
        var items = Tuple(conditional: false);
        var filter = SkipName("if") ? Expression() : null;
        if (IsName("recursive"))
            throw new TemplateFault("recursive loops are not supported in chat templates");
        _loops++;
        var body = Block("endfor", "else");
        _loops--;
        IReadOnlyList<Statement> otherwise = [];
        if (Next().Text == "else")
        {
            otherwise = Block("endfor");
            _at++;
        }
        return new For(line, target, items, filter, body, otherwise);
    }

    private Statement SetStatement(int line)
    {
        var target = AssignTarget(spaces: true);
        if (SkipOperator("="))
            return new Set(line, target, Tuple());
        var filter = IsOperator("|") ? (FilterOf)Filters(null)! : null;
        return new SetBlock(line, target, filter, Outside("endset"));
    }

    private With WithStatement(int line)
    {
        var variables = new List<(Target, Expression)>();
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (variables.Count > 0)
                ExpectOperator(",");
            var target = AssignTarget(spaces: false);
            ExpectOperator("=");
            variables.Add((target, Expression()));
        }
        var body = Block("endwith");
        _at++;
        return new With(line, [.. variables], body);
    }

    private (string, Expression?)[] Parameters()
    {
        var parameters = new List<(string, Expression?)>();
        ExpectOperator("(");
        while (!SkipOperator(")"))
        {
            if (parameters.Count > 0)
                ExpectOperator(",");
            string name = Expect(TokenKind.Name).Text;
            var absent = SkipOperator("=") ? Expression() : null;
            if (absent is null && parameters.Count > 0 && parameters[^1].Item2 is not null)
                throw new TemplateFault("non-default argument follows default argument");
            parameters.Add((name, absent));
        }
        return [.. parameters];
    }

    private Target AssignTarget(bool spaces)
    {
        var items = new List<Target>();
        bool tuple = false;
        while (!IsName("in") && Current.Kind is not (TokenKind.BlockEnd or TokenKind.VariableEnd) && !IsOperator(")") && !IsOperator("="))
        {
            items.Add(OneTarget(spaces));
            if (!SkipOperator(","))
                break;
            tuple = true;
        }
        return tuple ? new Target(null, null, [.. items]) : items.Count == 1 ? items[0] : throw new TemplateFault("a name to assign to is missing");
    }

    private Target OneTarget(bool spaces)
    {
        if (SkipOperator("("))
        {
            Enter();
            var inner = AssignTarget(spaces);
            _nesting--;
            ExpectOperator(")");
            return inner;
        }
        string name = Expect(TokenKind.Name).Text;
        if (spaces && SkipOperator("."))
            return new Target(name, Expect(TokenKind.Name).Text, null);
        return name is "true" or "false" or "none" or "True" or "False" or "None" ? throw new TemplateFault($"can't assign to '{name}'") : new Target(name, null, null);
    }

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

    private void Enter()
    {
        if (++_nesting > MaxNesting)
            throw new TemplateFault($"the template nests deeper than {MaxNesting} levels");
    }

    private Token Next() => tokens[_at].Kind == TokenKind.End ? tokens[_at] : tokens[_at++];

    private bool IsOperator(string text) => Current.Kind == TokenKind.Operator && Current.Text == text;

    private bool IsName(string text) => Current.Kind == TokenKind.Name && Current.Text == text;

    private bool SkipOperator(string text)
    {
        if (!IsOperator(text))
            return false;
        _at++;
        return true;
    }

    private bool SkipName(string text)
    {
        if (!IsName(text))
            return false;
        _at++;
        return true;
    }

    private Token Expect(TokenKind kind)
    {
        if (Current.Kind == kind)
            return Next();
        string expected = kind switch { TokenKind.BlockEnd => "'%}'", TokenKind.VariableEnd => "'}}'", _ => $"a {kind.ToString().ToLowerInvariant()}" };
        throw new TemplateFault($"expected {expected}, got {(Current.Kind == TokenKind.End ? "the end of the template" : $"'{Current.Text}'")}");
    }

    private void ExpectOperator(string text)
    {
        if (!SkipOperator(text))
            throw new TemplateFault($"expected '{text}', got {(Current.Kind == TokenKind.End ? "the end of the template" : $"'{Current.Text}'")}");
    }

    private void ExpectName(string text)
    {
        if (!SkipName(text))
            throw new TemplateFault($"expected '{text}', got '{Current.Text}'");
    }
}
