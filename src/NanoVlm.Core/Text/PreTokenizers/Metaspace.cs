namespace NanoVlm.Text.PreTokenizers;

/// <summary>When <see cref="Metaspace"/> puts its character in front.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}

/// <summary>SentencePiece's spaces: each becomes a visible character, words begin with it, and the text may too.</summary>
internal sealed class Metaspace(char replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    public static new Metaspace Read(JsonPart part) => new(ReadReplacement(part), ReadScheme(part), part.Bool("split", true));

    public override SplitText Apply(SplitText input)
    {
        var text = new AlignedText.Builder(input.Text, input.Text.Length + input.Pieces.Count);
        var pieces = new List<(int, int)>(input.Pieces.Count);
        foreach (var (start, length) in input.Pieces)
        {
            int first = text.Length;
            var piece = input.Text.Characters.Slice(start, length);
            bool begins = piece[0] == ' ' || piece[0] == replacement;
            if (!begins && (scheme == PrependScheme.Always || (scheme == PrependScheme.First && input.Text.OriginalStart(start) == 0)))
                text.Append(replacement, start);
            for (int i = 0; i < length; i++)
            {
                bool space = piece[i] == ' ' || piece[i] == replacement;
                if (split && space && text.Length > first)
                {
                    pieces.Add((first, text.Length - first));
                    first = text.Length;
                }
                text.Append(space ? replacement : piece[i], start + i);
            }
            pieces.Add((first, text.Length - first));
        }
        return new SplitText(text.Build(), pieces);
    }

    /// <summary>Older files say <c>add_prefix_space</c>.</summary>
    internal static PrependScheme ReadScheme(JsonPart part)
    {
        bool prefix = part.Bool("add_prefix_space", true);
        if (part.Find("prepend_scheme") is not { } scheme)
            return prefix ? PrependScheme.Always : PrependScheme.Never;
        return scheme.String() switch
        {
            "never" => PrependScheme.Never,
            _ when !prefix => throw scheme.Refuse("contradicts \"add_prefix_space\": false"),
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            _ => throw scheme.Expected("always, first or never"),
        };
    }

    internal static char ReadReplacement(JsonPart part) => part.Get("replacement") is var r && r.String() is { Length: 1 } text && !char.IsSurrogate(text[0])
        ? text[0] : throw r.Expected("one character up to U+FFFF");
}
