using System.Runtime.InteropServices;

namespace NanoVlm.Text.Models;

/// <summary>
/// Remembers the tokens of words. Each word has two places and pushes older words out, so the cache is bounded; threads may share it, since
/// what is read is always a whole word, at worst not the one sought.
/// </summary>
internal sealed class WordCache
{
    private const int _bits = 17, _longestWord = 64;

    // A word is one array, so that it costs one look into memory: how many tokens and characters, the tokens, the characters.
    private readonly Token[]?[] _entries = new Token[]?[1 << _bits];

    /// <summary>Where a word is remembered, if it is not too long.</summary>
    public static int PlaceOf(ReadOnlySpan<char> word) => word.Length > _longestWord ? 0 : (int)(TextHash.Of(word) >> (64 - _bits));

    /// <summary>Reads the words at some places, so that looking them up finds them in the processor's own memory: here no word waits for another.</summary>
    public void Fetch(ReadOnlySpan<int> places)
    {
        foreach (int place in places)
            _ = _entries[place]?[0];
    }

    /// <summary>Finds the tokens of a word.</summary>
    public bool TryFind(int place, ReadOnlySpan<char> word, out ReadOnlySpan<Token> tokens)
    {
        tokens = default;
        return Is(_entries[place], word, ref tokens) || Is(_entries[place ^ 1], word, ref tokens);
    }

    /// <summary>Remembers a word, unless it is long.</summary>
    public void Add(int place, ReadOnlySpan<char> word, ReadOnlySpan<Token> tokens)
    {
        if (word.Length > _longestWord)
            return;
        var entry = new Token[1 + tokens.Length + (word.Length + 5) / 6];
        entry[0] = new Token(tokens.Length, word.Length, 0);
        tokens.CopyTo(entry.AsSpan(1));
        word.CopyTo(Characters(entry.AsSpan(1 + tokens.Length)));
        Volatile.Write(ref _entries[place ^ 1], _entries[place]);
        Volatile.Write(ref _entries[place], entry);
    }

    private static bool Is(Token[]? entry, ReadOnlySpan<char> word, ref ReadOnlySpan<Token> tokens)
    {
        if (entry is null || entry[0].Start != word.Length)
            return false;
        int count = entry[0].Id;
        tokens = entry.AsSpan(1, count);
        return Characters(entry.AsSpan(1 + count))[..word.Length].SequenceEqual(word);
    }

    private static Span<char> Characters(Span<Token> entry) => MemoryMarshal.Cast<Token, char>(entry);
}
