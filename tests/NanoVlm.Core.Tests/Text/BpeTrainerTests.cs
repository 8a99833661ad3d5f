using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

public class BpeTrainerTests
{
    [Fact]
    public void The_most_frequent_pair_is_merged_first_and_ties_go_to_the_smaller_ids()
    {
        // "ab" four times; then "ba" and "cd" three times each, of which "ba" has the smaller ids.
        var tokenizer = BpeTrainer.Train(["ab", "ab", "ab", "ab", "ba", "ba", "ba", "cd", "cd", "cd"], 259, ["<end>"], "<end>");
        Assert.Equal(259, tokenizer.VocabularySize);
        Assert.Equal(["ab", "ba"], new[] { 257, 258 }.Select(id => tokenizer.IdToToken(id)));
    }

    [Fact]
    public void Repeated_letters_are_counted_and_merged_from_the_left()
    {
        var tokenizer = BpeTrainer.Train(["aaaa", "aaa"], 258, ["<end>"], "<end>");
        Assert.Equal(["aa", "aa", "a"], tokenizer.Encode("aaaaa").Tokens);
    }

    [Fact]
    public void Training_stops_where_the_texts_run_out_of_pairs()
    {
        Assert.Equal(258, BpeTrainer.Train(["ab"], 1000, ["<end>"], "<end>").VocabularySize);
        Assert.Equal(257, BpeTrainer.Train([], 1000, ["<end>"], "<end>").VocabularySize);
    }

    [Fact]
    public void Words_and_digits_are_not_joined()
    {
        var tokenizer = BpeTrainer.Train(Enumerable.Repeat("to be 42", 50), 1000, ["<end>"], "<end>");
        Assert.Equal(["to", "Ġbe", "Ġ", "4", "2"], tokenizer.Encode("to be 42").Tokens);
    }

    [Fact]
    public void Incremental_counts_agree_with_counting_afresh()
    {
        string[] texts = ["banana bandana", "ananas banana", "nanananana batman", "aaaa aaaaa abababab"];
        var tokenizer = BpeTrainer.Train(texts, 290, ["<end>"], "<end>");
        var words = texts.SelectMany(t => t.Replace(" ", " Ġ").Split(' ')).Select(w => w.Select(c => c.ToString()).ToList()).ToList();
        for (int id = 257; id < tokenizer.VocabularySize; id++)
        {
            var best = words.SelectMany(w => w.Zip(w.Skip(1))).GroupBy(p => p)
                .OrderByDescending(g => g.Count()).ThenBy(g => tokenizer.TokenToId(g.Key.First)).ThenBy(g => tokenizer.TokenToId(g.Key.Second)).First().Key;
            Assert.Equal(best.First + best.Second, tokenizer.IdToToken(id));
            foreach (var word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if ((word[i], word[i + 1]) == best)
                    {
                        word[i] += word[i + 1];
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }
    }

    [Fact]
    public void Impossible_vocabularies_are_refused()
    {
        Assert.Contains("at least 257", Assert.Throws<NanoVlmException>(() => BpeTrainer.Train([], 256, ["<end>"], "<end>")).Message);
        Assert.Contains("\"<eos>\"", Assert.Throws<NanoVlmException>(() => BpeTrainer.Train([], 300, ["<end>"], "<eos>")).Message);
    }
}
