using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Text;
using Encoding = System.Text.Encoding;

namespace NanoVlm.Bench;

/// <summary>
/// Tokenizers on one thread: MiB/s of English for vocabularies of published sizes, one very long word, and opening a file of Gemma's size.
/// The texts and vocabularies are made here, from a fixed seed: words by Zipf's law, and a tokenizer trained on them. Where <c>node</c> finds
/// the npm package <c>tokenizers</c> (Hugging Face's library in Rust), it encodes the same texts with the same file in turn.
/// </summary>
internal static class TextBenchmark
{
    private const double MiB = 1 << 20;

    internal static void Run(int rounds, int vocabularySize, string? nodeModules)
    {
        string folder = Directory.CreateTempSubdirectory("nanovlm-text").FullName;
        try
        {
            string[] texts = [.. English(new Random(1), words: 30_000, count: 2000)];
            double size = texts.Sum(Encoding.UTF8.GetByteCount) / MiB;
            Say($"{texts.Length} English texts, {size:F1} MiB; medians and ranges of {rounds} rounds, one thread");
            string file = Path.Combine(folder, "tokenizer.json");
            var clock = Stopwatch.StartNew();
            WriteTokenizer(file, texts, vocabularySize);
            var tokenizer = Tokenizer.Load(file);
            Say($"byte-level BPE of {tokenizer.VocabularySize} tokens, made in {clock.Elapsed.TotalSeconds:F1} s");

            var batch = texts.Select(text => tokenizer.Encode(text).Length).Sum();
            Say($"{batch} tokens, {size * MiB / batch:F2} bytes a token");
            Rates("encode", size, rounds, () => { foreach (var text in texts) tokenizer.Encode(text); });
            var ids = texts.Select(text => tokenizer.Encode(text).Ids).ToArray();
            Rates("decode", size, rounds, () => { foreach (var one in ids) tokenizer.Decode(one); });
            Rates("encode, nothing remembered", size, rounds, () => { foreach (var text in texts) tokenizer.Encode(text); }, () => tokenizer = Tokenizer.Load(file));
            if (nodeModules is not null)
                Reference(file, texts, rounds, nodeModules);

            foreach (int length in new[] { 100_000, 1_000_000, 10_000_000 })
            {
                string word = string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + i * 31 % 26)));
                Rates($"one word of {length:N0} letters", length / MiB, Math.Min(rounds, 3), () => tokenizer.Encode(word));
            }
            string gemma = Path.Combine(folder, "gemma.json");
            WriteGemmaSized(gemma);
            Say($"a file of Gemma's size: {new FileInfo(gemma).Length / MiB:F1} MiB, 262,144 tokens");
            var seconds = Enumerable.Range(0, rounds).Select(_ => Time(() => Tokenizer.Load(gemma))).ToArray();
            Say($"opened in {Figures.Median(seconds):F2} s ({seconds.Min():F2} to {seconds.Max():F2})");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Texts of some kilobytes: words by Zipf's law with punctuation, numbers, capitals and paragraphs.</summary>
    private static IEnumerable<string> English(Random random, int words, int count)
    {
        string[] onsets = ["b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "w", "th", "st", "pr", "ch", "sh", "tr", "", ""];
        string[] middles = ["a", "e", "i", "o", "u", "ea", "ou", "io", "ai"], ends = ["", "", "n", "r", "s", "t", "l", "d", "ng", "st", "nt", "ll", "ck"];
        string Syllable() => onsets[random.Next(onsets.Length)] + middles[random.Next(middles.Length)] + ends[random.Next(ends.Length)];
        // Frequent words are short, as they are in English.
        var lexicon = Enumerable.Range(0, words).Select(rank => string.Concat(Enumerable.Range(0, 1 + random.Next(rank < 100 ? 1 : rank < 2000 ? 2 : 4)).Select(_ => Syllable()))).ToArray();
        var cumulative = new double[words];
        for (int i = 0; i < words; i++)
            cumulative[i] = (i == 0 ? 0 : cumulative[i - 1]) + 1.0 / (i + 2.7);
        for (int i = 0; i < count; i++)
        {
            var text = new StringBuilder();
            int length = random.Next(1000, 8000);
            bool capital = true;
            while (text.Length < length)
            {
                int rank = Array.BinarySearch(cumulative, random.NextDouble() * cumulative[^1]);
                string word = random.Next(60) == 0 ? random.Next(2100).ToString(CultureInfo.InvariantCulture) : lexicon[Math.Min(rank < 0 ? ~rank : rank, words - 1)];
                text.Append(capital ? char.ToUpperInvariant(word[0]) + word[1..] : word);
                capital = false;
                switch (random.Next(60))
                {
                    case < 4: text.Append(". "); capital = true; break;
                    case < 8: text.Append(", "); break;
                    case 8: text.Append("'s "); break;
                    case 9: text.Append(random.Next(3) == 0 ? ".\n\n" : "? "); capital = true; break;
                    default: text.Append(' '); break;
                }
            }
            yield return text.ToString();
        }
    }

    /// <summary>SmolLM2's shape. Merges build the texts' words from the left, most frequent words first, so that common words are one token.</summary>
    private static void WriteTokenizer(string file, string[] texts, int size)
    {
        var seed = BpeTrainer.Train(texts.Take(20), 257, ["<|endoftext|>"], "<|endoftext|>");
        string folder = Path.GetDirectoryName(file)!;
        seed.Save(folder);
        var json = JsonNode.Parse(File.ReadAllBytes(file))!;
        var vocabulary = json["model"]!["vocab"]!.AsObject();
        var merges = new JsonArray();
        var words = texts.SelectMany(text => text.Split([' ', '\n', '.', ',', '?', '\''], StringSplitOptions.RemoveEmptyEntries)).CountBy(word => word).OrderByDescending(w => w.Value).Select(w => "Ġ" + w.Key);
        foreach (var word in words.Concat(words.Select(w => w[1..])))
        {
            for (int length = 2; length <= word.Length && vocabulary.Count < size; length++)
            {
                if (vocabulary.ContainsKey(word[..length])) continue;
                vocabulary[word[..length]] = vocabulary.Count;
                merges.Add((JsonNode)new JsonArray(word[..(length - 1)], word[(length - 1)..length]));
            }
        }
        json["model"]!["merges"] = merges;
        File.WriteAllText(file, json.ToJsonString());
        File.Delete(Path.Combine(folder, "tokenizer_config.json"));
    }

    /// <summary>A BPE with byte fallback of 262,144 tokens and twice as many merges, written as Gemma's file is.</summary>
    internal static void WriteGemmaSized(string file)
    {
        var random = new Random(2);
        var tokens = new List<string> { "<pad>", "<eos>", "<bos>", "<unk>" };
        tokens.AddRange(Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"));
        tokens.Add("▁");
        tokens.AddRange(Enumerable.Range(0x21, 94).Select(c => $"{(char)c}"));
        tokens.AddRange(Enumerable.Range(0x4E00, 10_000).Select(c => $"{(char)c}"));
        var known = tokens.ToHashSet();
        var merges = new List<(string, string)>();
        int first = 260;
        while (tokens.Count < 262_144)
        {
            string left = tokens[random.Next(first, Math.Min(tokens.Count, 60_000))], right = tokens[random.Next(first, Math.Min(tokens.Count, 20_000))];
            if (left.Length + right.Length > 16 || !known.Add(left + right)) continue;
            tokens.Add(left + right);
            merges.Add((left, right));
            string whole = left + right;
            for (int cut = 1; cut < whole.Length && merges.Count < 2 * tokens.Count; cut++)
                if (cut != left.Length && known.Contains(whole[..cut]) && known.Contains(whole[cut..])) merges.Add((whole[..cut], whole[cut..]));
        }
        while (merges.Count < 514_906)
            merges.Add(merges[random.Next(merges.Count)]);
        using var output = File.Create(file);
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteStartArray("added_tokens");
        for (int id = 0; id < 4; id++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", tokens[id]);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteString("unk_token", "<unk>");
        json.WriteBoolean("fuse_unk", true);
        json.WriteBoolean("byte_fallback", true);
        json.WriteStartObject("vocab");
        for (int id = 0; id < tokens.Count; id++)
            json.WriteNumber(tokens[id], id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The same file and texts in the npm package, one text a call as here and its own batch on one thread.</summary>
    private static void Reference(string file, string[] texts, int rounds, string nodeModules)
    {
        string input = Path.Combine(Path.GetDirectoryName(file)!, "texts.json");
        File.WriteAllText(input, JsonSerializer.Serialize(texts));
        const string script = """
            const [file, input, rounds] = process.argv.slice(1), fs = require('fs'), texts = JSON.parse(fs.readFileSync(input, 'utf8'));
            const bytes = texts.reduce((n, t) => n + Buffer.byteLength(t), 0), tokenizer = require('tokenizers').Tokenizer.fromFile(file);
            (async () => {
              const rates = [];
              for (let r = 0; r < +rounds; r++) {
                const start = process.hrtime.bigint();
                await tokenizer.encodeBatch(texts);
                rates.push(bytes / 2 ** 20 / (Number(process.hrtime.bigint() - start) / 1e9));
              }
              console.log(rates.join(' '));
            })();
            """;
        var start = new ProcessStartInfo("node", ["-e", script, file, input, $"{rounds}"]) { RedirectStandardOutput = true };
        start.Environment["NODE_PATH"] = nodeModules;
        start.Environment["TOKENIZERS_PARALLELISM"] = "false";
        start.Environment["RAYON_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var rates = process.StandardOutput.ReadToEnd().Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(rate => double.Parse(rate, CultureInfo.InvariantCulture)).ToArray();
        process.WaitForExit();
        if (process.ExitCode != 0 || rates.Length == 0) throw new NanoVlmException($"node could not run the package tokenizers from {nodeModules}");
        Say($"encode, npm's tokenizers (Rust): {Figures.Median(rates):F1} MiB/s ({rates.Min():F1} to {rates.Max():F1})");
    }

    private static void Rates(string what, double size, int rounds, Action run, Action? before = null)
    {
        var rates = new double[rounds];
        for (int i = -1; i < rounds; i++)
        {
            before?.Invoke();
            double seconds = Time(run);
            if (i >= 0) rates[i] = size / seconds;
        }
        Say($"{what}: {Figures.Median(rates):F1} MiB/s ({rates.Min():F1} to {rates.Max():F1})");
    }

    private static double Time(Action run)
    {
        var clock = Stopwatch.StartNew();
        run();
        return clock.Elapsed.TotalSeconds;
    }

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
