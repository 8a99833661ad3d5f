namespace NanoVlm.Images;

/// <summary>
/// What the Hugging Face processors of towers with one input do: SigLIP, CLIP, ViT, DeiT, DINOv2, DINOv3, Gemma-3. Resize, cut out the
/// centre, scale, normalise.
/// </summary>
/// <param name="config">Which of these, and to what sizes.</param>
internal sealed class TowerProcessor(TowerProcessorConfig config) : PixelProcessor
{
    private readonly PixelScale scale = new(config.Mean, config.Std);

    /// <summary>What this processor does with each picture.</summary>
    public TowerProcessorConfig Config => config;

    /// <inheritdoc/>
    public override ProcessedImage Process(RgbImage image)
    {
        var (height, width) = Resized(image.Height, image.Width);
        var (outHeight, outWidth) = config.Crop ?? (height, width);
        var largest = Math.Max(Math.Max((long)height * width, (long)outHeight * outWidth), config.ResizeAsFloats ? (long)image.Height * width : 0);
        if (largest > ImageCodec.MaxPixels)
            throw new NanoVlmException($"A picture of {image.Width} x {image.Height} pixels would become {width} x {height}, more than can be handled; cut it before.");
        float[] pixels;
        if (config.ResizeAsFloats && (height, width) != (image.Height, image.Width))
        {
            pixels = Centre(FloatResample.Resize(image, width, height, config.Filter), height, width, outHeight, outWidth);
            scale.Apply(pixels);
        }
        else
        {
            var resized = Resample.Resize(image, width, height, config.Filter);
            // Margins of a picture smaller than the crop are black, before it is normalised.
            if ((outHeight, outWidth) != (height, width))
                resized = resized.Placed(outHeight, outWidth, -Half(height - outHeight), -Half(width - outWidth), [0, 0, 0]);
            pixels = GC.AllocateUninitializedArray<float>(3 * outHeight * outWidth);
            scale.Apply(resized, 0, 0, outHeight, outWidth, pixels);
        }
        return new ProcessedImage(pixels, 1, 1, 1, outHeight, outWidth);
    }

    private (int Height, int Width) Resized(int height, int width)
    {
        if (config.Size is { } size) return size;
        if (config.ShortestEdge is not { } edge) return (height, width);
        var longer = (int)Math.Min(int.MaxValue, (long)edge * Math.Max(height, width) / Math.Min(height, width));
        return width <= height ? (longer, edge) : (edge, longer);
    }

    private static float[] Centre(float[] planes, int height, int width, int outHeight, int outWidth)
    {
        if ((height, width) == (outHeight, outWidth)) return planes;
        var (top, left) = (Half(height - outHeight), Half(width - outWidth));
        var result = new float[3 * outHeight * outWidth];
        for (var channel = 0; channel < 3; channel++)
            for (var y = Math.Max(0, -top); y < Math.Min(outHeight, height - top); y++)
                for (var x = Math.Max(0, -left); x < Math.Min(outWidth, width - left); x++)
                    result[(channel * outHeight + y) * outWidth + x] = planes[(channel * height + y + top) * width + x + left];
        return result;
    }

    // Python's // 2: down, below 0 too.
    private static int Half(int difference) => difference >> 1;
}

/// <summary>What a <see cref="TowerProcessor"/> does. Without <see cref="Size"/> and <see cref="ShortestEdge"/> the picture keeps its size.</summary>
public sealed record TowerProcessorConfig
{
    /// <summary>The size that every picture is brought to, whatever its shape.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>What the shorter side becomes; the longer one goes with it, rounded down.</summary>
    public int? ShortestEdge { get; init; }

    /// <summary>The rectangle cut out of the middle after that.</summary>
    public (int Height, int Width)? Crop { get; init; }

    /// <summary>How it is resized.</summary>
    public ResampleFilter Filter { get; init; } = ResampleFilter.Bicubic;

    /// <summary>Whether the picture is scaled to [0, 1] first and then resized without rounding to bytes, as DINOv3's.</summary>
    public bool ResizeAsFloats { get; init; }

    /// <summary>What is subtracted from red, green and blue, on a scale of 0 to 1.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [0, 0, 0];

    /// <summary>What red, green and blue are divided by after that.</summary>
    public IReadOnlyList<float> Std { get; init; } = [1, 1, 1];
}
