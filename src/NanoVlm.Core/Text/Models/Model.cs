namespace NanoVlm.Text.Models;

/// <summary>A token of a piece: its id and the piece's characters [Start, End) behind it.</summary>
internal readonly record struct Token(int Id, int Start, int End);

/// <summary>Turns a piece of text into tokens of its vocabulary.</summary>
internal abstract class Model
{
    /// <summary>Ids from 0 to one less than this; some may be unused.</summary>
    public abstract int IdCount { get; }

    public abstract int? TokenToId(string token);

    public abstract string? IdToToken(int id);

    /// <summary>The id of tokens that an encoding spells as their text, not as the vocabulary does; null for none.</summary>
    public virtual int? SpelledAsText => null;

    public abstract void Tokenize(ReadOnlySpan<char> piece, List<Token> output);

    public static Model Read(JsonPart part)
    {
        // Files from before 2020 name no type; those are BPE.
        string kind = part.Text("type") ?? (part.Find("merges") is null ? throw part.Refuse("\"type\" is missing") : "BPE");
        return kind switch
        {
            "BPE" => Bpe.Read(part),
            "Unigram" => Unigram.Read(part),
            "WordPiece" => WordPiece.Read(part),
            "WordLevel" => WordLevel.Read(part),
            _ => throw part.Refuse($"the model type \"{kind}\" is not supported; supported: BPE, Unigram, WordPiece, WordLevel"),
        };
    }
}
