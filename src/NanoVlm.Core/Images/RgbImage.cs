namespace NanoVlm.Images;

/// <summary>A picture in memory: 8-bit RGB, rows from the top, no padding.</summary>
/// <param name="Width">Columns, at least 1.</param>
/// <param name="Height">Rows, at least 1.</param>
/// <param name="Pixels">[Height, Width, 3] bytes; not copied.</param>
/// <exception cref="ArgumentException">A side is below 1, or <paramref name="Pixels"/> is not Width * Height * 3 bytes long.</exception>
public sealed record RgbImage(int Width, int Height, byte[] Pixels)
{
    /// <summary>A picture of another library's, whose pixels are copied.</summary>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="pixels">[height, width, 3] bytes: red, green, blue of each pixel, row after row.</param>
    /// <exception cref="ArgumentException">A side is below 1, or <paramref name="pixels"/> is not width * height * 3 bytes long.</exception>
    public RgbImage(int width, int height, ReadOnlySpan<byte> pixels)
        : this(width, height, pixels.ToArray())
    {
    }

    /// <summary>[Height, Width, 3] bytes: red, green, blue of each pixel, row after row.</summary>
    public byte[] Pixels { get; } = Checked(Width, Height, Pixels);

    /// <summary>The picture on a canvas of one colour, or what of it the canvas holds.</summary>
    /// <param name="height">Rows of the canvas.</param>
    /// <param name="width">Columns of the canvas.</param>
    /// <param name="top">Where the picture's first row comes; below 0 cuts rows off.</param>
    /// <param name="left">Where the picture's first column comes.</param>
    /// <param name="colour">Red, green and blue around it.</param>
    internal RgbImage Placed(int height, int width, int top, int left, ReadOnlySpan<byte> colour)
    {
        var canvas = GC.AllocateUninitializedArray<byte>(checked(height * width * 3));
        for (var i = 0; i < canvas.Length; i += 3)
            colour.CopyTo(canvas.AsSpan(i, 3));
        var (firstColumn, lastColumn) = (Math.Max(0, left), Math.Min(width, left + Width));
        for (var y = Math.Max(0, top); y < Math.Min(height, top + Height) && firstColumn < lastColumn; y++)
            Pixels.AsSpan(((y - top) * Width + firstColumn - left) * 3, (lastColumn - firstColumn) * 3).CopyTo(canvas.AsSpan((y * width + firstColumn) * 3));
        return new RgbImage(width, height, canvas);
    }

    private static byte[] Checked(int width, int height, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (pixels.LongLength != (long)width * height * 3)
            throw new ArgumentException($"A picture of {width} x {height} pixels has {(long)width * height * 3} bytes, not {pixels.LongLength}.", nameof(pixels));
        return pixels;
    }
}
