using System.Numerics;
using System.Runtime.InteropServices;

namespace NanoVlm.Text.Models;

/// <summary>
/// Remembers the tokens of words, a word a place, the newer one in place of the older; so it is bounded, and threads may share it: what is
/// read is always a whole word, at worst not the one sought.
/// </summary>
internal sealed class WordCache
{
    private const int _places = 1 << 15, _longestWord = 64;

    private readonly Entry?[] _entries = new Entry?[_places];

    private sealed record Entry(string Word, Token[] Tokens);

    /// <summary>The tokens of a word, or null.</summary>
    public Token[]? Find(ReadOnlySpan<char> word) =>
        word.Length <= _longestWord && _entries[PlaceOf(word)] is { } entry && word.SequenceEqual(entry.Word) ? entry.Tokens : null;

    /// <summary>Remembers a word, unless it is long.</summary>
    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<Token> tokens)
    {
        if (word.Length <= _longestWord)
            Volatile.Write(ref _entries[PlaceOf(word)], new Entry(word.ToString(), tokens.ToArray()));
    }

    private static int PlaceOf(ReadOnlySpan<char> word)
    {
        ulong hash = (ulong)word.Length;
        var blocks = MemoryMarshal.Cast<char, ulong>(word);
        foreach (ulong block in blocks)
            hash = Mix(hash, block);
        foreach (char c in word[(4 * blocks.Length)..])
            hash = Mix(hash, c);
        return (int)(hash >> 32) & (_places - 1);
    }

    private static ulong Mix(ulong hash, ulong block) => BitOperations.RotateLeft((hash ^ block) * 0x9E3779B97F4A7C15, 23);
}
