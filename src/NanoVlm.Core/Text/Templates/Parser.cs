namespace NanoVlm.Text.Templates;

/// <summary>Makes a tree of a template's tokens, with the precedence of jinja2's parser.</summary>
internal sealed partial class Parser(List<Token> tokens)
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
