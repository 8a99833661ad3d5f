namespace NanoVlm.Images;

/// <summary>
/// Resizes on a scale of 0 to 1 without rounding to bytes, with antialiasing: torchvision's <c>resize</c> of a float tensor.
/// Rows first, then columns, in single precision.
/// </summary>
internal static class FloatResample
{
    /// <param name="image">The picture.</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="filter">Any filter but <see cref="ResampleFilter.Nearest"/>.</param>
    /// <returns>[3, height, width] values.</returns>
    internal static float[] Resize(RgbImage image, int width, int height, ResampleFilter filter)
    {
        var narrow = AlongRows(image, width, filter); // [image.Height, width, 4]
        var weights = new ResampleWeights(image.Height, height, filter);
        var values = Array.ConvertAll(weights.Values, value => (float)value);
        var plane = width * height;
        var result = GC.AllocateUninitializedArray<float>(3 * plane);
        var sums = new float[width * 4];
        for (var y = 0; y < height; y++)
        {
            var (first, count) = weights[y];
            Array.Clear(sums);
            for (var k = 0; k < count; k++)
            {
                var weight = values[y * weights.Taps + k];
                var row = narrow.AsSpan((first + k) * sums.Length, sums.Length);
                for (var i = 0; i < row.Length; i++)
                    sums[i] += row[i] * weight;
            }
            for (var x = 0; x < width; x++)
                for (var channel = 0; channel < 3; channel++)
                    result[channel * plane + y * width + x] = sums[x * 4 + channel];
        }
        return result;
    }

    private static float[] AlongRows(RgbImage image, int width, ResampleFilter filter)
    {
        var weights = new ResampleWeights(image.Width, width, filter);
        var values = Array.ConvertAll(weights.Values, value => (float)(value / 255));
        var result = GC.AllocateUninitializedArray<float>(image.Height * width * 4);
        var row = new float[image.Width * 4];
        for (var y = 0; y < image.Height; y++)
        {
            Convolution.Spread(image.Pixels.AsSpan(y * image.Width * 3, image.Width * 3), row);
            Convolution.Row(row, weights, values, 0f, result.AsSpan(y * width * 4, width * 4));
        }
        return result;
    }
}
