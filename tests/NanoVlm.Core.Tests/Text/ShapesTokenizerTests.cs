using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

/// <summary>The project's own tokenizer in <c>configs/shapes-tokenizer</c>, trained on <see cref="ShapesCorpus"/>.</summary>
public class ShapesTokenizerTests
{
    private static readonly string _folder = Path.Combine(TextGoldens.Repository, "configs", "shapes-tokenizer");
    private static readonly Lazy<Tokenizer> _loaded = new(() => Tokenizer.Load(_folder));

    // The marks around a turn are single tokens with their line feed: ChatML costs two tokens a message instead of five.
    private static readonly string[] _specialTokens =
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_start|>user\n", "<|im_start|>assistant\n", "<|im_end|>\n"];

    private static Tokenizer Shapes => _loaded.Value;

    [Fact]
    public void The_committed_files_are_what_the_trainer_makes_of_the_corpus()
    {
        var trained = BpeTrainer.Train(ShapesCorpus.Texts(), 512, _specialTokens, eos: "<|im_end|>\n");
        // To change the tokenizer, change the corpus, run this test with NANOVLM_WRITE_GOLDENS=1 and commit the files.
        if (Environment.GetEnvironmentVariable("NANOVLM_WRITE_GOLDENS") == "1")
            trained.Save(_folder);
        string folder = Directory.CreateTempSubdirectory("shapes-tokenizer").FullName;
        trained.Save(folder);
        foreach (string file in new[] { "tokenizer.json", "tokenizer_config.json" })
            Assert.Equal(File.ReadAllText(Path.Combine(_folder, file)), File.ReadAllText(Path.Combine(folder, file)));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void It_has_512_tokens_and_578_with_those_for_images()
    {
        Assert.Equal(512, Shapes.VocabularySize);
        Assert.Equal(578, ImageTokens.AddTo(Shapes).VocabularySize);
        Assert.Equal([0, 1, 2, 3, 4, 5], _specialTokens.Select(t => Shapes.TokenToId(t)!.Value));
        Assert.Equal(5, Shapes.EosTokenId);
        Assert.Equal(5, Shapes.PadTokenId);
    }

    [Fact]
    public void Every_word_of_the_questions_is_one_token_with_its_space()
    {
        foreach (string word in ShapesCorpus.Questions().SelectMany(q => q.TrimEnd('?').Split(' ')[1..]).Distinct())
            AssertSingle($" {word}");
    }

    [Fact]
    public void First_words_answers_and_roles_are_one_token()
    {
        string[] firsts = ["What", "How", "Is", "Do", "Which", "?", "\n", "user", "assistant", "system", "yes", "no"];
        foreach (string word in firsts.Concat(ShapesCorpus.Colours).Concat(ShapesCorpus.Shapes).Concat(ShapesCorpus.Sizes))
            AssertSingle(word);
        foreach (char digit in "0123456789")
            AssertSingle(digit.ToString());
    }

    [Fact]
    public void A_question_and_its_answer_take_few_tokens()
    {
        var chat = ChatTemplate.Parse(Shapes.ChatTemplate!).Encode(
            Shapes, [new("user", "What colour is the small circle?"), new("assistant", "purple")]);
        Assert.Equal(
            ["<|im_start|>user\n", "What", " colour", " is", " the", " small", " circle", "?", "<|im_end|>\n",
                "<|im_start|>assistant\n", "purple", "<|im_end|>\n"],
            chat.Ids.Select(id => Shapes.Decode([id])));
    }

    private static void AssertSingle(string word) =>
        Assert.True(Shapes.Encode(word).Length == 1, $"\"{word}\" is {string.Join(' ', Shapes.Encode(word).Tokens)}");
}
