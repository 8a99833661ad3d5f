namespace NanoVlm.Images;

/// <summary>
/// Turns pictures into the tiles that a vision tower takes, as nanoVLM does: resize to whole tiles, scale to [0, 1],
/// subtract the mean and divide by the standard deviation, cut into tiles, and put the whole picture, shrunk to one tile,
/// before them. Safe to use from several threads at once.
/// Source: nanoVLM, <c>data/custom_transforms.py</c> and <c>data/processors.py</c>.
/// </summary>
public sealed class ImageProcessor
{
    // normalized[256 * channel + byte]
    private readonly float[] normalized = new float[3 * 256];

    /// <summary>Prepares a processor.</summary>
    /// <param name="config">What to do with each picture.</param>
    /// <exception cref="NanoVlmException">The configuration is not usable, see <see cref="ImageProcessorConfig.Validate"/>.</exception>
    public ImageProcessor(ImageProcessorConfig config)
    {
        config.Validate();
        Config = config;
        for (var i = 0; i < normalized.Length; i++)
            normalized[i] = Normalize(i % 256 / 255f, i / 256);
    }

    /// <summary>What this processor does with each picture.</summary>
    public ImageProcessorConfig Config { get; }

    /// <summary>
    /// The size a picture is brought to before it is split: the longer side to a multiple of the tile of at most
    /// <paramref name="maxSide"/>, the shorter side with it and then up to a multiple of the tile.
    /// </summary>
    /// <param name="height">Rows of the picture.</param>
    /// <param name="width">Columns of the picture.</param>
    /// <param name="tileSize">Side of a tile, in pixels.</param>
    /// <param name="maxSide">The longest side wanted, in pixels.</param>
    /// <param name="upscale">Whether the longer side always becomes <paramref name="maxSide"/>.</param>
    /// <returns>Rows and columns of the resized picture.</returns>
    public static (int Height, int Width) DynamicResize(int height, int width, int tileSize, int maxSide, bool upscale)
    {
        var longer = Math.Max(height, width);
        var newLonger = upscale ? maxSide : (int)Math.Min(maxSide, RoundUp(longer));
        var scale = (double)newLonger / longer;
        var newShorter = (int)Math.Max(tileSize, RoundUp(Math.Min(height, width) * scale));
        return width >= height ? (newShorter, newLonger) : (newLonger, newShorter);

        double RoundUp(double side) => Math.Ceiling(side / tileSize) * tileSize;
    }

    /// <summary>The grid of tiles that a picture of the given size becomes; a 1 x 1 grid is one tile, any other has one more than its cells.</summary>
    /// <param name="height">Rows of the picture.</param>
    /// <param name="width">Columns of the picture.</param>
    public (int Rows, int Columns) Grid(int height, int width)
    {
        var (newHeight, newWidth) = ResizedSize(height, width);
        return (newHeight / Config.TileSize, newWidth / Config.TileSize);
    }

    /// <summary>Makes the tiles of a picture.</summary>
    /// <param name="image">The picture.</param>
    /// <returns>The tiles and their grid.</returns>
    public ProcessedImage Process(RgbImage image)
    {
        var size = Config.TileSize;
        var (height, width) = ResizedSize(image.Height, image.Width);
        var resized = Resample.Resize(image, width, height, Config.Filter);
        var (rows, columns) = (height / size, width / size);
        var tiles = rows * columns;
        var hasGlobal = tiles > 1;
        if (hasGlobal) tiles++;

        var tileLength = 3 * size * size;
        var pixels = GC.AllocateUninitializedArray<float>(tiles * tileLength);
        var next = 0;
        if (hasGlobal)
        {
            GlobalTile.Shrink(resized, size, pixels);
            for (var i = 0; i < tileLength; i++)
                pixels[i] = Normalize(pixels[i], i / (size * size));
            next = 1;
        }
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++, next++)
                CopyTile(resized, row * size, column * size, pixels.AsSpan(next * tileLength, tileLength));
        return new ProcessedImage(pixels, tiles, rows, columns);
    }

    private (int Height, int Width) ResizedSize(int height, int width) => Config.Split
        ? DynamicResize(height, width, Config.TileSize, Config.MaxSide, Config.Upscale)
        : (Config.TileSize, Config.TileSize);

    private float Normalize(float value, int channel) => (value - Config.Mean[channel]) / Config.Std[channel];

    private void CopyTile(RgbImage image, int top, int left, Span<float> tile)
    {
        var size = Config.TileSize;
        var plane = size * size;
        ReadOnlySpan<float> red = normalized.AsSpan(0, 256), green = normalized.AsSpan(256, 256), blue = normalized.AsSpan(512, 256);
        for (var y = 0; y < size; y++)
        {
            var source = image.Pixels.AsSpan(((top + y) * image.Width + left) * 3, size * 3);
            var reds = tile.Slice(y * size, size);
            var greens = tile.Slice(plane + y * size, size);
            var blues = tile.Slice(2 * plane + y * size, size);
            for (int x = 0, p = 0; x < size; x++, p += 3)
            {
                reds[x] = red[source[p]];
                greens[x] = green[source[p + 1]];
                blues[x] = blue[source[p + 2]];
            }
        }
    }
}
