using System.Text.Json;

namespace NanoVlm.Text.Templates;

/// <summary>
/// A Jinja template of the kind that chat templates are, read once into a tree and rendered as transformers renders it: jinja2's
/// immutable sandbox with <c>trim_blocks</c>, <c>lstrip_blocks</c>, <c>break</c> and <c>continue</c>, <c>{% generation %}</c>, <c>tojson</c>
/// without escapes, <c>raise_exception</c> and <c>strftime_now</c>. A template sees the values it is given and nothing else; what it may do is
/// bounded in time, memory and output by a budget, and in depth. Immutable; safe from any thread.
/// </summary>
public sealed class Template
{
    private const long BaseBudget = 1 << 24;
    private const int BudgetPerCharacter = 64;

    private readonly string _name;
    private readonly IReadOnlyList<Statement> _body;

    private Template(string name, IReadOnlyList<Statement> body) => (_name, _body) = (name, body);

    /// <summary>Whether there is a <c>{% generation %}</c> block in it.</summary>
    internal bool HasGeneration { get; private init; }

    /// <summary>Reads a template.</summary>
    /// <param name="source">Its source.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="NanoVlmException">It is not Jinja, or uses what is not supported; names the line.</exception>
    public static Template Parse(string source, string name = "chat template")
    {
        int line = 1;
        Parser? parser = null;
        try
        {
            var tokens = Lexer.Tokenize(source, out line);
            parser = new Parser(tokens);
            bool generation = tokens.Where((token, i) => i > 0 && token is { Kind: TokenKind.Name, Text: "generation" } && tokens[i - 1].Kind == TokenKind.BlockBegin).Any();
            return new Template(name, parser.Template()) { HasGeneration = generation };
        }
        catch (TemplateFault e)
        {
            throw Refuse(name, parser?.Line ?? line, e);
        }
    }

    /// <summary>Renders the template.</summary>
    /// <param name="variables">What it sees: an object of JSON.</param>
    /// <param name="now">What <c>strftime_now</c> tells; the local time if null.</param>
    /// <exception cref="NanoVlmException">The template raises an exception, uses a value for what it is not, or does more than the budget
    /// allows; names the line.</exception>
    public string Render(JsonElement variables, DateTime? now = null)
    {
        if (variables.ValueKind != JsonValueKind.Object)
            throw new NanoVlmException($"{_name}: the variables must be a JSON object, not {variables.ValueKind}.");
        return Render(variables.EnumerateObject().ToDictionary(v => v.Name, v => JsonValues.Read(v.Value)), now).Text;
    }

    internal Str Render(IReadOnlyDictionary<string, Value> variables, DateTime? now = null, long inputLength = 0)
    {
        var context = new Context(variables, now ?? DateTime.Now, new Budget(BaseBudget + BudgetPerCharacter * inputLength));
        try
        {
            Statement.Run(_body, context);
            return context.Output.ToStr();
        }
        catch (TemplateFault e)
        {
            throw Refuse(_name, context.Line, e);
        }
        catch (OverflowException e)
        {
            throw Refuse(_name, context.Line, new TemplateFault($"a number is too large ({e.Message})"));
        }
    }

    private static NanoVlmException Refuse(string name, int line, TemplateFault fault) => new($"{name}, line {Math.Max(1, line)}: {fault.Message}", fault);
}
