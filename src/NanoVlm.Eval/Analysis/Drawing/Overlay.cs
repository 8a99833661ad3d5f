using NanoVlm.Images;

namespace NanoVlm.Evaluation.Analysis.Drawing;

/// <summary>A map over the patches of a picture, in colours over the picture in grey, so that no colour is the picture's own.</summary>
internal static class Overlay
{
    /// <summary>Draws it.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="map">[rows, columns], row by row, 0 or more; the largest becomes the lightest.</param>
    /// <param name="rows">Rows of patches.</param>
    /// <param name="columns">Columns of patches.</param>
    /// <param name="width">Of the result, in pixels.</param>
    /// <param name="height">Of the result, in pixels.</param>
    public static RgbImage Draw(RgbImage image, ReadOnlySpan<float> map, int rows, int columns, int width, int height)
    {
        var most = 0f;
        foreach (var value in map) most = Math.Max(most, value);
        var grey = new byte[map.Length * 3]; // the map as a picture, so that it is resized as one
        for (var i = 0; i < map.Length; i++) grey.AsSpan(3 * i, 3).Fill((byte)(most > 0 ? Math.Round(255 * map[i] / most) : 0));
        var strength = Resample.Resize(new RgbImage(columns, rows, grey), width, height, ResampleFilter.Bilinear);
        var under = Enlarged(image, width, height);
        var pixels = new byte[under.Pixels.Length];
        for (var i = 0; i < pixels.Length; i += 3)
        {
            var share = strength.Pixels[i] / 255.0;
            var light = (byte)(255 * 0.15 + 0.7 * (0.3 * under.Pixels[i] + 0.59 * under.Pixels[i + 1] + 0.11 * under.Pixels[i + 2])); // neither end of the colours' own
            var mixed = Colour.Mix(new(light, light, light), ColourMap.Of(share), 0.55 + 0.25 * share);
            (pixels[i], pixels[i + 1], pixels[i + 2]) = (mixed.Red, mixed.Green, mixed.Blue);
        }
        return new RgbImage(width, height, pixels);
    }

    /// <summary>A picture in another size: its pixels as squares where it grows much, so that it stays what the tower saw.</summary>
    public static RgbImage Enlarged(RgbImage image, int width, int height) =>
        Resample.Resize(image, width, height, width >= 3 * image.Width ? ResampleFilter.Nearest : ResampleFilter.Bicubic);
}
