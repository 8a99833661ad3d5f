namespace NanoVlm.Configuration;

/// <summary>nanoVLM's <c>vlm_extra_tokens</c>: the tokens that stand for images in text, by their role.</summary>
internal static class ExtraTokens
{
    /// <summary>The role of the token that image features replace.</summary>
    public const string ImageRole = "image_token";

    /// <summary>The most tiles along a side that there are tokens for.</summary>
    public const int LargestGrid = 8;

    /// <summary>All of them, in nanoVLM's order.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = List();

    private static OrderedDictionary<string, string> List()
    {
        var tokens = new OrderedDictionary<string, string>(StringComparer.Ordinal)
        {
            [ImageRole] = "<|image|>",
            ["global_image_token"] = "<|global_image|>",
        };
        for (var row = 1; row <= LargestGrid; row++)
            for (var column = 1; column <= LargestGrid; column++)
                tokens[$"r{row}c{column}"] = $"<row_{row}_col_{column}>";
        return tokens;
    }
}
