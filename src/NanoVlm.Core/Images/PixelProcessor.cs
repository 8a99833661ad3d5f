namespace NanoVlm.Images;

/// <summary>Turns a picture into what a vision tower takes. Safe to use from several threads at once.</summary>
public abstract class PixelProcessor
{
    /// <summary>The most tiles that one picture may be cut into: far more than any model takes, and few enough to hold.</summary>
    internal const int MaxTiles = 10_000;

    private protected PixelProcessor()
    {
    }

    /// <summary>How picture files are to be decoded for this processor.</summary>
    public virtual DecodeOptions Decoding { get; } = new();

    /// <summary>Makes the tiles of a picture.</summary>
    /// <param name="image">The picture.</param>
    /// <returns>The tiles and their grid.</returns>
    /// <exception cref="NanoVlmException">The picture has a shape that the processor cannot take.</exception>
    public abstract ProcessedImage Process(RgbImage image);
}
