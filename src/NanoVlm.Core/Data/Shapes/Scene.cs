using System.Collections.Immutable;

namespace NanoVlm.Data.Shapes;

/// <summary>The shapes an object can have.</summary>
internal enum ObjectShape
{
    /// <summary>A disc.</summary>
    Circle,
    /// <summary>An upright square.</summary>
    Square,
    /// <summary>An upright equilateral triangle, point up.</summary>
    Triangle,
}

/// <summary>The colours an object can have.</summary>
internal enum ObjectColour
{
    /// <summary>Red.</summary>
    Red,
    /// <summary>Green.</summary>
    Green,
    /// <summary>Blue.</summary>
    Blue,
    /// <summary>Yellow.</summary>
    Yellow,
    /// <summary>Purple.</summary>
    Purple,
    /// <summary>Orange.</summary>
    Orange,
}

/// <summary>The sizes an object can have.</summary>
internal enum ObjectSize
{
    /// <summary>A radius near 6 pixels.</summary>
    Small,
    /// <summary>A radius near 10 pixels.</summary>
    Large,
}

/// <summary>One object of a scene.</summary>
/// <param name="Shape">Its shape.</param>
/// <param name="Colour">Its colour.</param>
/// <param name="Size">Its size.</param>
/// <param name="X">Centre, pixels from the left edge.</param>
/// <param name="Y">Centre (a triangle's: its centroid), pixels from the top edge.</param>
/// <param name="Radius">A circle's radius in pixels; the other shapes are scaled to look as large.</param>
internal sealed record SceneObject(ObjectShape Shape, ObjectColour Colour, ObjectSize Size, double X, double Y, double Radius)
{
    /// <summary>The box the object fills, in pixels.</summary>
    public (double Left, double Top, double Right, double Bottom) Box
    {
        get
        {
            // A triangle of circumradius R reaches R up, R / 2 down and R * sqrt(3) / 2 to the sides.
            var side = Shape switch { ObjectShape.Circle => Radius, ObjectShape.Square => 0.88 * Radius, _ => 1.3 * 0.8660254 * Radius };
            var up = Shape == ObjectShape.Triangle ? 1.3 * Radius : side;
            var down = Shape == ObjectShape.Triangle ? 0.65 * Radius : side;
            return (X - side, Y - up, X + side, Y + down);
        }
    }
}

/// <summary>What one picture shows: a background tint and 1 to 4 objects that do not overlap.</summary>
/// <param name="Background">An index into <see cref="SceneRenderer.Backgrounds"/>.</param>
/// <param name="Objects">The objects.</param>
internal sealed record Scene(int Background, ImmutableArray<SceneObject> Objects)
{
    /// <summary>The side of a picture, in pixels.</summary>
    public const int Side = 64;

    private const double Gap = 1.5;

    // How often two, three and four objects share a value, where some do.
    private static readonly double[] RepeatWeights = [0.6, 0.8, 1.0];

    /// <summary>
    /// Draws a scene. Colours and shapes repeat more often than chance would have it, so that questions about number have
    /// every answer; which colour or shape it is that repeats is even.
    /// </summary>
    /// <param name="random">The scene's own stream.</param>
    public static Scene Draw(ref RandomStream random)
    {
        var count = 1 + random.Choose([0.07, 0.18, 0.30, 0.45]);
        var colours = Repeating(ref random, count, 6);
        var shapes = Repeating(ref random, count, 3);
        var background = random.Below(SceneRenderer.Backgrounds.Length);
        var objects = new SceneObject[count];
        for (var placed = 0; placed < count;)
        {
            // A crowded start can leave no room for the rest: then all are placed anew.
            for (placed = 0; placed < count; placed++)
                if (!TryPlace(ref random, (ObjectShape)shapes[placed], (ObjectColour)colours[placed], objects.AsSpan(0, placed), out objects[placed]))
                    break;
        }
        return new Scene(background, [.. objects]);
    }

    /// <summary>
    /// The scene's identity: objects with positions to the pixel, in an order of their own, and the background. Scenes with
    /// the same key look the same.
    /// </summary>
    public string Key()
    {
        var parts = Objects.Select(o => $"{(int)o.Shape}{(int)o.Colour}{(int)o.Size}@{Math.Round(o.X)},{Math.Round(o.Y)}");
        return $"{Background}:{string.Join(' ', parts.Order(StringComparer.Ordinal))}";
    }

    // Half of the time one value, drawn evenly, is held by two or more of the objects.
    private static int[] Repeating(ref RandomStream random, int count, int values)
    {
        var drawn = new int[count];
        for (var i = 0; i < count; i++)
            drawn[i] = random.Below(values);
        if (count > 1 && random.Unit() < 0.5)
        {
            var repeats = 2 + random.Choose(RepeatWeights.AsSpan(0, count - 1));
            drawn.AsSpan(0, repeats).Fill(drawn[0]);
        }
        random.Shuffle(drawn.AsSpan());
        return drawn;
    }

    private static bool TryPlace(ref RandomStream random, ObjectShape shape, ObjectColour colour, ReadOnlySpan<SceneObject> others, out SceneObject placed)
    {
        var size = (ObjectSize)random.Below(2);
        var radius = Quarter(size == ObjectSize.Small ? 5.5 + random.Unit() : 9.25 + 1.5 * random.Unit());
        for (var attempt = 0; attempt < 40; attempt++)
        {
            var at = new SceneObject(shape, colour, size, 0, 0, radius).Box; // reach to each side of the centre
            var x = Quarter(1 - at.Left + random.Unit() * (Side - 2 - (at.Right - at.Left)));
            var y = Quarter(1 - at.Top + random.Unit() * (Side - 2 - (at.Bottom - at.Top)));
            placed = new SceneObject(shape, colour, size, x, y, radius);
            if (!Overlaps(placed, others))
                return true;
        }
        placed = null!;
        return false;
    }

    private static bool Overlaps(SceneObject candidate, ReadOnlySpan<SceneObject> others)
    {
        var a = candidate.Box;
        foreach (var other in others)
        {
            var b = other.Box;
            if (a.Left < b.Right + Gap && b.Left < a.Right + Gap && a.Top < b.Bottom + Gap && b.Top < a.Bottom + Gap)
                return true;
        }
        return false;
    }

    private static double Quarter(double pixels) => Math.Round(pixels * 4) / 4;
}
