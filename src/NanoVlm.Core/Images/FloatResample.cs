using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace NanoVlm.Images;

/// <summary>
/// Resizes on a scale of 0 to 1 without rounding to bytes, with antialiasing: torchvision's <c>resize</c> of a float tensor, in its
/// arithmetic: single precision, rows first, fused multiply-adds.
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
        var narrow = MemoryMarshal.Cast<float, Vector128<float>>(AlongRows(image, width, filter)); // [image.Height, width] pixels
        var weights = new ResampleWeights(image.Height, height, filter, single: true);
        var plane = width * height;
        var result = GC.AllocateUninitializedArray<float>(3 * plane);
        var sums = new Vector128<float>[width];
        for (var y = 0; y < height; y++)
        {
            var (first, count) = weights[y];
            Array.Clear(sums);
            for (var k = 0; k < count; k++)
            {
                var weight = Vector128.Create((float)weights.Values[y * weights.Taps + k]);
                var row = narrow.Slice((first + k) * width, width);
                for (var x = 0; x < row.Length; x++)
                    sums[x] = Vector128.FusedMultiplyAdd(row[x], weight, sums[x]);
            }
            var reds = result.AsSpan(y * width, width);
            var greens = result.AsSpan(plane + y * width, width);
            var blues = result.AsSpan(2 * plane + y * width, width);
            for (var x = 0; x < reds.Length; x++)
                (reds[x], greens[x], blues[x]) = (sums[x][0], sums[x][1], sums[x][2]);
        }
        return result;
    }

    private static float[] AlongRows(RgbImage image, int width, ResampleFilter filter)
    {
        var weights = new ResampleWeights(image.Width, width, filter, single: true);
        var values = Array.ConvertAll(weights.Values, value => (float)value);
        var result = GC.AllocateUninitializedArray<float>(checked(image.Height * width * 4));
        var (bytes, row) = (new int[image.Width * 4], new float[image.Width * 4]);
        for (var y = 0; y < image.Height; y++)
        {
            Convolution.Spread(image.Pixels.AsSpan(y * image.Width * 3, image.Width * 3), bytes);
            for (var i = 0; i < row.Length; i++)
                row[i] = bytes[i] * (float)(1 / 255.0);
            Convolution.Row(row, weights, values, result.AsSpan(y * width * 4, width * 4));
        }
        return result;
    }
}
