using System.Buffers;
using NanoVlm.Text.Models;

namespace NanoVlm.Text;

/// <summary>Collects the tokens of one sequence, in memory that is lent: a text's arrays are made once, when it is known how long they are.</summary>
internal sealed class EncodingBuilder(int capacity) : IDisposable
{
    private readonly List<(int Index, string Text)> _spelled = []; // the few that are not spelled as the vocabulary does
    private Token[] _tokens = ArrayPool<Token>.Shared.Rent(capacity);
    private int _count;

    /// <summary>Adds a token of the vocabulary that stands for the text's characters [start, end).</summary>
    public void Add(int id, int start, int end)
    {
        if (_count == _tokens.Length)
            Grow();
        _tokens[_count++] = new Token(id, start, end);
    }

    /// <summary>Adds a token that is spelled in its own way.</summary>
    public void Add(int id, int start, int end, string text)
    {
        _spelled.Add((_count, text));
        Add(id, start, end);
    }

    /// <param name="spellings">The vocabulary's tokens, by id.</param>
    public Encoding Build(ReadOnlySpan<string?> spellings)
    {
        var (ids, tokens, offsets) = (new int[_count], new string[_count], new (int, int)[_count]);
        foreach (var (index, text) in _spelled)
            tokens[index] = text;
        for (int i = 0; i < ids.Length; i++)
        {
            var token = _tokens[i];
            ids[i] = token.Id;
            tokens[i] ??= spellings[token.Id]!;
            offsets[i] = (token.Start, token.End);
        }
        return new Encoding(ids, tokens, offsets);
    }

    public void Dispose() => ArrayPool<Token>.Shared.Return(_tokens);

    private void Grow()
    {
        var larger = ArrayPool<Token>.Shared.Rent(2 * _count + 8);
        _tokens.CopyTo(larger, 0);
        ArrayPool<Token>.Shared.Return(_tokens);
        _tokens = larger;
    }
}
