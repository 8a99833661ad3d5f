using System.Text;
using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Data;

/// <summary>
/// Turns conversations into tokens, labels and pixels, as nanoVLM does (<c>data/datasets.py</c>): the image string goes where
/// <c>&lt;image&gt;</c> stands or before the first question. Safe from any thread.
/// </summary>
public sealed class SampleBuilder
{
    /// <summary>The label of positions that are not trained on.</summary>
    public const int IgnoreLabel = -100;

    /// <summary>What marks the place of an image in a question.</summary>
    public const string ImageMark = "<image>";

    private readonly Tokenizer _tokenizer;
    private readonly ImageProcessor _processor;
    private readonly ChatTemplate _template;
    private readonly int _imageTokenId;
    private readonly int _tokensPerTile;
    private readonly SampleOptions _options;
    private readonly ImageMarkup _markup;

    /// <summary>Prepares a builder.</summary>
    /// <param name="tokenizer">With nanoVLM's image tokens (<see cref="ImageTokens.AddTo"/>) and a chat template.</param>
    /// <param name="processor">Makes the tiles.</param>
    /// <param name="tokensPerTile">Image tokens that a tile takes the place of.</param>
    /// <param name="options">Limits; null: none.</param>
    /// <exception cref="NanoVlmException">The tokenizer has no image token or no chat template.</exception>
    public SampleBuilder(Tokenizer tokenizer, ImageProcessor processor, int tokensPerTile, SampleOptions? options = null)
    {
        (_tokenizer, _processor, _tokensPerTile, _options) = (tokenizer, processor, tokensPerTile, options ?? new());
        _template = ChatTemplate.Parse(tokenizer.ChatTemplate ?? throw new NanoVlmException("The tokenizer has no chat template; put one in tokenizer_config.json."), tokenizer);
        _imageTokenId = tokenizer.TokenToId(ImageTokens.Image)
            ?? throw new NanoVlmException($"The tokenizer has no token {ImageTokens.Image}; add the image tokens to it first.");
        _markup = ImageMarkup.NanoVlm(tokensPerTile, tokenizer.TokenToId(ImageTokens.GlobalImage) is not null);
        PadTokenId = tokenizer.PadTokenId ?? tokenizer.EosTokenId ?? 0;
    }

    /// <summary>The token that fills up short rows.</summary>
    public int PadTokenId { get; }

    /// <summary>Whether turns do not see each other.</summary>
    public bool HasIndependentTurns => _options.IndependentTurns;

    /// <summary>Side of a tile in pixels.</summary>
    public int TileSize => _processor.Config.TileSize;

    /// <summary>Plans a whole conversation to train on, from its text and its images' headers.</summary>
    /// <param name="raw">The conversation.</param>
    /// <exception cref="DroppedSampleException">It is beyond a limit; names the origin.</exception>
    /// <exception cref="NanoVlmException">An image's size cannot be read, or the image marks do not fit the images; names the origin.</exception>
    public SamplePlan Plan(RawSample raw)
    {
        try
        {
            if (raw.Images.Count > _options.MaxImages)
                throw new DroppedSampleException(DropReason.TooManyImages, $"has {raw.Images.Count} images; at most {_options.MaxImages} are allowed (data.max_images).");
            var turns = raw.Turns.Where(turn => !IsLow(turn.Ratings)).ToArray();
            if (turns.Length == 0) throw new DroppedSampleException(DropReason.LowRatings, "no turn is rated high enough (data.minimum_ratings).");
            var grids = raw.Images.Select(image => image.Size(_processor.Decoding) is var (width, height) ? _processor.Grid(height, width) : default).ToArray();
            var (texts, tiles) = ImagePrompt.Of(_markup, grids);
            if (tiles > _options.MaxTiles) throw new DroppedSampleException(DropReason.TooManyTiles, $"its images have {tiles} tiles; at most {_options.MaxTiles} are allowed (data.max_tiles).");
            var strays = 0;
            var plan = _options.IndependentTurns && turns.Length > 1 ? Independent(turns, texts, ref strays) : Conversation(turns, texts, ref strays);
            if (plan.InputIds.Length > _options.MaxTokens)
                throw new DroppedSampleException(DropReason.TooLong, $"has {plan.InputIds.Length} tokens with its images; at most {_options.MaxTokens} are allowed (data.max_tokens).");
            if (Array.TrueForAll(plan.Labels, label => label == IgnoreLabel))
                throw new DroppedSampleException(DropReason.NoLabels, "none of its tokens is the assistant's.");
            Check(plan.InputIds, tiles);
            return plan with { Origin = raw.Origin, Images = raw.Images, Grids = grids, Tiles = tiles, TurnsLeftOut = plan.TurnsLeftOut + raw.Turns.Count - turns.Length, StrayImageTokens = strays };
        }
        catch (DroppedSampleException dropped)
        {
            throw new DroppedSampleException(dropped.Reason, $"{raw.Origin}: {dropped.Message}", dropped);
        }
        catch (NanoVlmException error)
        {
            throw new NanoVlmException($"{raw.Origin}: {error.Message}", error);
        }
    }

    /// <summary>Decodes a planned conversation's images.</summary>
    /// <param name="plan">The plan.</param>
    /// <exception cref="NanoVlmException">An image cannot be decoded, or is not what its header says; names the origin.</exception>
    public Sample Decode(SamplePlan plan)
    {
        try
        {
            var images = ImagePrompt.Of(_processor, _markup, [.. plan.Images.Select(image => image.Decode(_processor.Decoding))]);
            if (!images.Images.Select(image => (image.Rows, image.Columns)).SequenceEqual(plan.Grids))
                throw new NanoVlmException("an image has another size than its header says.");
            return new Sample(plan.Origin, plan.InputIds, plan.Labels, images.Pixels, images.Tiles, plan.Layout) { Images = plan.Images.Count };
        }
        catch (NanoVlmException error)
        {
            throw new NanoVlmException($"{plan.Origin}: {error.Message}", error);
        }
    }

    /// <summary>Builds a whole conversation to train on.</summary>
    /// <param name="raw">The conversation.</param>
    /// <exception cref="DroppedSampleException">As for <see cref="Plan"/>.</exception>
    /// <exception cref="NanoVlmException">As for <see cref="Plan"/> and <see cref="Decode"/>.</exception>
    public Sample Build(RawSample raw) => Decode(Plan(raw));

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
        var (ids, labels) = Asked(conversation, prepared.Texts, prepared.Tiles);
        return new Sample("prompt", ids, labels, prepared.Pixels, prepared.Tiles);
    }

    /// <summary>Plans a question for the model to answer, from its text and its images' headers: <see cref="Decode"/> makes of it what <see cref="Prompt(string,
    /// IReadOnlyList{RgbImage})"/> makes of the pictures.</summary>
    /// <param name="question">What is asked.</param>
    /// <param name="images">The images it is about; none for plain text.</param>
    /// <exception cref="NanoVlmException">An image's size cannot be read, the image marks do not fit the images, or the question is too long.</exception>
    public SamplePlan PlanPrompt(string question, IReadOnlyList<StoredImage> images)
    {
        var grids = images.Select(image => image.Size(_processor.Decoding) is var (width, height) ? _processor.Grid(height, width) : default).ToArray();
        var (texts, tiles) = ImagePrompt.Of(_markup, grids);
        var (ids, labels) = Asked([new ChatMessage("user", question)], texts, tiles);
        return new SamplePlan("prompt", ids, labels, images, grids, tiles);
    }

    private (int[] Ids, int[] Labels) Asked(IReadOnlyList<ChatMessage> conversation, IReadOnlyList<string> images, int tiles)
    {
        var messages = conversation.ToList();
        var strays = 0;
        PlaceImages(messages, images, ref strays);
        var ids = _template.Encode(_tokenizer, messages, addGenerationPrompt: true).Ids;
        if (ids.Length > _options.MaxTokens) throw new NanoVlmException($"the prompt has {ids.Length} tokens with its images; at most {_options.MaxTokens} are allowed.");
        Check(ids, tiles);
        var labels = new int[ids.Length];
        Array.Fill(labels, IgnoreLabel);
        return (ids, labels);
    }

    private SamplePlan Conversation(Turn[] turns, IReadOnlyList<string> images, ref int strays)
    {
        var messages = new List<ChatMessage>(turns.Length * 2);
        foreach (var turn in turns) messages.AddRange(turn.Messages());
        PlaceImages(messages, images, ref strays);
        var chat = _template.Encode(_tokenizer, messages);
        return new SamplePlan("", chat.Ids, chat.NextTokenLabels(IgnoreLabel), [], [], 0);
    }

    // Every turn as it would be alone, behind the beginning that all have in common: up to the last image token.
    private SamplePlan Independent(Turn[] turns, IReadOnlyList<string> images, ref int strays)
    {
        var (ids, labels, positions, documents) = (new List<int>(), new List<int>(), new List<int>(), new List<int>());
        int[] shared = [];
        var turn = 0;
        for (; turn < turns.Length; turn++)
        {
            var messages = turns[turn].Messages();
            PlaceImages(messages, images, ref strays);
            var chat = _template.Encode(_tokenizer, messages);
            if (turn == 0) shared = chat.Ids[..(Array.LastIndexOf(chat.Ids, _imageTokenId) + 1)];
            if (!chat.Ids.AsSpan().StartsWith(shared) || Array.LastIndexOf(chat.Ids, _imageTokenId) + 1 != shared.Length)
                throw new NanoVlmException($"turn {turn + 1} has text before its images, which independent turns cannot share; set data.turns to conversation.");
            var start = turn == 0 ? 0 : shared.Length;
            if (turn > 0 && ids.Count + chat.Ids.Length - start > _options.MaxTokens) break;
            ids.AddRange(chat.Ids.AsSpan(start));
            labels.AddRange(chat.NextTokenLabels(IgnoreLabel).AsSpan(start));
            for (var i = start; i < chat.Ids.Length; i++)
            {
                positions.Add(i);
                documents.Add(i < shared.Length ? 0 : turn + 1);
            }
        }
        return new SamplePlan("", [.. ids], [.. labels], [], [], 0, new SampleLayout([.. positions], [.. documents])) { TurnsLeftOut = turns.Length - turn };
    }

    private bool IsLow(TurnRatings? ratings)
    {
        var least = _options.MinimumRatings;
        return ratings is not null && (ratings.Relevance < least.Relevance || ratings.ImageCorrespondence < least.ImageCorrespondence
            || ratings.VisualDependency < least.VisualDependency || ratings.Formatting < least.Formatting);
    }

    private void Check(int[] ids, int tiles)
    {
        if (ids.Count(id => id == _imageTokenId) is var found && found != tiles * _tokensPerTile)
            throw new NanoVlmException($"the text has {found} image tokens; {tiles} tiles of {_tokensPerTile} were expected. Does the chat template change the text of a message?");
    }

    private static void PlaceImages(List<ChatMessage> messages, IReadOnlyList<string> images, ref int strays)
    {
        var marks = 0;
        for (var i = 0; i < messages.Count; i++)
        {
            // An image token in the text itself would take the place of a feature.
            var content = messages[i].Content.Replace(ImageTokens.Image, "", StringComparison.Ordinal);
            strays += (messages[i].Content.Length - content.Length) / ImageTokens.Image.Length;
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
        if (!content.Contains(ImageMark, StringComparison.Ordinal)) return content;
        var text = new StringBuilder();
        var done = 0;
        for (int at; (at = content.IndexOf(ImageMark, done, StringComparison.Ordinal)) >= 0; marks++)
        {
            text.Append(content, done, at - done);
            if (marks < images.Count) text.Append(images[marks]);
            done = at + ImageMark.Length;
            if (done < content.Length && content[done] == '\n') done++;
        }
        return text.Append(content, done, content.Length - done).ToString();
    }
}
