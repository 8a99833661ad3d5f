namespace NanoVlm.Configuration;

/// <summary>The extra tokens that stand for images in text, by nanoVLM's names (models/config.py, data/processors.py).</summary>
public static class ImageTokens
{
    /// <summary>The role of the token that is replaced by image features: <c>image_token</c>.</summary>
    public const string ImageRole = "image_token";

    /// <summary>The role of the token before the scaled-down whole of a split image: <c>global_image_token</c>.</summary>
    public const string GlobalImageRole = "global_image_token";

    /// <summary>The usual text of the token that is replaced by image features.</summary>
    public const string Image = "<|image|>";

    /// <summary>The usual text of the token before the scaled-down whole of a split image.</summary>
    public const string GlobalImage = "<|global_image|>";

    /// <summary>The tokens for images that are never split: the image token alone.</summary>
    public static IReadOnlyDictionary<string, string> ForWholeImages() =>
        new OrderedDictionary<string, string>(StringComparer.Ordinal) { [ImageRole] = Image };

    /// <summary>The tokens for images split into up to <paramref name="side"/> by <paramref name="side"/> tiles.</summary>
    /// <param name="side">The most tiles along a side.</param>
    public static IReadOnlyDictionary<string, string> ForTiles(int side)
    {
        var tokens = new OrderedDictionary<string, string>(StringComparer.Ordinal) { [ImageRole] = Image, [GlobalImageRole] = GlobalImage };
        for (var row = 1; row <= side; row++)
            for (var column = 1; column <= side; column++)
                tokens[$"r{row}c{column}"] = $"<row_{row}_col_{column}>";
        return tokens;
    }
}
