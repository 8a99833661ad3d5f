using NanoVlm.Images;

namespace NanoVlm.Evaluation.Analysis.Drawing;

/// <summary>A picture to draw on: rectangles, other pictures, text. What falls outside is cut off.</summary>
internal sealed class Canvas
{
    public static readonly Colour White = new(255, 255, 255);
    public static readonly Colour Ink = new(40, 44, 52);
    public static readonly Colour Grey = new(200, 204, 210);

    private readonly byte[] pixels;

    /// <summary>A white canvas.</summary>
    public Canvas(int width, int height)
    {
        (Width, Height, pixels) = (width, height, new byte[checked(width * height * 3)]);
        Array.Fill(pixels, (byte)255);
    }

    public int Width { get; }

    public int Height { get; }

    public void Fill(int left, int top, int width, int height, Colour colour)
    {
        for (var y = Math.Max(0, top); y < Math.Min(Height, top + height); y++)
            for (var x = Math.Max(0, left); x < Math.Min(Width, left + width); x++)
                (pixels[(y * Width + x) * 3], pixels[(y * Width + x) * 3 + 1], pixels[(y * Width + x) * 3 + 2]) = (colour.Red, colour.Green, colour.Blue);
    }

    public void Paste(RgbImage image, int left, int top)
    {
        var (first, last) = (Math.Max(0, left), Math.Min(Width, left + image.Width));
        for (var y = Math.Max(0, top); y < Math.Min(Height, top + image.Height) && first < last; y++)
            image.Pixels.AsSpan(((y - top) * image.Width + first - left) * 3, (last - first) * 3).CopyTo(pixels.AsSpan((y * Width + first) * 3));
    }

    /// <param name="text">The text.</param>
    /// <param name="left">Of its first character.</param>
    /// <param name="top">Of its first character; of the last one where it stands.</param>
    /// <param name="scale">Side of a pixel of the font.</param>
    /// <param name="colour">The text's colour.</param>
    /// <param name="upwards">Whether it is turned to be read from below.</param>
    public void Write(string text, int left, int top, int scale, Colour colour, bool upwards = false)
    {
        for (var i = 0; i < text.Length; i++)
            for (var y = 0; y < PixelFont.Height; y++)
                for (var x = 0; x < PixelFont.Width; x++)
                    if (PixelFont.IsSet(text[i], x, y))
                    {
                        var along = i * PixelFont.Advance + x;
                        if (upwards) Fill(left + y * scale, top + Extent(text, scale) - (along + 1) * scale, scale, scale, colour);
                        else Fill(left + along * scale, top + y * scale, scale, scale, colour);
                    }
    }

    /// <summary>How long a text is, in pixels.</summary>
    public static int Extent(string text, int scale) => Math.Max(0, text.Length * PixelFont.Advance - 1) * scale;

    public RgbImage ToImage() => new(Width, Height, pixels);
}

/// <summary>A colour.</summary>
internal readonly record struct Colour(byte Red, byte Green, byte Blue)
{
    /// <summary>Between two colours: 0 is the first, 1 the second.</summary>
    public static Colour Mix(Colour from, Colour to, double share) => new(Channel(from.Red, to.Red, share), Channel(from.Green, to.Green, share), Channel(from.Blue, to.Blue, share));

    private static byte Channel(byte from, byte to, double share) => (byte)Math.Round(from + (to - from) * share);
}
