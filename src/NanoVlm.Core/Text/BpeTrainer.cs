using System.Text.Json;
using System.Text.Json.Nodes;

namespace NanoVlm.Text;

/// <summary>
/// Trains a byte-level BPE tokenizer of SmolLM2's shape (single digits, GPT-2's splitting pattern, no normalizer). The same
/// texts give the same tokenizer: ties between pairs go to the smaller ids.
/// </summary>
public static class BpeTrainer
{
    /// <summary>Trains a tokenizer.</summary>
    /// <param name="texts">The texts to learn from.</param>
    /// <param name="vocabularySize">Number of tokens, at least the special tokens and 256 bytes. Fewer come out where the
    /// texts run out of pairs.</param>
    /// <param name="specialTokens">Special tokens; they take the first ids.</param>
    /// <param name="eos">The token that ends a turn, one of the special tokens; also used for padding.</param>
    /// <exception cref="NanoVlmException">The vocabulary is too small, or <paramref name="eos"/> is not a special token.</exception>
    public static Tokenizer Train(IEnumerable<string> texts, int vocabularySize, IReadOnlyList<string> specialTokens, string eos)
    {
        int smallest = specialTokens.Count + 256;
        if (vocabularySize < smallest)
            throw new NanoVlmException($"A byte-level vocabulary with {specialTokens.Count} special tokens has at least {smallest} tokens, not {vocabularySize}.");
        if (!specialTokens.Contains(eos))
            throw new NanoVlmException($"The eos token \"{eos}\" is not one of the special tokens.");

        // Bytes in the order of the characters that write them, as the tokenizers library sorts its alphabet.
        List<string> tokens = [.. specialTokens, .. Enumerable.Range(0, 256).Select(b => ByteAlphabet.ToCharacter((byte)b)).Order().Select(c => c.ToString())];
        var corpus = new Corpus(CountWords(texts, Build(tokens, [], specialTokens, eos)));
        var merges = new List<(int Left, int Right)>();
        while (tokens.Count < vocabularySize && corpus.MostFrequentPair() is { } pair)
        {
            corpus.Merge(pair, tokens.Count);
            merges.Add(pair);
            tokens.Add(tokens[pair.Left] + tokens[pair.Right]);
        }
        return Build(tokens, merges, specialTokens, eos);
    }

    // A tokenizer without merges keeps each byte a token; its pieces are what merges may not cross.
    private static List<(int[] Symbols, int Count)> CountWords(IEnumerable<string> texts, Tokenizer bytes)
    {
        var counts = new Dictionary<string, int>();
        foreach (string text in texts)
        {
            foreach (string word in bytes.Pieces(text))
                counts[word] = counts.GetValueOrDefault(word) + 1;
        }
        return [.. counts.OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => (w.Key.Select(c => bytes.TokenToId(c.ToString())!.Value).ToArray(), w.Value))];
    }

    private static Tokenizer Build(List<string> tokens, List<(int Left, int Right)> merges, IReadOnlyList<string> specialTokens, string eos)
    {
        var byteLevel = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };
        var tokenizer = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. specialTokens.Select((token, id) => new AddedToken(token).ToJson(id))]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, byteLevel),
            },
            ["post_processor"] = null,
            ["decoder"] = byteLevel.DeepClone(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = new JsonObject(tokens.Select((t, id) => KeyValuePair.Create(t, (JsonNode?)id))),
                ["merges"] = new JsonArray([.. merges.Select(m => (JsonNode)$"{tokens[m.Left]} {tokens[m.Right]}")]),
            },
        };
        var config = new JsonObject { ["eos_token"] = eos, ["pad_token"] = eos, ["chat_template"] = ChatTemplate.NanoVlm };
        return Tokenizer.Parse(JsonSerializer.SerializeToUtf8Bytes(tokenizer), JsonSerializer.SerializeToUtf8Bytes(config), "the trained tokenizer");
    }

    /// <summary>Words as symbols, and for each pair of neighbours how often it occurs and in which words.</summary>
    private sealed class Corpus
    {
        private readonly List<(int[] Symbols, int Count)> _words;
        private readonly Dictionary<(int Left, int Right), long> _counts = [];
        private readonly Dictionary<(int Left, int Right), HashSet<int>> _places = [];

        // Counts change after a pair is queued; a stale entry is queued again with its true count when it comes up.
        private readonly PriorityQueue<(int Left, int Right), (long NegativeCount, int Left, int Right)> _queue = new();

        public Corpus(List<(int[] Symbols, int Count)> words)
        {
            _words = words;
            for (int word = 0; word < words.Count; word++)
                Count(word, 1);
            foreach (var (pair, count) in _counts)
                _queue.Enqueue(pair, (-count, pair.Left, pair.Right));
        }

        public (int Left, int Right)? MostFrequentPair()
        {
            while (_queue.TryDequeue(out var pair, out var priority))
            {
                long count = _counts.GetValueOrDefault(pair);
                if (count > 0 && count == -priority.NegativeCount)
                    return pair;
                if (count > 0)
                    _queue.Enqueue(pair, (-count, pair.Left, pair.Right));
            }
            return null;
        }

        public void Merge((int Left, int Right) pair, int id)
        {
            var grown = new HashSet<(int, int)>();
            foreach (int word in _places[pair].ToArray())
            {
                Count(word, -1);
                var (symbols, count) = _words[word];
                var merged = new List<int>(symbols.Length);
                for (int i = 0; i < symbols.Length; i++)
                {
                    bool here = i + 1 < symbols.Length && (symbols[i], symbols[i + 1]) == pair;
                    merged.Add(here ? id : symbols[i]);
                    i += here ? 1 : 0;
                }
                _words[word] = ([.. merged], count);
                Count(word, 1);
                for (int i = 0; i + 1 < merged.Count; i++)
                {
                    if (merged[i] == id || merged[i + 1] == id)
                        grown.Add((merged[i], merged[i + 1]));
                }
            }
            foreach (var (left, right) in grown)
                _queue.Enqueue((left, right), (-_counts[(left, right)], left, right));
        }

        private void Count(int word, int sign)
        {
            var (symbols, count) = _words[word];
            for (int i = 0; i + 1 < symbols.Length; i++)
            {
                var pair = (symbols[i], symbols[i + 1]);
                _counts[pair] = _counts.GetValueOrDefault(pair) + sign * count;
                if (!_places.TryGetValue(pair, out var places))
                    _places[pair] = places = [];
                if (sign > 0)
                    places.Add(word);
                else
                    places.Remove(word);
            }
        }
    }
}
