namespace NanoVlm.Images;

/// <summary>
/// What is done to a picture before a vision tower sees it. It is part of a checkpoint, as
/// <c>preprocessor_config.json</c> (<see cref="PreprocessorFile"/>). A nanoVLM checkpoint has no such file and means
/// mean 0 and standard deviation 1, the defaults here.
/// </summary>
public sealed record ImageProcessorConfig
{
    /// <summary>Side of a tile in pixels: the tower's image size.</summary>
    public int TileSize { get; init; } = 512;

    /// <summary>The longest side of a resized picture in pixels, a multiple of <see cref="TileSize"/>. Read only when splitting.</summary>
    public int MaxSide { get; init; } = 1024;

    /// <summary>Whether a picture keeps about its size and becomes several tiles; otherwise it is squashed into one.</summary>
    public bool Split { get; init; } = true;

    /// <summary>Whether small pictures are enlarged to <see cref="MaxSide"/> before they are split (nanoVLM's <c>resize_to_max_side_len</c>).</summary>
    public bool Upscale { get; init; }

    /// <summary>Whether a picture keeps its shape, with margins of the mean colour; otherwise it is stretched to whole tiles, and its small copy
    /// to a square, as nanoVLM does.</summary>
    public bool KeepAspectRatio { get; init; }

    /// <summary>The filter of the first resize, on bytes. nanoVLM uses bicubic.</summary>
    public ResampleFilter Filter { get; init; } = ResampleFilter.Bicubic;

    /// <summary>What is subtracted from red, green and blue, on a scale of 0 to 1.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [0, 0, 0];

    /// <summary>What red, green and blue are divided by after that.</summary>
    public IReadOnlyList<float> Std { get; init; } = [1, 1, 1];

    /// <summary>Checks that the values are usable together.</summary>
    /// <exception cref="NanoVlmException">One is not; the message names it.</exception>
    public void Validate()
    {
        Require(TileSize >= 1, $"the tile size must be at least 1 pixel, not {TileSize}");
        Require(!Split || (MaxSide >= TileSize && MaxSide % TileSize == 0),
            $"the longest side must be a multiple of the tile size {TileSize}, not {MaxSide}");
        Require(!Split || (long)(MaxSide / TileSize) * (MaxSide / TileSize) <= PixelProcessor.MaxTiles,
            $"a longest side (max_side) of {MaxSide} cuts a picture into {(long)(MaxSide / TileSize) * (MaxSide / TileSize)} tiles of {TileSize}; {PixelProcessor.MaxTiles} are the most");
        Require((long)Math.Max(TileSize, Split ? MaxSide : 0) * Math.Max(TileSize, Split ? MaxSide : 0) <= ImageCodec.MaxPixels,
            $"a side of {Math.Max(TileSize, MaxSide)} pixels is too large");
        Require(Enum.IsDefined(Filter), $"there is no resampling filter {(int)Filter}");
        Require(Mean.Count == 3 && Mean.All(float.IsFinite), "the mean must be 3 numbers");
        Require(Std.Count == 3 && Std.All(s => float.IsFinite(s) && s > 0), "the standard deviation must be 3 numbers above 0");
    }

    private static void Require(bool holds, string problem)
    {
        if (!holds) throw new NanoVlmException($"The image processor cannot be used: {problem}.");
    }
}
