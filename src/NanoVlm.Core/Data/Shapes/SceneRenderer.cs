using System.Collections.Immutable;
using NanoVlm.Images;

namespace NanoVlm.Data.Shapes;

/// <summary>Draws scenes as pictures of 64 x 64 pixels, edges smoothed by 4 x 4 samples a pixel.</summary>
internal static class SceneRenderer
{
    private const int Samples = 4;

    /// <summary>The background tints, RGB.</summary>
    public static ImmutableArray<(byte R, byte G, byte B)> Backgrounds { get; } =
        [(240, 240, 238), (222, 234, 246), (248, 238, 222), (224, 240, 226), (214, 214, 218)];

    /// <summary>The RGB value an object of this colour is filled with.</summary>
    public static (byte R, byte G, byte B) Rgb(ObjectColour colour) => colour switch
    {
        ObjectColour.Red => (214, 38, 40),
        ObjectColour.Green => (38, 156, 64),
        ObjectColour.Blue => (38, 84, 214),
        ObjectColour.Yellow => (244, 214, 36),
        ObjectColour.Purple => (142, 54, 178),
        _ => (246, 134, 26),
    };

    /// <summary>Renders a scene.</summary>
    public static RgbImage Render(Scene scene)
    {
        var pixels = new byte[Scene.Side * Scene.Side * 3];
        var (red, green, blue) = Backgrounds[scene.Background];
        for (var i = 0; i < pixels.Length; i += 3)
            (pixels[i], pixels[i + 1], pixels[i + 2]) = (red, green, blue);
        foreach (var item in scene.Objects)
            Fill(pixels, item);
        return new RgbImage(Scene.Side, Scene.Side, pixels);
    }

    private static void Fill(byte[] pixels, SceneObject item)
    {
        var (left, top, right, bottom) = item.Box;
        var (red, green, blue) = Rgb(item.Colour);
        for (var y = (int)top; y <= (int)bottom; y++)
            for (var x = (int)left; x <= (int)right; x++)
            {
                var inside = 0;
                for (var sample = 0; sample < Samples * Samples; sample++)
                    if (Contains(item, x + (sample % Samples + 0.5) / Samples, y + (sample / Samples + 0.5) / Samples))
                        inside++;
                var at = (y * Scene.Side + x) * 3;
                pixels[at] = Blend(pixels[at], red, inside);
                pixels[at + 1] = Blend(pixels[at + 1], green, inside);
                pixels[at + 2] = Blend(pixels[at + 2], blue, inside);
            }
    }

    private static bool Contains(SceneObject item, double x, double y)
    {
        var (left, top, right, bottom) = item.Box;
        return item.Shape switch
        {
            ObjectShape.Circle => (x - item.X) * (x - item.X) + (y - item.Y) * (y - item.Y) <= item.Radius * item.Radius,
            ObjectShape.Square => x >= left && x <= right && y >= top && y <= bottom,
            _ => y <= bottom && Math.Abs(x - item.X) <= (y - top) / (bottom - top) * (right - left) / 2,
        };
    }

    private static byte Blend(byte under, byte over, int inside) =>
        (byte)((under * (Samples * Samples - inside) + over * inside + Samples * Samples / 2) / (Samples * Samples));
}
