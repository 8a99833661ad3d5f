using System.Text.Json.Nodes;
using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

public sealed class TokenizerFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tokenizer").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("tokenizer-smollm2")]
    [InlineData("tokenizer-gpt2")]
    [InlineData("tokenizer-llama3")]
    [InlineData("tokenizer-unigram")]
    [InlineData("tokenizer-wordpiece")]
    public void A_saved_tokenizer_loads_as_the_same(string name)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder(name));
        tokenizer.Save(_folder);
        var loaded = Tokenizer.Load(_folder);
        Assert.Equal(
            (tokenizer.VocabularySize, tokenizer.BosTokenId, tokenizer.EosTokenId, tokenizer.PadTokenId, tokenizer.ChatTemplate),
            (loaded.VocabularySize, loaded.BosTokenId, loaded.EosTokenId, loaded.PadTokenId, loaded.ChatTemplate));
        foreach (var item in TextGoldens.Expected(name).GetProperty("encodings").EnumerateArray())
            Assert.Equal(item.GetProperty("ids").Ints(), loaded.Encode(item.GetProperty("text").GetString()!).Ids);
    }

    [Fact]
    public void Added_tokens_are_saved_where_other_libraries_look()
    {
        ImageTokens.AddTo(Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2"))).Save(_folder);
        var file = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "tokenizer.json")))!;
        var token = file["added_tokens"]!.AsArray().Single(t => (string)t!["content"]! == "<|image|>")!;
        Assert.Equal(900, (int)token["id"]!);
        Assert.True((bool)token["special"]!);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "tokenizer_config.json")))!;
        Assert.Equal("<row_8_col_8>", (string)config["added_tokens_decoder"]!["965"]!["content"]!);
        Assert.Equal(2048, (int)config["model_max_length"]!);
        Assert.Equal("<|im_end|>", (string)config["pad_token"]!);
        Assert.Equal(ChatTemplate.NanoVlm, (string)config["chat_template"]!);
        Assert.Equal(964, Tokenizer.Load(_folder).Encode("<row_8_col_7>").Ids.Single());
    }

    [Fact]
    public void A_known_special_token_keeps_its_id()
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2"));
        var extended = tokenizer.WithAddedTokens(["<new>", "<|im_end|>", "<new>", "<newer>"]);
        Assert.Equal((900, 2, 901), (extended.TokenToId("<new>")!.Value, extended.TokenToId("<|im_end|>")!.Value, extended.TokenToId("<newer>")!.Value));
        Assert.Equal(902, extended.VocabularySize);
        Assert.Null(tokenizer.TokenToId("<new>"));
        Assert.Equal([900, 901, 900], extended.Encode("<new><newer><new>").Ids);
    }

    [Theory]
    [InlineData("x<e>\n\nx")]
    [InlineData("x<e>\n\n")]
    public void A_token_that_the_one_before_took_along_is_not_there_again(string text)
    {
        var tokenizer = Tokenizer.Parse("""
            {"model": {"type": "WordLevel", "vocab": {"<unk>": 0, "x": 1}, "unk_token": "<unk>"}, "added_tokens": [
                {"id": 2, "content": "<e>", "rstrip": true, "special": true},
                {"id": 3, "content": "\n\n", "lstrip": true, "normalized": true}, {"id": 4, "content": "\n", "lstrip": true, "special": true}]}
            """u8.ToArray());
        var encoding = tokenizer.Encode(text);
        Assert.Equal(text.EndsWith('x') ? [1, 2, 1] : new[] { 1, 2 }, encoding.Ids);
        Assert.All(encoding.Offsets, offset => Assert.True(offset.Start < offset.End));
    }

    [Fact]
    public void A_token_that_takes_white_space_along_leaves_what_the_one_before_has_taken()
    {
        var tokenizer = Tokenizer.Parse("""
            {"model": {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"}, "added_tokens": [
                {"id": 1, "content": "<a>", "rstrip": true, "special": true}, {"id": 2, "content": "<b>", "lstrip": true, "special": true}]}
            """u8.ToArray());
        Assert.Equal([(0, 5), (5, 8)], tokenizer.Encode("<a>  <b>").Offsets);
    }

    [Fact]
    public void The_decoder_of_word_pieces_takes_out_the_spaces_around_an_apostrophe()
    {
        var tokenizer = Tokenizer.Parse("""
            {"model": {"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {"a": 0, "x ' y": 1, "do not": 2}},
             "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true}}
            """u8.ToArray());
        Assert.Equal("a x'y don't", tokenizer.Decode([0, 1, 2]));
    }

    // What the tokenizers library (Oniguruma, Ruby's syntax) makes of each.
    [Theory]
    [InlineData("^a", "a\na\r\na\ra", "a|\n|a|\r\n|a|\ra")]
    [InlineData("a$", "a\na\r\na", "a|\na\r\n|a")]
    [InlineData(@"(?<!\n)^|$", "a\n\nb\n", "a|\n|\nb|\n")]
    [InlineData(@"\bfoo\b", "foo foo_ \u24D0foo foo\u00BD foo", "foo| foo_ \u24D0foo foo\u00BD |foo")]
    [InlineData("a++a", "aaaa", "aaaa")]
    [InlineData("a*+b", "aab", "aab")]
    [InlineData("(?:ab|a)?+b", "abb", "abb")]
    [InlineData("(?:ab)++a", "ababa", "ababa")]
    [InlineData("a{1,2}+a", "aaaaa", "aaaaa")]
    [InlineData("a{,2}b", "aaab", "a|aab")]
    [InlineData("(?m).+", "a\nb", "a\nb")]
    [InlineData(@"\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s+(?!\S)|\s", "world's 12345  \nx ", "world|'|s| |12345|  |\n|x| ")]
    public void A_pattern_means_what_it_means_in_Ruby(string pattern, string text, string pieces)
    {
        var tokenizer = Splitting(pattern);
        Assert.Equal(pieces, string.Join('|', tokenizer.Encode(text).Offsets.Select(o => text[o.Start..o.End])));
    }

    [Theory]
    [InlineData("[[:punct:]]", "POSIX bracket")]
    [InlineData("[a-z&&[^b]]", "&&")]
    [InlineData("[[a]b]", "class inside another")]
    [InlineData(@"\Ga", @"\G")]
    [InlineData("(?s).", "option s")]
    [InlineData(@"[^\W_]", @"\W")]
    [InlineData(@"\p{Han}", "Han")]
    [InlineData(@"\h", @"\h")]
    [InlineData(@"\R", @"\R")]
    [InlineData(@"\X", @"\X")]
    public void A_pattern_that_means_something_else_here_is_refused_by_name(string pattern, string part)
    {
        string message = Assert.Throws<NanoVlmException>(() => Splitting(pattern)).Message;
        Assert.Contains("pre_tokenizer.pattern", message);
        Assert.Contains(part, message);
    }

    private static Tokenizer Splitting(string pattern) => Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes($$$"""
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": {{{System.Text.Json.JsonSerializer.Serialize(pattern)}}}}, "behavior": "Isolated", "invert": false},
         "model": {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"}}
        """));

    [Fact]
    public void Merges_may_be_strings_or_pairs()
    {
        var file = Read("tokenizer-smollm2");
        var merges = file["model"]!["merges"]!.AsArray();
        file["model"]!["merges"] = new JsonArray([.. merges.Select(m => (JsonNode)$"{m![0]} {m[1]}")]);
        string text = "The quick brown fox, 12 times";
        Assert.Equal(Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2")).Encode(text).Ids, Load(file).Encode(text).Ids);
    }

    [Fact]
    public void Roles_and_templates_of_the_configuration_come_in_each_of_their_spellings()
    {
        Read("tokenizer-smollm2");
        var config = """
            {"eos_token": {"content": "<end>", "__type": "AddedToken"}, "pad_token": null, "bos_token": "<|im_start|>",
             "added_tokens_decoder": {"900": {"content": "<late>", "special": false}},
             "chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "y"}]}
            """u8.ToArray();
        var tokenizer = Tokenizer.Parse(File.ReadAllBytes(Path.Combine(TextGoldens.Folder("tokenizer-smollm2"), "tokenizer.json")), config);
        Assert.Equal(900, tokenizer.TokenToId("<late>"));
        Assert.Equal(901, tokenizer.EosTokenId);
        Assert.Equal(1, tokenizer.BosTokenId);
        Assert.Null(tokenizer.PadTokenId);
        Assert.Equal("y", tokenizer.ChatTemplate);
    }

    [Fact]
    public void Older_folders_keep_roles_and_added_tokens_in_files_of_their_own()
    {
        File.Copy(Path.Combine(TextGoldens.Folder("tokenizer-smollm2"), "tokenizer.json"), Path.Combine(_folder, "tokenizer.json"));
        File.WriteAllText(Path.Combine(_folder, "tokenizer_config.json"), """{"eos_token": "<|endoftext|>", "pad_token": "<|im_end|>"}""");
        File.WriteAllText(Path.Combine(_folder, "special_tokens_map.json"), """
            {"eos_token": {"content": "<|im_end|>", "lstrip": false}, "bos_token": "<|im_start|>", "additional_special_tokens": ["<extra>", {"content": "<more>"}]}
            """);
        File.WriteAllText(Path.Combine(_folder, "added_tokens.json"), """{"<late>": 903, "<extra>": 902}""");
        var tokenizer = Tokenizer.Load(_folder);
        Assert.Equal((2, 1, 2), (tokenizer.EosTokenId!.Value, tokenizer.BosTokenId!.Value, tokenizer.PadTokenId!.Value));
        // Their order counts, not their ids: transformers adds them to what tokenizer.json has.
        Assert.Equal((900, 901, 902), (tokenizer.TokenToId("<extra>")!.Value, tokenizer.TokenToId("<late>")!.Value, tokenizer.TokenToId("<more>")!.Value));
        Assert.Equal([900, 901], tokenizer.Encode("<extra><late>").Ids);
        Assert.Equal("<late>", tokenizer.Decode([900, 901], skipSpecialTokens: true));

        // What tokenizer_config.json lists itself is newer than those files.
        File.WriteAllText(Path.Combine(_folder, "tokenizer_config.json"), """{"eos_token": "<|endoftext|>", "added_tokens_decoder": {}}""");
        var newer = Tokenizer.Load(_folder);
        Assert.Equal((0, 1), (newer.EosTokenId!.Value, newer.BosTokenId!.Value));
        Assert.Null(newer.TokenToId("<late>"));

        File.WriteAllText(Path.Combine(_folder, "added_tokens.json"), """{"<late>": "x"}""");
        File.Delete(Path.Combine(_folder, "tokenizer_config.json"));
        Assert.Contains("added_tokens.json: <late>: expected an integer", Assert.Throws<NanoVlmException>(() => Tokenizer.Load(_folder)).Message);
    }

    [Fact]
    public void A_template_file_beside_the_tokenizer_is_read()
    {
        File.Copy(Path.Combine(TextGoldens.Folder("tokenizer-smollm2"), "tokenizer.json"), Path.Combine(_folder, "tokenizer.json"));
        File.WriteAllText(Path.Combine(_folder, "chat_template.jinja"), ChatTemplate.NanoVlm);
        Assert.Equal(ChatTemplate.NanoVlm, Tokenizer.Load(_folder).ChatTemplate);
    }

    [Fact]
    public void A_byte_order_mark_does_no_harm()
    {
        byte[] file = File.ReadAllBytes(Path.Combine(TextGoldens.Folder("tokenizer-smollm2"), "tokenizer.json"));
        Tokenizer.Parse((byte[])[0xEF, 0xBB, 0xBF, .. file], (byte[])[0xEF, 0xBB, 0xBF, .. "{}"u8]).Save(_folder);
        Assert.Equal(900, Tokenizer.Load(_folder).VocabularySize);
    }

    [Fact]
    public void No_tokenizer_is_a_clear_error()
    {
        var e = Assert.Throws<NanoVlmException>(() => Tokenizer.Load(_folder));
        Assert.Contains(Path.Combine(_folder, "tokenizer.json"), e.Message);
    }

    [Theory]
    [InlineData("model", """{"type": "Trigram", "vocab": []}""", "model type \"Trigram\"")]
    [InlineData("model", """{"type": "Unigram", "vocab": [["a", -1]], "unk_id": 1}""", "model.unk_id: unk_id 1 is not in the vocabulary of 1 tokens")]
    [InlineData("model", """{"type": "Unigram", "vocab": [["a"]]}""", "model.vocab[0]: expected [token, score]")]
    [InlineData("model", """{"type": "WordPiece", "vocab": {"a": 0}}""", "unk_token \"[UNK]\" is not in the vocabulary")]
    [InlineData("model", """{"type": "WordPiece", "vocab": {"a": 0, "a": 1}, "unk_token": "a"}""", "token \"a\" is there twice")]
    [InlineData("normalizer", """{"type": "ByteLevel"}""", "normalizer: the normalizer \"ByteLevel\"")]
    [InlineData("normalizer", """{"type": "Precompiled"}""", "normalizer: \"precompiled_charsmap\" is missing")]
    [InlineData("normalizer", """{"type": "Precompiled", "precompiled_charsmap": "////fw=="}""", "normalizer.precompiled_charsmap: the trie in it")]
    [InlineData("normalizer", """{"type": "Strip", "type": "Strip"}""", "normalizer: \"type\" is there twice")]
    [InlineData("pre_tokenizer", """{"type": "Metaspace", "replacement": "__"}""", "expected one character")]
    [InlineData("pre_tokenizer", """{"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"}""", "expected always, first or never")]
    [InlineData("pre_tokenizer", """{"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "add_prefix_space": false}""", "contradicts")]
    [InlineData("pre_tokenizer", """{"type": "Sequence", "pretokenizers": [{"type": "UnicodeScripts"}]}""", "pre_tokenizer.pretokenizers[0]: the pre-tokenizer \"UnicodeScripts\"")]
    [InlineData("pre_tokenizer", """{"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"}""", "pattern is not supported")]
    [InlineData("pre_tokenizer", """{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Sometimes"}""", "pre_tokenizer.behavior: expected Removed, Isolated")]
    [InlineData("post_processor", """{"type": "XlnetProcessing"}""", "post-processor \"XlnetProcessing\"")]
    [InlineData("post_processor", """{"type": "BertProcessing", "cls": ["a", 1], "sep": [1]}""", "post_processor.sep: expected [token, id]")]
    [InlineData("decoder", """{"type": "CTC"}""", "decoder \"CTC\"")]
    [InlineData("decoder", "5", "decoder: expected an object, found 5")]
    [InlineData("model", """{"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}""", "share id 0")]
    [InlineData("model", """{"type": "BPE", "vocab": {"a": -1}, "merges": []}""", "id -1 of token \"a\"")]
    [InlineData("model", """{"type": "BPE", "vocab": {"a": 2000000000}, "merges": []}""", "id 2000000000")]
    [InlineData("model", """{"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]}""", "merge 0 needs the token \"aa\"")]
    [InlineData("model", """{"type": "BPE", "vocab": {"a": 0}, "merges": ["aa"]}""", "merge 0 must be")]
    [InlineData("model", """{"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}""", "dropout")]
    [InlineData("model", """{"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "?"}""", "unk_token \"?\"")]
    [InlineData("added_tokens", """[{"id": 5, "content": "<|im_end|>"}]""", "added_tokens[0]: \"<|im_end|>\" has id 5 here and 2")]
    [InlineData("added_tokens", """[{"id": 5, "content": "<x>"}]""", "belongs to")]
    public void What_is_not_supported_is_refused_by_name(string key, string value, string message)
    {
        var file = Read("tokenizer-smollm2");
        // Put in as text, since a node cannot hold a key twice.
        file[key] = "HERE";
        var e = Assert.Throws<NanoVlmException>(() => Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(file.ToJsonString().Replace("\"HERE\"", value))));
        Assert.Contains("tokenizer.json", e.Message);
        Assert.Contains(message, e.Message);
    }

    [Theory]
    [InlineData("Removed", "a|b|d")]
    [InlineData("Isolated", "a|-|b|-|-|d")]
    [InlineData("MergedWithPrevious", "a-|b-|-|d")]
    [InlineData("MergedWithNext", "a|-b|-|-d")]
    [InlineData("Contiguous", "a|-|b|--|d")]
    public void Split_does_with_matches_what_its_behaviour_says(string behavior, string expected)
    {
        var split = new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["String"] = "-" }, ["behavior"] = behavior };
        Assert.Equal(expected, string.Join('|', Pieces(split, "a-b--d", ["a", "b", "d", "-", "a-", "b-", "-b", "-d", "--"])));
    }

    [Fact]
    public void Split_can_keep_the_matches_instead()
    {
        var split = new JsonObject
        {
            ["type"] = "Split",
            ["pattern"] = new JsonObject { ["Regex"] = "[a-z]+" },
            ["behavior"] = "Removed",
            ["invert"] = true,
        };
        Assert.Equal(["ab", "c"], Pieces(split, "--ab- c-", ["ab", "c", "-"]));
    }

    [Fact]
    public void Patterns_see_letters_beyond_the_first_plane_as_letters()
    {
        var split = Read("tokenizer-llama3")["pre_tokenizer"]!["pretokenizers"]![0]!;
        string[] pieces = ["𝐀𝐁", "𝟘𝟙𝟚", "𝟛", "😀😀", " 𠀀"];
        Assert.Equal(pieces, Pieces(split, string.Concat(pieces), pieces));
    }

    /// <summary>What a pre-tokenizer cuts a text into, by way of a model that knows each piece.</summary>
    private static string[] Pieces(JsonNode preTokenizer, string text, string[] vocabulary) => Load(new JsonObject
    {
        ["pre_tokenizer"] = preTokenizer.DeepClone(),
        ["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["ignore_merges"] = true,
            ["vocab"] = new JsonObject(vocabulary.Select((t, id) => KeyValuePair.Create(t, (JsonNode?)id))),
            ["merges"] = new JsonArray(),
        },
    }).Encode(text).Tokens;

    private static JsonNode Read(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(TextGoldens.Folder(name), "tokenizer.json")))!;

    private static Tokenizer Load(JsonNode file) => Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(file.ToJsonString()));
}
