namespace NanoVlm.Configuration;

/// <summary>nanoVLM's <c>vlm_extra_tokens</c>: the tokens that stand for images in text, by their role.</summary>
internal static class ExtraTokens
{
    /// <summary>The role of the token that image features replace.</summary>
    public const string ImageRole = "image_token";

    /// <summary>The most tiles along a side that there are tokens for.</summary>
    public const int LargestGrid = 8;

    /// <summary>What an image that is never split needs: the image token alone.</summary>
    public static IReadOnlyDictionary<string, string> ForWholeImages { get; } =
        new OrderedDictionary<string, string>(StringComparer.Ordinal) { [ImageRole] = "<|image|>" };

    /// <summary>What split images need: also a token before the scaled-down whole, and one before each tile.</summary>
    public static IReadOnlyDictionary<string, string> ForTiles { get; } = Tiles();

    private static OrderedDictionary<string, string> Tiles()
    {
        var tokens = new OrderedDictionary<string, string>(ForWholeImages, StringComparer.Ordinal) { ["global_image_token"] = "<|global_image|>" };
        for (var row = 1; row <= LargestGrid; row++)
            for (var column = 1; column <= LargestGrid; column++)
                tokens[$"r{row}c{column}"] = $"<row_{row}_col_{column}>";
        return tokens;
    }
}
