namespace NanoVlm.Images;

/// <summary>
/// What the Hugging Face processors of Idefics3 and SmolVLM do: bring the longer side to a length, stretch to whole tiles, cut, and
/// put the whole picture, shrunk to one tile, after them; or, without splitting, stretch to one tile.
/// Source: transformers, <c>image_processing_idefics3</c>.
/// </summary>
/// <param name="config">Sizes and statistics.</param>
internal sealed class Idefics3Processor(Idefics3ProcessorConfig config) : PixelProcessor
{
    // The longest side there, whatever the file asks for (MAX_IMAGE_SIZE).
    private const int Longest = 4096;

    private readonly PixelScale scale = new(config.Mean, config.Std);

    /// <summary>What this processor does with each picture.</summary>
    public Idefics3ProcessorConfig Config => config;

    /// <summary>Transparent pixels are white there.</summary>
    public override DecodeOptions Decoding { get; } = new() { Background = (255, 255, 255) };

    /// <inheritdoc/>
    public override ProcessedImage Process(RgbImage image)
    {
        var size = config.TileSize;
        var (height, width) = config.LongestEdge is { } edge ? Scaled(image.Height, image.Width, edge) : (image.Height, image.Width);
        image = Resized(image, height, width);
        if (config.Split)
        {
            (height, width) = WholeTiles(height, width);
            if ((long)height * width > ImageCodec.MaxPixels)
                throw new NanoVlmException($"A picture of {image.Width} x {image.Height} pixels would become {width} x {height}, more than can be handled; cut it before.");
            if ((long)(height / size) * (width / size) > MaxTiles)
                throw new NanoVlmException($"A picture of {image.Width} x {image.Height} pixels would be cut into {(long)(height / size) * (width / size)} tiles of {size} pixels; {MaxTiles} are the most.");
            image = Resized(image, height, width);
        }
        // Where there is one tile, it is the whole picture.
        var (rows, columns) = config.Split ? (height / size, width / size) : (1, 1);
        var cells = rows * columns > 1 ? rows * columns : 0;
        var tileLength = 3 * size * size;
        var pixels = GC.AllocateUninitializedArray<float>((cells + 1) * tileLength);
        if (cells > 0) scale.Cut(image, size, pixels);
        scale.Cut(Resized(image, size, size), size, pixels.AsSpan(cells * tileLength));
        return new ProcessedImage(pixels, cells + 1, rows, columns, size, size);
    }

    /// <summary>The tiles of a square picture.</summary>
    internal static long MostTiles(int longestEdge, int tileSize) => (Math.Min(longestEdge, Longest) + tileSize - 1L) / tileSize is var side ? side * side : 0;

    private RgbImage Resized(RgbImage image, int height, int width) => Resample.Resize(image, width, height, config.Filter);

    // The shorter side is rounded down, then made even.
    private static (int Height, int Width) Scaled(int height, int width, int edge)
    {
        var ratio = (double)width / height;
        (height, width) = width >= height ? (Even(edge / ratio), edge) : (edge, Even(edge * ratio));
        if (Math.Max(height, width) <= Longest) return (height, width);
        ratio = (double)width / height;
        return width >= height ? (Math.Max(1, (int)(Longest / ratio)), Longest) : (Longest, Math.Max(1, (int)(Longest * ratio)));

        static int Even(double side) => Math.Max(1, (int)side + (int)side % 2);
    }

    private (int Height, int Width) WholeTiles(int height, int width)
    {
        var ratio = (double)width / height;
        if (width >= height)
        {
            width = RoundUp(width);
            return (RoundUp((int)(width / ratio)), width);
        }
        height = RoundUp(height);
        return (height, RoundUp((int)(height * ratio)));

        // A side that comes to nothing is a tile still.
        int RoundUp(int side) => Math.Max(1, (side + config.TileSize - 1) / config.TileSize) * config.TileSize;
    }
}

/// <summary>What an <see cref="Idefics3Processor"/> does.</summary>
public sealed record Idefics3ProcessorConfig
{
    /// <summary>Side of a tile in pixels (<c>max_image_size.longest_edge</c>).</summary>
    public int TileSize { get; init; } = 364;

    /// <summary>What the longer side becomes first (<c>size.longest_edge</c>); null keeps the size.</summary>
    public int? LongestEdge { get; init; } = 1456;

    /// <summary>Whether the picture is split into tiles.</summary>
    public bool Split { get; init; } = true;

    /// <summary>How it is resized.</summary>
    public ResampleFilter Filter { get; init; } = ResampleFilter.Lanczos;

    /// <summary>What is subtracted from red, green and blue, on a scale of 0 to 1.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [0.5f, 0.5f, 0.5f];

    /// <summary>What red, green and blue are divided by after that.</summary>
    public IReadOnlyList<float> Std { get; init; } = [0.5f, 0.5f, 0.5f];
}
