using System.Collections.Concurrent;

namespace NanoVlm.Text.Models;

/// <summary>Remembers the tokens of the first words it meets, up to a bound; safe to share between threads.</summary>
internal sealed class WordCache
{
    private const int _capacity = 20_000, _longestWord = 128;

    private readonly ConcurrentDictionary<string, Token[]> _words = new();
    private readonly ConcurrentDictionary<string, Token[]>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private int _count;

    public WordCache()
    {
        _bySpan = _words.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public bool TryGet(ReadOnlySpan<char> word, out Token[] tokens) => _bySpan.TryGetValue(word, out tokens!);

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<Token> tokens)
    {
        if (word.Length <= _longestWord && Volatile.Read(ref _count) < _capacity && _words.TryAdd(word.ToString(), tokens.ToArray()))
            Interlocked.Increment(ref _count);
    }
}
