namespace NanoVlm.Images;

/// <summary>
/// The whole picture shrunk to one tile: bilinear with antialiasing on [0, 1] floats, without rounding to bytes between, as
/// torchvision's <c>resize</c> of a float tensor.
/// </summary>
internal static class GlobalTile
{
    /// <param name="image">The resized picture.</param>
    /// <param name="size">Side of the tile.</param>
    /// <param name="tile">At least 3 * size * size values; the first of them receive [3, size, size].</param>
    internal static void Shrink(RgbImage image, int size, Span<float> tile)
    {
        var narrow = AlongRows(image, size); // [image.Height, size, 3]
        var weights = new ResampleWeights(image.Height, size, ResampleFilter.Bilinear);
        var stride = size * 3;
        var plane = size * size;
        var sums = new float[stride];
        for (var y = 0; y < size; y++)
        {
            var (first, count) = weights[y];
            Array.Clear(sums);
            for (var k = 0; k < count; k++)
            {
                var weight = (float)weights.Values[y * weights.Taps + k];
                var row = narrow.AsSpan((first + k) * stride, stride);
                for (var i = 0; i < row.Length; i++)
                    sums[i] += row[i] * weight;
            }
            for (var x = 0; x < size; x++)
                for (var channel = 0; channel < 3; channel++)
                    tile[channel * plane + y * size + x] = sums[x * 3 + channel];
        }
    }

    private static float[] AlongRows(RgbImage image, int width)
    {
        var weights = new ResampleWeights(image.Width, width, ResampleFilter.Bilinear);
        var values = new float[weights.Values.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(weights.Values[i] / 255);
        var result = GC.AllocateUninitializedArray<float>(image.Height * width * 3);
        for (var y = 0; y < image.Height; y++)
        {
            var source = image.Pixels.AsSpan(y * image.Width * 3, image.Width * 3);
            var target = result.AsSpan(y * width * 3, width * 3);
            for (var x = 0; x < width; x++)
            {
                var (first, count) = weights[x];
                var pixels = source.Slice(first * 3, count * 3);
                var taps = values.AsSpan(x * weights.Taps, count);
                float red = 0, green = 0, blue = 0;
                for (int k = 0, p = 0; k < taps.Length; k++, p += 3)
                {
                    red += pixels[p] * taps[k];
                    green += pixels[p + 1] * taps[k];
                    blue += pixels[p + 2] * taps[k];
                }
                target[x * 3] = red;
                target[x * 3 + 1] = green;
                target[x * 3 + 2] = blue;
            }
        }
        return result;
    }
}
