namespace NanoVlm.Images;

/// <summary>From bytes to what a tower takes: scaled to [0, 1], less the mean, divided by the standard deviation; a plane a channel.</summary>
internal sealed class PixelScale
{
    private readonly IReadOnlyList<float> mean;
    private readonly IReadOnlyList<float> std;

    // values[256 * channel + byte]
    private readonly float[] values = new float[3 * 256];

    internal PixelScale(IReadOnlyList<float> mean, IReadOnlyList<float> std)
    {
        (this.mean, this.std) = (mean, std);
        for (var i = 0; i < values.Length; i++)
            values[i] = (i % 256 / 255f - mean[i / 256]) / std[i / 256];
    }

    /// <summary>Scales floats in [0, 1] where they stand.</summary>
    /// <param name="planes">[3, ...].</param>
    internal void Apply(Span<float> planes)
    {
        var plane = planes.Length / 3;
        for (var i = 0; i < planes.Length; i++)
            planes[i] = (planes[i] - mean[i / plane]) / std[i / plane];
    }

    /// <summary>Scales a rectangle of a picture.</summary>
    /// <param name="image">The picture, which holds the whole rectangle.</param>
    /// <param name="top">First row.</param>
    /// <param name="left">First column.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="planes">Receives [3, height, width].</param>
    internal void Apply(RgbImage image, int top, int left, int height, int width, Span<float> planes)
    {
        var plane = height * width;
        ReadOnlySpan<float> red = values.AsSpan(0, 256), green = values.AsSpan(256, 256), blue = values.AsSpan(512, 256);
        for (var y = 0; y < height; y++)
        {
            var source = image.Pixels.AsSpan(((top + y) * image.Width + left) * 3, width * 3);
            var reds = planes.Slice(y * width, width);
            var greens = planes.Slice(plane + y * width, width);
            var blues = planes.Slice(2 * plane + y * width, width);
            for (int x = 0, p = 0; x < reds.Length; x++, p += 3)
            {
                reds[x] = red[source[p]];
                greens[x] = green[source[p + 1]];
                blues[x] = blue[source[p + 2]];
            }
        }
    }

    /// <summary>Cuts a picture into tiles, row by row.</summary>
    /// <param name="image">The picture, whose sides are multiples of <paramref name="size"/>.</param>
    /// <param name="size">Side of a tile.</param>
    /// <param name="tiles">Receives [tiles, 3, size, size].</param>
    internal void Cut(RgbImage image, int size, Span<float> tiles)
    {
        var length = 3 * size * size;
        for (var top = 0; top < image.Height; top += size)
        {
            for (var left = 0; left < image.Width; left += size)
            {
                Apply(image, top, left, size, size, tiles[..length]);
                tiles = tiles[length..];
            }
        }
    }
}
