using System.Globalization;
using System.Text;

namespace NanoVlm.Text.Templates;

/// <summary>Kinds of tokens of a template.</summary>
internal enum TokenKind : byte { Data, BlockBegin, BlockEnd, VariableBegin, VariableEnd, Name, String, Integer, Float, Operator, End }

/// <summary>A token of a template.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line);

/// <summary>
/// Cuts a template into tokens, with whitespace as chat templates have it: <c>trim_blocks</c>, <c>lstrip_blocks</c> and no trailing
/// newline (jinja2/lexer.py says how the three and the signs <c>-</c> and <c>+</c> work together).
/// </summary>
internal sealed class Lexer
{
    private static readonly string[] _operators =
        ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;
    private int _lineAt;        // up to where _line has counted

    private Lexer(string source) => _source = source;

    public int Line => _line;

    /// <summary>Cuts a template.</summary>
    /// <exception cref="TemplateFault">It is not one.</exception>
    public static List<Token> Tokenize(string source, out int line)
    {
        source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        var lexer = new Lexer(source.EndsWith('\n') ? source[..^1] : source);
        try
        {
            lexer.Root();
            lexer.Add(TokenKind.End, "", lexer._source.Length);
            return lexer._tokens;
        }
        finally
        {
            line = lexer.Line;
        }
    }

    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    private void Root()
    {
        bool lineStarting = true;
        while (_at < _source.Length)
        {
            int begin = FindTag(_at);
            if (begin < 0)
            {
                Data(_source.Length, strip: false, lstrip: false);
                return;
            }
            char kind = _source[begin + 1];
            char sign = Sign(begin + 2);
            int textStart = _at;
            Data(begin, sign == '-', sign != '+' && kind != '{', lineStarting);
            _at = begin + 2 + (sign == '\0' ? 0 : 1);
            if (kind == '#')
                Comment(begin);
            else if (kind == '%' && RawBegin() is { } afterRaw)
                Raw(begin, afterRaw);
            else
                Tag(begin, kind == '%');
            lineStarting = _at > textStart && _source[_at - 1] == '\n';
        }
    }

    private int FindTag(int from)
    {
        for (int i = from; (i = _source.IndexOf('{', i)) >= 0 && i + 1 < _source.Length; i++)
        {
            if (_source[i + 1] is '%' or '{' or '#')
                return i;
        }
        return -1;
    }

    private char Sign(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : '\0';

    // Text up to a tag. A tag alone on its line takes the spaces before it along.
    private void Data(int end, bool strip, bool lstrip, bool lineStarting = false)
    {
        string text = _source[_at..end];
        if (strip)
        {
            int length = text.Length;
            while (length > 0 && IsSpace(text[length - 1]))
                length--;
            text = text[..length];
        }
        else if (lstrip && text.Length > 0)
        {
            int line = text.LastIndexOf('\n') + 1;
            if ((line > 0 || lineStarting) && line < text.Length && text.AsSpan(line).ToString().All(IsSpace))
                text = text[..line];
        }
        if (text.Length > 0)
            Add(TokenKind.Data, text, _at);
    }

    private void Comment(int begin)
    {
        int end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw Fault(begin, "a comment has no end; \"#}\" is missing");
        char sign = end > _at ? _source[end - 1] : '\0';
        _at = end + 2;
        AfterBlock(sign);
    }

    private void AfterBlock(char sign)
    {
        if (sign == '-')
            SkipSpaces();
        else if (sign != '+' && _at < _source.Length && _source[_at] == '\n')
            _at++;
    }

    private void SkipSpaces()
    {
        while (_at < _source.Length && IsSpace(_source[_at]))
            _at++;
    }

    private int? RawBegin() => Word(_at, "raw") is { } end && _source.AsSpan(end) is var rest
        ? rest.StartsWith("-%}") ? -(end + 3) : rest.StartsWith("%}") ? end + 2 : null
        : null;

    private int? Word(int at, string word)
    {
        while (at < _source.Length && IsSpace(_source[at]))
            at++;
        if (string.CompareOrdinal(_source, at, word, 0, word.Length) != 0)
            return null;
        at += word.Length;
        while (at < _source.Length && IsSpace(_source[at]))
            at++;
        return at;
    }

    private void Raw(int begin, int after)
    {
        _at = Math.Abs(after);
        if (after < 0)
            SkipSpaces();
        for (int i = _at; (i = _source.IndexOf("{%", i, StringComparison.Ordinal)) >= 0; i += 2)
        {
            char before = Sign(i + 2);
            if (Word(i + 2 + (before == '\0' ? 0 : 1), "endraw") is not { } end)
                continue;
            char sign = Sign(end);
            if (string.CompareOrdinal(_source, end + (sign == '\0' ? 0 : 1), "%}", 0, 2) != 0)
                continue;
            Data(i, before == '-', before != '+');
            _at = end + 2 + (sign == '\0' ? 0 : 1);
            AfterBlock(sign);
            return;
        }
        throw Fault(begin, "a raw block has no end; \"{% endraw %}\" is missing");
    }

    private void Tag(int begin, bool block)
    {
        Add(block ? TokenKind.BlockBegin : TokenKind.VariableBegin, block ? "{%" : "{{", begin);
        string close = block ? "%}" : "}}";
        var open = new Stack<char>();
        while (true)
        {
            SkipSpaces();
            if (_at >= _source.Length)
                throw Fault(begin, $"a tag has no end; \"{close}\" is missing");
            if (open.Count == 0)
            {
                char sign = Sign(_at);
                if (sign == '+' && !block)
                    sign = '\0';
                int end = _at + (sign == '\0' ? 0 : 1);
                if (string.CompareOrdinal(_source, end, close, 0, 2) == 0)
                {
                    Add(block ? TokenKind.BlockEnd : TokenKind.VariableEnd, close, _at);
                    _at = end + 2;
                    if (block)
                        AfterBlock(sign);
                    else if (sign == '-')
                        SkipSpaces();
                    return;
                }
            }
            Element(open);
        }
    }

    private void Element(Stack<char> open)
    {
        int start = _at;
        char c = _source[_at];
        if (c is '\'' or '"')
        {
            String(c);
        }
        else if (char.IsAsciiDigit(c))
        {
            Number();
        }
        else if (c == '_' || char.IsLetter(c))
        {
            while (_at < _source.Length && (_source[_at] == '_' || char.IsLetterOrDigit(_source[_at])))
                _at++;
            Add(TokenKind.Name, _source[start.._at], start);
        }
        else if (Array.Find(_operators, o => string.CompareOrdinal(_source, start, o, 0, o.Length) == 0) is { } symbol)
        {
            _at += symbol.Length;
            if (symbol is "(" or "[" or "{")
                open.Push(symbol switch { "(" => ')', "[" => ']', _ => '}' });
            else if (symbol is ")" or "]" or "}" && (open.Count == 0 || open.Pop() is var expected && expected != symbol[0]))
                throw Fault(start, $"unexpected '{symbol}'");
            Add(TokenKind.Operator, symbol, start);
        }
        else
        {
            throw Fault(start, $"unexpected character {(char.IsControl(c) || char.IsSurrogate(c) ? $"U+{(int)c:X4}" : $"'{c}'")}");
        }
    }

    private void Number()
    {
        int start = _at;
        if (_source[_at] == '0' && _at + 1 < _source.Length && char.ToLowerInvariant(_source[_at + 1]) is 'x' or 'o' or 'b')
        {
            int radix = char.ToLowerInvariant(_source[_at + 1]) switch { 'x' => 16, 'o' => 8, _ => 2 };
            for (_at += 2; _at < _source.Length && (char.IsAsciiHexDigit(_source[_at]) || _source[_at] == '_');)
                _at++;
            try
            {
                Add(TokenKind.Integer, Convert.ToInt64(_source[(start + 2).._at].Replace("_", ""), radix).ToString(CultureInfo.InvariantCulture), start);
                return;
            }
            catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
            {
                throw Fault(start, $"not a number: {_source[start.._at]}");
            }
        }
        bool real = false;
        Digits();
        if (_at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]) && !(start > 0 && _source[start - 1] == '.'))
        {
            real = true;
            _at++;
            Digits();
        }
        if (_at < _source.Length && _source[_at] is 'e' or 'E')
        {
            int digits = _at + 1 + (Sign(_at + 1) == '\0' ? 0 : 1);
            if (digits < _source.Length && char.IsAsciiDigit(_source[digits]))
            {
                real = true;
                _at = digits;
                Digits();
            }
        }
        Add(real ? TokenKind.Float : TokenKind.Integer, _source[start.._at].Replace("_", ""), start);

        void Digits()
        {
            while (_at < _source.Length && (char.IsAsciiDigit(_source[_at]) || _source[_at] == '_' && _at + 1 < _source.Length && char.IsAsciiDigit(_source[_at + 1])))
                _at++;
        }
    }

    private void String(char quote)
    {
        int start = _at++;
        var text = new StringBuilder();
        while (true)
        {
            if (_at >= _source.Length)
                throw Fault(start, "a string has no end");
            char c = _source[_at++];
            if (c == quote)
                break;
            if (c != '\\')
                text.Append(c);
            else if (_at < _source.Length)
                Escape(text);
        }
        Add(TokenKind.String, text.ToString(), start);
    }

    private void Escape(StringBuilder text)
    {
        int start = _at - 1;
        char c = _source[_at++];
        switch (c)
        {
            case '\n': break;
            case '\\' or '\'' or '"': text.Append(c); break;
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case 'a': text.Append('\a'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'v': text.Append('\v'); break;
            case 'x': CodePoint(2); break;
            case 'u': CodePoint(4); break;
            case 'U': CodePoint(8); break;
            case 'N': throw Fault(start, "characters by name (\\N{...}) are not supported; write \\u and the number");
            case >= '0' and <= '7':
                int octal = c - '0';
                for (int i = 0; i < 2 && _at < _source.Length && _source[_at] is >= '0' and <= '7'; i++)
                    octal = octal * 8 + _source[_at++] - '0';
                text.Append((char)octal);
                break;
            default: text.Append('\\').Append(c); break;
        }

        void CodePoint(int digits)
        {
            if (_at + digits > _source.Length || !int.TryParse(_source.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) || code is < 0 or > 0x10FFFF)
                throw Fault(start, $"\\{c} needs {digits} hexadecimal digits of a character");
            _at += digits;
            if (code < 0x10000)
                text.Append((char)code);
            else
                text.Append(char.ConvertFromUtf32(code));
        }
    }

    private void Add(TokenKind kind, string text, int at) => _tokens.Add(new Token(kind, text, LineAt(at)));

    private int LineAt(int at)
    {
        _line += _source.AsSpan(_lineAt, at - _lineAt).Count('\n');
        _lineAt = at;
        return _line;
    }

    private TemplateFault Fault(int at, string message)
    {
        _line = 1 + _source.AsSpan(0, at).Count('\n');
        return new TemplateFault(message);
    }
}
