namespace NanoVlm.Text.PostProcessors;

/// <summary>Puts special tokens around and between sequences as a template says.</summary>
internal sealed class TemplateProcessing : PostProcessor
{
    /// <summary>A sequence (0 for A, 1 for B) or, where that is -1, special tokens.</summary>
    private sealed record Piece(int Sequence, int TypeId, int[] Ids, string[] Tokens);

    private readonly Piece[] _single, _pair;

    private TemplateProcessing(JsonPart part)
    {
        _single = [.. part.Get("single").Items().Select(p => ReadPiece(p, part))];
        _pair = part.Find("pair") is { } pair ? [.. pair.Items().Select(p => ReadPiece(p, part))] : [];
        if (_single.Any(p => p.Sequence == 1))
            throw part.Get("single").Refuse("a template for one sequence cannot hold sequence B");
    }

    public static new TemplateProcessing Read(JsonPart part) => new(part);

    public override IReadOnlyList<Encoding> Apply(IReadOnlyList<Encoding> sequences, bool addSpecialTokens)
    {
        var result = new List<Encoding>();
        foreach (var piece in sequences.Count == 1 ? _single : _pair)
        {
            if (piece.Sequence >= 0)
            {
                result.Add(sequences[piece.Sequence].WithTypeId(piece.TypeId));
            }
            else if (addSpecialTokens)
            {
                var mask = new bool[piece.Ids.Length];
                Array.Fill(mask, true);
                result.Add(new Encoding(piece.Ids, piece.Tokens, new (int, int)[mask.Length]) { SpecialTokensMask = mask }.WithTypeId(piece.TypeId));
            }
        }
        return result;
    }

    private static Piece ReadPiece(JsonPart piece, JsonPart template)
    {
        if (piece.Find("Sequence") is { } sequence)
        {
            int index = sequence.Get("id").String() switch { "A" => 0, "B" => 1, _ => throw sequence.Get("id").Expected("\"A\" or \"B\"") };
            return new Piece(index, TypeId(sequence), [], []);
        }
        var special = piece.Find("SpecialToken") ?? throw piece.Expected("a \"Sequence\" or a \"SpecialToken\"");
        string name = special.Get("id").String();
        var token = template.Get("special_tokens").Find(name) ?? throw special.Refuse($"\"special_tokens\" lacks \"{name}\"");
        var ids = token.Get("ids").Items().Select(id => id.Int() is >= 0 and var i ? i : throw id.Expected("an id")).ToArray();
        var tokens = token.Get("tokens").Items().Select(t => t.String()).ToArray();
        return ids.Length == tokens.Length ? new Piece(-1, TypeId(special), ids, tokens)
            : throw token.Refuse($"has {ids.Length} ids for {tokens.Length} tokens");
    }

    private static int TypeId(JsonPart part) => part.Find("type_id")?.Int() ?? 0;
}
