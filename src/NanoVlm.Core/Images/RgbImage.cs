namespace NanoVlm.Images;

/// <summary>A picture in memory: 8-bit RGB, rows from the top, no padding.</summary>
/// <param name="Width">Columns, at least 1.</param>
/// <param name="Height">Rows, at least 1.</param>
/// <param name="Pixels">[Height, Width, 3] bytes; not copied.</param>
/// <exception cref="ArgumentException">A side is below 1, or <paramref name="Pixels"/> is not Width * Height * 3 bytes long.</exception>
public sealed record RgbImage(int Width, int Height, byte[] Pixels)
{
    /// <summary>[Height, Width, 3] bytes: red, green, blue of each pixel, row after row.</summary>
    public byte[] Pixels { get; } = Checked(Width, Height, Pixels);

    private static byte[] Checked(int width, int height, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (pixels.LongLength != (long)width * height * 3)
            throw new ArgumentException($"A picture of {width} x {height} pixels has {(long)width * height * 3} bytes, not {pixels.LongLength}.", nameof(pixels));
        return pixels;
    }
}
