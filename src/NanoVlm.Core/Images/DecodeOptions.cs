namespace NanoVlm.Images;

/// <summary>How pictures are decoded where the usual way does not do.</summary>
public sealed record DecodeOptions
{
    /// <summary>The colour under transparent pixels. Null drops the alpha, as Pillow's <c>convert("RGB")</c> does: what is under it shows.</summary>
    public (byte Red, byte Green, byte Blue)? Background { get; init; }

    /// <summary>The most pixels a picture may have; one with more is refused before memory is taken for it.</summary>
    public int MaxPixels { get; init; } = ImageCodec.MaxPixels;
}
