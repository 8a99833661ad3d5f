using System.Text;

namespace NanoVlm.Text;

/// <summary>
/// nanoVLM's tokens for images (<c>vlm_extra_tokens</c>): one that image features replace, one that announces the whole
/// image, and one for each place in a grid of up to 8 by 8 tiles.
/// </summary>
internal static class ImageTokens
{
    /// <summary>The token whose embedding an image feature replaces.</summary>
    public const string Image = "<|image|>";

    /// <summary>Comes before the features of the whole image.</summary>
    public const string GlobalImage = "<|global_image|>";

    /// <summary>Most tiles in a row or column.</summary>
    public const int LargestGrid = 8;

    /// <summary>The 66 names and tokens in nanoVLM's order: <c>image_token</c>, <c>global_image_token</c>, <c>r1c1</c> to
    /// <c>r8c8</c>.</summary>
    public static IReadOnlyList<(string Name, string Token)> All { get; } =
    [
        ("image_token", Image),
        ("global_image_token", GlobalImage),
        .. from row in Enumerable.Range(1, LargestGrid)
           from column in Enumerable.Range(1, LargestGrid)
           select ($"r{row}c{column}", Tile(row, column)),
    ];

    /// <summary>Comes before the features of a tile.</summary>
    /// <param name="row">Row from the top, 1 to 8.</param>
    /// <param name="column">Column from the left, 1 to 8.</param>
    public static string Tile(int row, int column) => $"<row_{row}_col_{column}>";

    /// <summary>A tokenizer as nanoVLM sets it up: with these tokens, a chat template, and the end-of-text token for padding. Where the end of a turn is a
    /// token, it is the end of text too: an answer ends there.</summary>
    /// <param name="tokenizer">The language model's tokenizer.</param>
    /// <param name="chatTemplate">The chat template (<c>lm_chat_template</c>); null: <see cref="ChatTemplate.For"/>.</param>
    /// <exception cref="NanoVlmException">The tokenizer names no end-of-text token.</exception>
    public static Tokenizer AddTo(Tokenizer tokenizer, string? chatTemplate = null)
    {
        chatTemplate ??= ChatTemplate.For(tokenizer);
        if (ChatTemplate.Parse(chatTemplate, tokenizer).EndOfTurn is var end && tokenizer.TokenToId(end) is not null) tokenizer = tokenizer.WithEosToken(end);
        string eos = tokenizer.EosTokenId is { } id ? tokenizer.IdToToken(id)!
            : throw new NanoVlmException("The tokenizer names no eos_token; put it in tokenizer_config.json.");
        return tokenizer.WithAddedTokens(All.Select(t => t.Token)).WithPadToken(eos).WithChatTemplate(chatTemplate);
    }

    /// <summary>The text that stands for images in a prompt.</summary>
    /// <param name="grids">Rows and columns of tiles of each image, 1 by 1 for an image in one piece.</param>
    /// <param name="tokensPerTile">Image features per tile.</param>
    /// <param name="globalImage">Whether the whole image comes before its tiles (alone, if it is one piece).</param>
    /// <exception cref="NanoVlmException">A grid has no tiles or is larger than 8 by 8.</exception>
    public static string ImageString(IReadOnlyList<(int Rows, int Columns)> grids, int tokensPerTile, bool globalImage = true)
    {
        var text = new StringBuilder();
        for (int i = 0; i < grids.Count; i++)
        {
            var (rows, columns) = grids[i];
            if (rows is < 1 or > LargestGrid || columns is < 1 or > LargestGrid)
                throw new NanoVlmException($"Image {i} has a grid of {rows} by {columns} tiles; there are tokens for 1 by 1 to {LargestGrid} by {LargestGrid}.");
            if (grids.Count > 1)
                text.Append($"<image: {i}>");
            if (globalImage)
                AppendImage(GlobalImage);
            if (globalImage && (rows, columns) == (1, 1))
                continue;
            for (int row = 1; row <= rows; row++)
            {
                for (int column = 1; column <= columns; column++)
                    AppendImage(Tile(row, column));
            }
        }
        return text.ToString();

        void AppendImage(string announcement) => text.Append(announcement).Insert(text.Length, Image, tokensPerTile);
    }
}
