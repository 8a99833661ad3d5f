using System.Text;

namespace NanoVlm.Text;

/// <summary>The text that stands for a picture in a prompt, from its grid of tiles: one image token for each feature the model puts there.</summary>
public sealed class ImageMarkup
{
    private readonly Func<ImageMarkup, int, int, string> text;

    private ImageMarkup(string imageToken, int tokensPerTile, bool wholeImage, bool numbered, Func<ImageMarkup, int, int, string> text) =>
        (ImageToken, TokensPerTile, WholeImage, Numbered, this.text) = (imageToken, tokensPerTile, wholeImage, numbered, text);

    /// <summary>The token that a feature replaces.</summary>
    public string ImageToken { get; }

    /// <summary>Image tokens of a tile.</summary>
    public int TokensPerTile { get; }

    /// <summary>Whether the text has a place for the whole picture beside its tiles.</summary>
    public bool WholeImage { get; }

    /// <summary>Whether pictures are numbered where there are several.</summary>
    public bool Numbered { get; }

    /// <summary>nanoVLM's (<see cref="ImageTokens.ImageString"/>).</summary>
    /// <param name="tokensPerTile">Image tokens of a tile.</param>
    /// <param name="wholeImage">Whether the tokenizer has a token for the whole picture; older models have none.</param>
    public static ImageMarkup NanoVlm(int tokensPerTile, bool wholeImage = true) => new(
        ImageTokens.Image, tokensPerTile, wholeImage, numbered: true,
        static (markup, rows, columns) => ImageTokens.ImageString([(rows, columns)], markup.TokensPerTile, markup.WholeImage));

    /// <summary>That of Idefics3 and SmolVLM (transformers, <c>processing_idefics3</c>): tiles a line each row, then the whole picture.</summary>
    /// <param name="tokensPerTile">Image tokens of a tile (<c>image_seq_len</c>).</param>
    public static ImageMarkup Idefics3(int tokensPerTile) => new("<image>", tokensPerTile, wholeImage: true, numbered: false, static (markup, rows, columns) =>
    {
        const string around = "<fake_token_around_image>";
        var text = new StringBuilder();
        if ((rows, columns) != (1, 1))
        {
            for (var row = 1; row <= rows; row++)
            {
                for (var column = 1; column <= columns; column++)
                    text.Append(around).Append(ImageTokens.Tile(row, column)).Insert(text.Length, markup.ImageToken, markup.TokensPerTile);
                text.Append('\n');
            }
            text.Append('\n');
        }
        return text.Append(around).Append("<global-img>").Insert(text.Length, markup.ImageToken, markup.TokensPerTile).Append(around).ToString();
    });

    /// <summary>Gemma-3's (transformers, <c>processing_gemma3</c>): one picture between two tokens.</summary>
    /// <param name="tokensPerTile">Image tokens of a picture (<c>mm_tokens_per_image</c>).</param>
    public static ImageMarkup Gemma3(int tokensPerTile) => new("<image_soft_token>", tokensPerTile, wholeImage: true, numbered: false, static (markup, _, _) =>
        $"\n\n<start_of_image>{new StringBuilder().Insert(0, markup.ImageToken, markup.TokensPerTile)}<end_of_image>\n\n");

    /// <summary>The text of one picture.</summary>
    /// <param name="rows">Rows of its grid of tiles, 1 where it is in one piece.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="index">Which of the pictures it is, from 0.</param>
    /// <param name="count">How many there are.</param>
    /// <exception cref="NanoVlmException">There are no tokens for such a grid.</exception>
    public string Text(int rows, int columns, int index = 0, int count = 1) =>
        (Numbered && count > 1 ? $"<image: {index}>" : "") + text(this, rows, columns);
}
