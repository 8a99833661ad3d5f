namespace NanoVlm.Evaluation.Analysis.Drawing;

/// <summary>Colours of the numbers from 0 to 1, from dark blue over teal and green to light yellow: lighter is more, also in grey and to the colour-blind.</summary>
internal static class ColourMap
{
    private static readonly Colour[] Stops = [new(24, 18, 58), new(38, 60, 120), new(32, 105, 140), new(36, 148, 136), new(96, 188, 108), new(184, 218, 92), new(252, 244, 168)];

    /// <summary>A number's colour; grey for NaN. Numbers below 0 and above 1 have the colours of the ends.</summary>
    public static Colour Of(double value)
    {
        if (double.IsNaN(value)) return Canvas.Grey;
        var place = Math.Clamp(value, 0, 1) * (Stops.Length - 1);
        var below = Math.Min((int)place, Stops.Length - 2);
        return Colour.Mix(Stops[below], Stops[below + 1], place - below);
    }
}
