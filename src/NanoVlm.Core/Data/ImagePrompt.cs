using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Data;

/// <summary>Pictures as a model takes them: their tiles, and the text that stands for them. Both come from the same grids, so they cannot disagree.</summary>
/// <param name="Pixels">The tiles of all pictures, <c>[Tiles, 3, H, W]</c>.</param>
/// <param name="Tiles">How many tiles; each has <see cref="ImageMarkup.TokensPerTile"/> image tokens in the texts.</param>
/// <param name="Texts">What stands for each picture.</param>
/// <param name="Images">The pictures as the processor made them.</param>
public sealed record ImagePrompt(float[] Pixels, int Tiles, IReadOnlyList<string> Texts, IReadOnlyList<ProcessedImage> Images)
{
    /// <summary>Makes the tiles and texts of some pictures.</summary>
    /// <param name="processor">Makes the tiles.</param>
    /// <param name="markup">Makes the text.</param>
    /// <param name="pictures">The pictures.</param>
    /// <exception cref="NanoVlmException">A picture is of a shape that the processor or the markup has no place for.</exception>
    public static ImagePrompt Of(PixelProcessor processor, ImageMarkup markup, IReadOnlyList<RgbImage> pictures)
    {
        var images = pictures.Select(processor.Process).ToArray();
        var (texts, tiles) = Of(markup, [.. images.Select(image => (image.Rows, image.Columns))]);
        // A whole picture before its tiles, which the text has no place for, is left out.
        var skipped = images.Select(image => image.Tiles > 1 && !markup.WholeImage ? 1 : 0).ToArray();
        if (images.Length == 1 && skipped[0] == 0) return new ImagePrompt(images[0].Pixels, tiles, texts, images);
        var parts = images.Zip(skipped, (image, skip) => image.Pixels.AsMemory(skip * (image.Pixels.Length / image.Tiles))).ToArray();
        var pixels = GC.AllocateUninitializedArray<float>(parts.Sum(part => part.Length));
        var filled = 0;
        foreach (var part in parts)
        {
            part.CopyTo(pixels.AsMemory(filled));
            filled += part.Length;
        }
        return new ImagePrompt(pixels, tiles, texts, images);
    }

    /// <summary>The texts of pictures and how many tiles they stand for, from their grids alone.</summary>
    /// <param name="markup">Makes the text.</param>
    /// <param name="grids">Rows and columns of each picture's tiles.</param>
    /// <exception cref="NanoVlmException">The markup has no place for such a grid.</exception>
    public static (IReadOnlyList<string> Texts, int Tiles) Of(ImageMarkup markup, IReadOnlyList<(int Rows, int Columns)> grids) =>
        ([.. grids.Select((grid, i) => markup.Text(grid.Rows, grid.Columns, i, grids.Count))],
        grids.Sum(grid => grid is (1, 1) ? 1 : grid.Rows * grid.Columns + (markup.WholeImage ? 1 : 0)));
}
