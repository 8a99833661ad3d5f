using System.Runtime.ExceptionServices;
using System.Text.Json;
using NanoVlm.Text.Models;

namespace NanoVlm.Text;

/// <summary>
/// A Hugging Face tokenizer: <c>tokenizer.json</c> with the token roles and chat template of <c>tokenizer_config.json</c>.
/// Text goes through added tokens, normalizer, pre-tokenizer, model and post-processor; ids come back through the decoder.
/// Immutable; one instance serves any number of threads. It is a <see cref="Microsoft.ML.Tokenizers.Tokenizer"/> for all code that takes
/// one.
/// </summary>
public sealed partial class Tokenizer
{
    private readonly TokenizerFile _file;
    private readonly TokenizerConfig _config;
    private readonly AddedVocabulary _added;
    private readonly PieceTokenizer _pieces;

    private Tokenizer(TokenizerFile file, TokenizerConfig config, IEnumerable<(AddedToken Token, int Id)> added)
    {
        (_file, _config, _pieces) = (file, config, new PieceTokenizer(file.Model));
        _added = new AddedVocabulary(added, text => file.Normalizer?.Apply(text) ?? text);
        VocabularySize = Math.Max(file.Model.IdCount, _added.IdCount);
        BosTokenId = config.Bos is null ? null : TokenToId(config.Bos);
        EosTokenId = config.Eos is null ? null : TokenToId(config.Eos);
        PadTokenId = config.Pad is null ? null : TokenToId(config.Pad);
    }

    /// <summary>One more than the largest id: the number of rows that an embedding table needs.</summary>
    public int VocabularySize { get; }

    /// <summary>Id of the token that begins a text, if the configuration names one.</summary>
    public int? BosTokenId { get; }

    /// <summary>Id of the token that ends a text or turn, if the configuration names one.</summary>
    public int? EosTokenId { get; }

    /// <summary>Id of the token that fills up a batch, if the configuration names one.</summary>
    public int? PadTokenId { get; }

    /// <summary>The chat template's source (Jinja), if there is one; see <see cref="Text.ChatTemplate.Parse"/>.</summary>
    public string? ChatTemplate => _config.ChatTemplate;

    /// <summary>The tokens that have a name, such as <c>bos_token</c>: variables of a chat template.</summary>
    internal IEnumerable<KeyValuePair<string, string>> NamedTokens => _config.NamedTokens;

    /// <summary>Added tokens that count as special, in the order of their ids.</summary>
    public IEnumerable<string> SpecialTokens => _added.Tokens.Where(t => t.Token.Special).Select(t => t.Token.Content);

    /// <summary>Loads a tokenizer.</summary>
    /// <param name="folderOrFile">A folder with <c>tokenizer.json</c>, or the file. <c>tokenizer_config.json</c>,
    /// <c>special_tokens_map.json</c>, <c>added_tokens.json</c>, and <c>chat_template.jinja</c> or <c>chat_template.json</c> beside it are
    /// read
    /// where they exist.</param>
    /// <exception cref="NanoVlmException">No such file, or the file is broken or of a kind that is not supported.</exception>
    public static Tokenizer Load(string folderOrFile)
    {
        string file = Directory.Exists(folderOrFile) ? Path.Combine(folderOrFile, "tokenizer.json") : folderOrFile;
        if (!File.Exists(file))
            throw new NanoVlmException($"There is no tokenizer at {file}: expected a tokenizer.json (a Hugging Face \"fast\" tokenizer) or a folder with one.");
        string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        string configFile = Path.Combine(folder, "tokenizer_config.json");
        try
        {
            var config = File.Exists(configFile) ? TokenizerConfig.Read(File.ReadAllBytes(configFile), configFile) : TokenizerConfig.Empty;
            string mapFile = Path.Combine(folder, "special_tokens_map.json"), addedFile = Path.Combine(folder, "added_tokens.json");
            if (File.Exists(mapFile))
                config = config.WithSpecialTokensMap(File.ReadAllBytes(mapFile), mapFile);
            if (File.Exists(addedFile))
                config = config.WithAddedTokens(File.ReadAllBytes(addedFile), addedFile);
            return Create(TokenizerFile.Read(File.ReadAllBytes(file), file), config.WithTemplateBeside(folder));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"The tokenizer at {folderOrFile} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads a tokenizer from memory.</summary>
    /// <param name="tokenizerJson">The content of <c>tokenizer.json</c>, UTF-8.</param>
    /// <param name="tokenizerConfigJson">The content of <c>tokenizer_config.json</c>, UTF-8; empty for none.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="NanoVlmException">The content is broken or of a kind that is not supported.</exception>
    public static Tokenizer Parse(ReadOnlyMemory<byte> tokenizerJson, ReadOnlyMemory<byte> tokenizerConfigJson = default, string name = "tokenizer.json") => Create(
        TokenizerFile.Read(tokenizerJson, name),
        tokenizerConfigJson.IsEmpty ? TokenizerConfig.Empty : TokenizerConfig.Read(tokenizerConfigJson, $"the configuration of {name}"));

    /// <summary>Encodes a text.</summary>
    /// <param name="text">Any text; a lone surrogate counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its tokens (such as a bos token). Special tokens that
    /// stand in the text are found either way.</param>
    public Encoding Encode(string text, bool addSpecialTokens = true) => PostProcess([EncodeSequence(text, 0)], addSpecialTokens);

    /// <summary>Encodes a pair of texts into one sequence.</summary>
    /// <param name="text">The first text.</param>
    /// <param name="pair">The second text; its offsets count from its own start.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its tokens.</param>
    public Encoding Encode(string text, string pair, bool addSpecialTokens = true) =>
        PostProcess([EncodeSequence(text, 0), EncodeSequence(pair, 1)], addSpecialTokens);

    /// <summary>Encodes texts, several at a time.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its tokens.</param>
    /// <returns>An encoding for each text, in order.</returns>
    public Encoding[] Encode(IReadOnlyList<string> texts, bool addSpecialTokens = true)
    {
        var encodings = new Encoding[texts.Count];
        try
        {
            Parallel.For(0, encodings.Length, i => encodings[i] = Encode(texts[i], addSpecialTokens));
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
        return encodings;
    }

    /// <summary>The text of token ids. Bytes that are not UTF-8 become U+FFFD; ids without a token are passed over.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        var tokens = new List<string>(ids.Length);
        foreach (int id in ids)
        {
            if (Piece(id, skipSpecialTokens) is { } token)
                tokens.Add(token);
        }
        return _file.Decoder is { } decoder ? string.Concat(decoder.Apply(tokens)) : string.Join(' ', tokens);
    }

    /// <summary>What the decoder is given for an id; null where that is nothing.</summary>
    internal string? Piece(int id, bool skipSpecialTokens) =>
        _added.IdToToken(id) is not { } added ? _file.Model.IdToToken(id) : skipSpecialTokens && added.Special ? null : _added.TextOf(id);

    /// <summary>Whether the decoder reads a piece as one byte of a character.</summary>
    internal bool IsByte(string piece) => _file.Decoder is { JoinsBytes: true } && Decoders.ByteFallback.IsByte(piece, out _);

    /// <summary>The id of a token as the vocabulary spells it, or null if there is none.</summary>
    public int? TokenToId(string token) => _added.TokenToId(token) ?? _file.Model.TokenToId(token);

    /// <summary>The token of an id as the vocabulary spells it, or null if there is none.</summary>
    public string? IdToToken(int id) => _added.IdToToken(id)?.Content ?? _file.Model.IdToToken(id);

    /// <summary>This tokenizer with more special tokens. Those it does not know take the next ids, in the order given.</summary>
    /// <exception cref="NanoVlmException">A token is empty.</exception>
    public Tokenizer WithAddedTokens(IEnumerable<string> specialTokens) =>
        new(_file, _config, Extend(_file.Model, _added.Tokens, specialTokens.Select(content => new AddedToken(content))));

    /// <summary>This tokenizer with another pad token.</summary>
    /// <exception cref="NanoVlmException">The vocabulary lacks the token.</exception>
    public Tokenizer WithPadToken(string token) => TokenToId(token) is not null
        ? new(_file, _config with { Pad = token }, _added.Tokens)
        : throw new NanoVlmException($"The pad token \"{token}\" is not in the tokenizer's vocabulary.");

    /// <summary>This tokenizer with another end-of-text token.</summary>
    /// <param name="token">The token.</param>
    /// <exception cref="NanoVlmException">The vocabulary has no such token.</exception>
    public Tokenizer WithEosToken(string token) => TokenToId(token) is not null
        ? new(_file, _config with { Eos = token }, _added.Tokens)
        : throw new NanoVlmException($"The end-of-text token \"{token}\" is not in the tokenizer's vocabulary.");

    /// <summary>This tokenizer with another chat template, which may be null.</summary>
    public Tokenizer WithChatTemplate(string? template) => new(_file, _config with { ChatTemplate = template }, _added.Tokens);

    /// <summary>Writes <c>tokenizer.json</c> and <c>tokenizer_config.json</c>, added tokens included.</summary>
    /// <param name="folder">The folder, made if need be.</param>
    /// <exception cref="NanoVlmException">The folder cannot be written, or a string that was read is not Unicode.</exception>
    public void Save(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(Path.Combine(folder, "tokenizer.json"), _file.ToJson(_added));
            File.WriteAllBytes(Path.Combine(folder, "tokenizer_config.json"), _config.ToJson(_added));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            // A key that nothing here reads is there twice, or holds a string that is not Unicode.
            throw new NanoVlmException($"The tokenizer cannot be saved to {folder}: {e.Message}", e);
        }
    }

    /// <summary>The pieces of a text that the model sees one at a time, added tokens left out.</summary>
    internal IEnumerable<string> Pieces(string text)
    {
        foreach (var (id, start, length) in _added.CutRaw(text = WellFormed(text)))
        {
            var split = new SplitText(new AlignedText(text, start, length), [(0, length)]);
            split = id >= 0 ? split with { Pieces = [] } : _file.PreTokenizer?.Apply(split).Written() ?? split;
            foreach (var piece in split.Pieces)
                yield return split.Text.Characters.Slice(piece.Start, piece.Length).ToString();
        }
    }

    // Tokens that only the configuration knows are added, and so are the tokens it gives roles, as transformers does.
    private static Tokenizer Create(TokenizerFile file, TokenizerConfig config)
    {
        var added = file.AddedTokens.ToList();
        var known = added.Select(t => t.Token.Content).ToHashSet();
        foreach (var (token, id) in config.AddedTokens)
        {
            if (known.Add(token.Content))
                added.Add((token, file.Model.TokenToId(token.Content) ?? NextId(file.Model, added)));
        }
        string?[] roles = [config.Bos, config.Eos, config.Pad, config.Unknown];
        var special = roles.OfType<string>().Select(role => new AddedToken(role)).Concat(config.OtherSpecialTokens);
        return new Tokenizer(file, config, Extend(file.Model, added, special.Where(token => token.Content.Length > 0)));
    }

    private static List<(AddedToken, int)> Extend(Model model, IEnumerable<(AddedToken Token, int Id)> added, IEnumerable<AddedToken> specialTokens)
    {
        var tokens = added.ToList();
        var known = tokens.Select(t => t.Token.Content).ToHashSet();
        foreach (var token in specialTokens)
        {
            if (token.Content.Length == 0)
                throw new NanoVlmException("A special token cannot be the empty text.");
            if (known.Add(token.Content))
                tokens.Add((token, model.TokenToId(token.Content) ?? NextId(model, tokens)));
        }
        return tokens;
    }

    private static int NextId(Model model, List<(AddedToken Token, int Id)> added) =>
        Math.Max(model.IdCount, added.Count == 0 ? 0 : added.Max(t => t.Id) + 1);

    private Encoding PostProcess(IReadOnlyList<Encoding> sequences, bool addSpecialTokens) =>
        Encoding.Concatenate(_file.PostProcessor?.Apply(sequences, addSpecialTokens) ?? sequences);

    private Encoding EncodeSequence(string text, int typeId, bool normalize = true, bool preTokenize = true)
    {
        text = WellFormed(text);
        using var encoding = new EncodingBuilder(text.Length / 3 + 8);
        foreach (var (id, start, length) in _added.CutRaw(text))
        {
            if (id >= 0)
            {
                encoding.Add(id, start, start + length, text.Substring(start, length));
                continue;
            }
            var stretch = new AlignedText(text, start, length);
            EncodeStretch(normalize ? _file.Normalizer?.Apply(stretch) ?? stretch : stretch);
        }
        var result = encoding.Build(_pieces.Spellings);
        if (typeId != 0)
            Array.Fill(result.TypeIds, typeId);
        CountCodePoints(text, result.Offsets);
        return result;

        void EncodeStretch(AlignedText stretch)
        {
            foreach (var (id, start, length) in _added.CutNormalized(stretch.Characters))
            {
                if (id >= 0)
                {
                    encoding.Add(id, stretch.OriginalStart(start), stretch.OriginalEnd(start + length - 1), stretch.Characters.Slice(start, length).ToString());
                    continue;
                }
                var split = new SplitText(stretch, [(start, length)]);
                if (_file.PreTokenizer is { } preTokenizer)
                    split = preTokenize ? preTokenizer.Apply(split) : preTokenizer.Apply(split).Joined();
                _pieces.Tokenize(split, encoding);
            }
        }
    }

    private static string WellFormed(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return text;
        return string.Create(text.Length, text, (characters, source) =>
        {
            for (int i = 0; i < characters.Length; i++)
            {
                bool paired = char.IsHighSurrogate(source[i]) ? i + 1 < source.Length && char.IsLowSurrogate(source[i + 1])
                    : i > 0 && char.IsHighSurrogate(source[i - 1]);
                characters[i] = char.IsSurrogate(source[i]) && !paired ? '\uFFFD' : source[i];
            }
        });
    }

    /// <summary>Turns UTF-16 indices into code point indices.</summary>
    private static void CountCodePoints(string text, (int Start, int End)[] offsets)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return;
        var codePoints = new int[text.Length + 1];
        for (int i = 0; i < text.Length; i++)
            codePoints[i + 1] = codePoints[i] + (char.IsLowSurrogate(text[i]) ? 0 : 1);
        for (int i = 0; i < offsets.Length; i++)
            offsets[i] = (codePoints[offsets[i].Start], codePoints[offsets[i].End]);
    }
}
