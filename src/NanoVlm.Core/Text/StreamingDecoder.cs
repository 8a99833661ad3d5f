namespace NanoVlm.Text;

/// <summary>
/// Decodes ids one at a time and gives out text as soon as it is certain: never half a character. What it gives out,
/// <see cref="Flush"/> included, adds up to what <see cref="Tokenizer.Decode(ReadOnlySpan{int}, bool)"/> makes of all the ids. Not thread-safe.
/// </summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
public sealed class StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens = false)
{
    private const char _replacement = '\uFFFD';

    // Ids before _given are out already; they stay as context until more text is out, since a decoder may treat the first
    // token of a text unlike the others.
    private readonly List<int> _ids = [];
    private int _given;

    /// <summary>Takes the next id and returns the text that has become certain, often empty.</summary>
    public string Push(int id)
    {
        if (tokenizer.Piece(id, skipSpecialTokens) is not { } piece)
            return "";
        _ids.Add(id);
        // One byte token more can spoil a run of them that was a character so far.
        if (tokenizer.IsByte(piece))
            return "";
        string text = NewText();
        // A trailing U+FFFD may be the beginning of a character that the next id ends.
        return text.Length == 0 || text[^1] == _replacement ? "" : Give(text);
    }

    /// <summary>Returns what is still held back and starts afresh.</summary>
    public string Flush()
    {
        string text = NewText();
        _ids.Clear();
        _given = 0;
        return text;
    }

    private string NewText()
    {
        var ids = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_ids);
        int known = _given == 0 ? 0 : tokenizer.Decode(ids[.._given], skipSpecialTokens).Length;
        return tokenizer.Decode(ids, skipSpecialTokens)[known..];
    }

    private string Give(string text)
    {
        _ids.RemoveRange(0, _given);
        _given = _ids.Count;
        return text;
    }
}
