namespace NanoVlm.Images;

/// <summary>
/// Turns pictures into tiles as nanoVLM does: resize to whole tiles, scale to [0, 1], subtract the mean and divide by the
/// standard deviation, cut into tiles, and put the whole picture, shrunk to one tile, before them.
/// Source: nanoVLM, <c>data/custom_transforms.py</c> and <c>data/processors.py</c>.
/// </summary>
public sealed class ImageProcessor : PixelProcessor
{
    private readonly PixelScale scale;

    /// <summary>Prepares a processor.</summary>
    /// <param name="config">What to do with each picture.</param>
    /// <exception cref="NanoVlmException">The configuration is not usable, see <see cref="ImageProcessorConfig.Validate"/>.</exception>
    public ImageProcessor(ImageProcessorConfig config)
    {
        config.Validate();
        Config = config;
        scale = new PixelScale(config.Mean, config.Std);
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

    /// <inheritdoc/>
    public override ProcessedImage Process(RgbImage image)
    {
        var size = Config.TileSize;
        var (height, width) = ResizedSize(image.Height, image.Width);
        var (contentHeight, contentWidth) = Config.KeepAspectRatio ? Fit(image, height, width) : (height, width);
        var content = Resample.Resize(image, contentWidth, contentHeight, Config.Filter);
        var canvas = Pad(content, height, width);
        var (rows, columns) = (height / size, width / size);
        var hasGlobal = rows * columns > 1;
        var tiles = rows * columns + (hasGlobal ? 1 : 0);

        var tileLength = 3 * size * size;
        var pixels = GC.AllocateUninitializedArray<float>(tiles * tileLength);
        if (hasGlobal)
        {
            var longer = Math.Max(contentHeight, contentWidth);
            var whole = Config.KeepAspectRatio ? Pad(content, longer, longer) : canvas;
            FloatResample.Resize(whole, size, size, ResampleFilter.Bilinear).CopyTo(pixels, 0);
            scale.Apply(pixels.AsSpan(0, tileLength));
        }
        scale.Cut(canvas, size, pixels.AsSpan(hasGlobal ? tileLength : 0));
        return new ProcessedImage(pixels, tiles, rows, columns, size, size);
    }

    private (int Height, int Width) ResizedSize(int height, int width) => Config.Split
        ? DynamicResize(height, width, Config.TileSize, Config.MaxSide, Config.Upscale)
        : (Config.TileSize, Config.TileSize);

    // The largest size of the picture's own shape in a rectangle.
    private static (int Height, int Width) Fit(RgbImage image, int height, int width)
    {
        var scale = Math.Min((double)height / image.Height, (double)width / image.Width);
        return (Side(image.Height, height), Side(image.Width, width));

        int Side(int side, int most) => Math.Clamp((int)Math.Round(side * scale), 1, most);
    }

    // In the middle of a canvas of the mean colour, which is 0 once normalised.
    private RgbImage Pad(RgbImage image, int height, int width)
    {
        if ((image.Height, image.Width) == (height, width)) return image;
        var colour = Config.Mean.Select(mean => (byte)Math.Clamp(MathF.Round(mean * 255), 0, 255)).ToArray();
        return image.Placed(height, width, (height - image.Height) / 2, (width - image.Width) / 2, colour);
    }
}
