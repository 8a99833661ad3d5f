using System.Buffers;

namespace NanoVlm.Images;

/// <summary>
/// Resizes 8-bit pictures bit for bit as Pillow's <c>Image.resize</c> does (version 13): one pass along the rows and one along the columns,
/// each with weights rounded to 22 fractional bits and a result rounded to 8 bits.
/// </summary>
public static class Resample
{
    // 8 bits for the pixel, 2 for the sign and for filters that overshoot; the rest of an int holds the weight's fraction.
    private const int Precision = 32 - 8 - 2;

    // Rows that are laid on their side at once, few enough to stay in the processor's memory.
    private const int Strip = 64;

    /// <summary>Resizes a picture.</summary>
    /// <param name="image">The picture; returned as it is where it has the size already.</param>
    /// <param name="width">Columns of the result, at least 1.</param>
    /// <param name="height">Rows of the result, at least 1.</param>
    /// <param name="filter">How pixels are combined.</param>
    /// <returns>The picture in its new size.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or the result would have more than
    /// <see cref="ImageCodec.MaxPixels"/> pixels.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, ResampleFilter filter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height, ImageCodec.MaxPixels, "width * height");
        if (image.Width == width && image.Height == height) return image;
        if (filter == ResampleFilter.Nearest) return Nearest(image, width, height);
        var result = GC.AllocateUninitializedArray<byte>(width * height * 3);
        if (image.Height == height)
        {
            AlongRows(image.Pixels, image.Width, width, height, filter, result);
        }
        else if (image.Width == width)
        {
            AlongColumns(image.Pixels, width, image.Height, height, filter, result);
        }
        else
        {
            // Between the passes stands a picture that nobody keeps.
            var columnsFirst = ColumnsFirst(image, width, height);
            var length = checked(3 * (columnsFirst ? image.Width * height : width * image.Height));
            var rented = ArrayPool<byte>.Shared.Rent(length);
            var between = rented.AsSpan(0, length);
            if (columnsFirst)
            {
                AlongColumns(image.Pixels, image.Width, image.Height, height, filter, between);
                AlongRows(between, image.Width, width, height, filter, result);
            }
            else
            {
                AlongRows(image.Pixels, image.Width, width, image.Height, filter, between);
                AlongColumns(between, width, image.Height, height, filter, result);
            }
            ArrayPool<byte>.Shared.Return(rented);
        }
        return new RgbImage(width, height, result);
    }

    // The bytes depend on the order, for each pass rounds and clips. Pillow before 13 begins with the rows, always; 13 with the
    // columns where the height shrinks much more than the width (python-pillow/Pillow#9549, whose first form was "and the width
    // does not shrink"). In its results the height loses more than 1.6 and less than 3 times as many pixels where the order turns.
    private static bool ColumnsFirst(RgbImage image, int width, int height) =>
        image.Height - height > 2 * Math.Max(0, image.Width - width);

    private static RgbImage Nearest(RgbImage image, int width, int height)
    {
        var columns = Positions(image.Width, width);
        var rows = Positions(image.Height, height);
        var result = new byte[width * height * 3];
        var target = 0;
        foreach (var row in rows)
        {
            foreach (var column in columns)
            {
                var source = (row * image.Width + column) * 3;
                result[target++] = image.Pixels[source];
                result[target++] = image.Pixels[source + 1];
                result[target++] = image.Pixels[source + 2];
            }
        }
        return new RgbImage(width, height, result);

        // Pillow adds up the step instead of multiplying: the rounding decides which neighbour wins.
        static int[] Positions(int inputSize, int outputSize)
        {
            var step = (double)inputSize / outputSize;
            var position = step * 0.5;
            var positions = new int[outputSize];
            for (var i = 0; i < outputSize; i++, position += step)
                positions[i] = Math.Min((int)position, inputSize - 1);
            return positions;
        }
    }

    // A pass along the columns of some rows that were laid on their side: its vectors hold a channel of neighbours that share their weights.
    private static void AlongRows(ReadOnlySpan<byte> source, int width, int newWidth, int height, ResampleFilter filter, Span<byte> target)
    {
        var weights = new ResampleWeights(width, newWidth, filter);
        var values = FixedPoint(weights);
        var (stride, newStride, strip) = (width * 3, newWidth * 3, Math.Min(height, Strip));
        var lain = ArrayPool<byte>.Shared.Rent(checked((stride + newStride) * strip));
        var before = lain.AsSpan(0, stride * strip);
        var after = lain.AsSpan(stride * strip, newStride * strip);
        for (var y = 0; y < height; y += strip)
        {
            var rows = Math.Min(strip, height - y);
            Transposition.Transpose(source[(y * stride)..], stride, rows, stride, before, strip);
            AlongColumns(before, strip * 3, weights, values, after);
            Transposition.Transpose(after, strip, newStride, rows, target[(y * newStride)..], newStride);
        }
        ArrayPool<byte>.Shared.Return(lain);
    }

    private static void AlongColumns(ReadOnlySpan<byte> source, int width, int height, int newHeight, ResampleFilter filter, Span<byte> target)
    {
        var weights = new ResampleWeights(height, newHeight, filter);
        AlongColumns(source, width * 3, weights, FixedPoint(weights), target);
    }

    private static void AlongColumns(ReadOnlySpan<byte> source, int stride, ResampleWeights weights, int[] values, Span<byte> target)
    {
        for (var y = 0; y * stride < target.Length; y++)
        {
            var (first, count) = weights[y];
            Convolution.Columns(source.Slice(first * stride, count * stride), values.AsSpan(y * weights.Taps, count), Precision, target.Slice(y * stride, stride));
        }
    }

    private static int[] FixedPoint(ResampleWeights weights)
    {
        var values = new int[weights.Values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var value = weights.Values[i] * (1 << Precision);
            values[i] = (int)(value < 0 ? value - 0.5 : value + 0.5);
        }
        return values;
    }
}
