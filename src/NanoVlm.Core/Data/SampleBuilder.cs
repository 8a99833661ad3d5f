using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Data;

/// <summary>One conversation as a model takes it.</summary>
/// <param name="Origin">Where it comes from, for messages.</param>
/// <param name="InputIds">Token ids, <c>[T]</c>.</param>
/// <param name="Labels">What each position has to predict, that is the next token where the assistant says it, else
/// <see cref="SampleBuilder.IgnoreLabel"/>, <c>[T]</c>.</param>
/// <param name="Pixels">The tiles of its images, <c>[Tiles, 3, S, S]</c>.</param>
/// <param name="Tiles">How many tiles; each takes the place of the same number of image tokens.</param>
/// <param name="Layout">Where the turns are independent of each other: which of them each token belongs to.</param>
public sealed record Sample(string Origin, int[] InputIds, int[] Labels, float[] Pixels, int Tiles, SampleLayout? Layout = null);

/// <summary>How independent turns stand side by side after the images they share.</summary>
/// <param name="Positions">Where each token stands in its own turn, <c>[T]</c>.</param>
/// <param name="Documents">The turn it belongs to, from 1; 0: the shared beginning, <c>[T]</c>.</param>
public sealed record SampleLayout(int[] Positions, int[] Documents);

/// <summary>
/// Turns conversations into tokens, labels and pixels, as nanoVLM does (<c>data/datasets.py</c>): the image string goes where
/// <c>&lt;image&gt;</c> stands or before the first question. Safe from any thread.
/// </summary>
public sealed class SampleBuilder
{
    /// <summary>The label of positions that are not trained on.</summary>
    public const int IgnoreLabel = -100;

    private const string ImageMark = "<image>";

    private readonly Tokenizer _tokenizer;
    private readonly ImageProcessor _processor;
    private readonly ChatTemplate _template;
    private readonly int _imageTokenId;
    private readonly int _tokensPerTile;
    private readonly int _maxTokens;
    private readonly bool _independentTurns;
    private readonly int _maxImages;
    private readonly ImageMarkup _markup;

    /// <summary>Prepares a builder.</summary>
    /// <param name="tokenizer">With nanoVLM's image tokens (<see cref="ImageTokens.AddTo"/>) and a chat template.</param>
    /// <param name="processor">Makes the tiles.</param>
    /// <param name="tokensPerTile">Image tokens that a tile takes the place of.</param>
    /// <param name="maxTokens">The longest conversation; longer ones lose their last turns.</param>
    /// <param name="independentTurns">Whether the turns of a conversation do not see each other: each reads as if it were alone
    /// after the images, which are encoded once for all.</param>
    /// <param name="maxImages">The most images of a conversation.</param>
    /// <exception cref="NanoVlmException">The tokenizer has no image token or no chat template.</exception>
    public SampleBuilder(Tokenizer tokenizer, ImageProcessor processor, int tokensPerTile, int maxTokens = int.MaxValue, bool independentTurns = false, int maxImages = int.MaxValue)
    {
        (_tokenizer, _processor, _tokensPerTile, _maxTokens, _independentTurns, _maxImages) = (tokenizer, processor, tokensPerTile, maxTokens, independentTurns, maxImages);
        _template = ChatTemplate.Parse(tokenizer.ChatTemplate ?? throw new NanoVlmException("The tokenizer has no chat template; put one in tokenizer_config.json."));
        _imageTokenId = tokenizer.TokenToId(ImageTokens.Image)
            ?? throw new NanoVlmException($"The tokenizer has no token {ImageTokens.Image}; add the image tokens to it first.");
        _markup = ImageMarkup.NanoVlm(tokensPerTile, tokenizer.TokenToId(ImageTokens.GlobalImage) is not null);
        PadTokenId = tokenizer.PadTokenId ?? tokenizer.EosTokenId ?? 0;
    }

    /// <summary>The token that fills up short rows.</summary>
    public int PadTokenId { get; }

    /// <summary>Side of a tile in pixels.</summary>
    public int TileSize => _processor.Config.TileSize;

    /// <summary>Builds a whole conversation to train on.</summary>
    /// <param name="raw">The conversation.</param>
    /// <exception cref="NanoVlmException">An image cannot be read, the image marks do not fit the images, or not even the first
    /// turn is short enough; names the origin.</exception>
    public Sample Build(RawSample raw)
    {
        try
        {
            if (raw.Images.Count > _maxImages) throw new NanoVlmException($"has {raw.Images.Count} images; at most {_maxImages} are allowed (data.max_images).");
            var images = ImagePrompt.Of(_processor, _markup, [.. raw.Images.Select(image => image.Decode())]);
            if (_independentTurns && raw.Turns.Count > 1) return Independent(raw, images);
            var messages = new List<ChatMessage>(raw.Turns.Count * 2);
            foreach (var turn in raw.Turns) messages.AddRange(turn.Messages());
            PlaceImages(messages, images.Texts);
            var chat = _template.Encode(_tokenizer, messages);
            while (chat.Ids.Length > _maxTokens && messages.Count > 2)
            {
                messages.RemoveRange(messages.Count - 2, 2);
                chat = _template.Encode(_tokenizer, messages);
            }
            return Finish(raw.Origin, chat.Ids, images, chat.NextTokenLabels(IgnoreLabel));
        }
        catch (NanoVlmException error)
        {
            throw new NanoVlmException($"{raw.Origin}: {error.Message}", error);
        }
    }

    /// <summary>Builds a question for the model to answer: ends where the answer begins, and has no labels.</summary>
    /// <param name="question">What is asked.</param>
    /// <param name="images">The images it is about; none for plain text.</param>
    /// <exception cref="NanoVlmException">The image marks do not fit the images, or the question is too long.</exception>
    public Sample Prompt(string question, params IReadOnlyList<RgbImage> images) => Prompt([new ChatMessage("user", question)], images);

    /// <summary>Builds a conversation whose next turn is the assistant's: ends where that begins, and has no labels.</summary>
    /// <param name="conversation">The messages so far.</param>
    /// <param name="images">The images it is about; none for plain text.</param>
    /// <exception cref="NanoVlmException">The image marks do not fit the images, or the conversation is too long.</exception>
    public Sample Prompt(IReadOnlyList<ChatMessage> conversation, params IReadOnlyList<RgbImage> images)
    {
        var prepared = ImagePrompt.Of(_processor, _markup, images);
        var messages = conversation.ToList();
        PlaceImages(messages, prepared.Texts);
        var chat = _template.Encode(_tokenizer, messages, addGenerationPrompt: true);
        var labels = new int[chat.Ids.Length];
        Array.Fill(labels, IgnoreLabel);
        return Finish("prompt", chat.Ids, prepared, labels);
    }

    // Every turn as it would be alone, behind the beginning that all have in common: up to the last image token.
    private Sample Independent(RawSample raw, ImagePrompt images)
    {
        var (ids, labels, positions, documents) = (new List<int>(), new List<int>(), new List<int>(), new List<int>());
        int[] shared = [];
        for (var turn = 0; turn < raw.Turns.Count; turn++)
        {
            var messages = raw.Turns[turn].Messages();
            PlaceImages(messages, images.Texts);
            var chat = _template.Encode(_tokenizer, messages);
            if (turn == 0) shared = chat.Ids[..(Array.LastIndexOf(chat.Ids, _imageTokenId) + 1)];
            if (!chat.Ids.AsSpan().StartsWith(shared) || Array.LastIndexOf(chat.Ids, _imageTokenId) + 1 != shared.Length)
                throw new NanoVlmException($"turn {turn + 1} has text before its images, which independent turns cannot share; set data.turns to conversation.");
            var start = turn == 0 ? 0 : shared.Length;
            if (turn > 0 && ids.Count + chat.Ids.Length - start > _maxTokens) break;
            ids.AddRange(chat.Ids.AsSpan(start));
            labels.AddRange(chat.NextTokenLabels(IgnoreLabel).AsSpan(start));
            for (var i = start; i < chat.Ids.Length; i++)
            {
                positions.Add(i);
                documents.Add(i < shared.Length ? 0 : turn + 1);
            }
        }
        return Finish(raw.Origin, [.. ids], images, [.. labels]) with { Layout = new SampleLayout([.. positions], [.. documents]) };
    }

    private Sample Finish(string origin, int[] ids, ImagePrompt images, int[] labels)
    {
        if (ids.Length > _maxTokens)
            throw new NanoVlmException($"the first turn has {ids.Length} tokens with its images; at most {_maxTokens} are allowed (max_tokens).");
        if (ids.Count(id => id == _imageTokenId) is var found && found != images.Tiles * _tokensPerTile)
            throw new NanoVlmException($"the first {ids.Length} tokens hold {found} image tokens; {images.Tiles} tiles of {_tokensPerTile} were expected (max_tokens is {_maxTokens}).");
        return new Sample(origin, ids, labels, images.Pixels, images.Tiles);
    }

    private static void PlaceImages(List<ChatMessage> messages, IReadOnlyList<string> images)
    {
        var marks = 0;
        for (var i = 0; i < messages.Count; i++)
        {
            // An image token in the text itself would take the place of a feature.
            var content = messages[i].Content.Replace(ImageTokens.Image, "", StringComparison.Ordinal);
            if (messages[i].Role == "user")
                content = ReplaceMarks(content, images, ref marks);
            messages[i] = messages[i] with { Content = content };
        }
        if (marks == 0 && images.Count > 0)
        {
            var first = Math.Max(0, messages.FindIndex(message => message.Role == "user"));
            messages[first] = messages[first] with { Content = string.Concat(images) + messages[first].Content };
        }
        else if (marks != images.Count)
            throw new NanoVlmException($"the text has {marks} {ImageMark} marks for {images.Count} images; expected one each, or none.");
    }

    // LLaVA sets a mark on a line of its own; that line feed goes with the mark.
    private static string ReplaceMarks(string content, IReadOnlyList<string> images, ref int marks)
    {
        for (int at; (at = content.IndexOf(ImageMark, StringComparison.Ordinal)) >= 0; marks++)
        {
            var end = at + ImageMark.Length;
            if (end < content.Length && content[end] == '\n')
                end++;
            content = content[..at] + (marks < images.Count ? images[marks] : "") + content[end..];
        }
        return content;
    }
}
