using System.Globalization;
using System.Net;
using System.Text;

namespace NanoVlm.Training;

/// <summary>A line chart as inline SVG, coloured by the page's CSS variables.</summary>
internal sealed record LineChart(string Title, IReadOnlyList<(double X, double Y)> Points)
{
    /// <summary>How values of the vertical axis are written.</summary>
    internal Func<double, string> Format { get; init; } = value => value.ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>The least that the vertical axis covers.</summary>
    internal (double Low, double High)? Covers { get; init; }

    /// <summary>A level to mark with a dashed line, and its name.</summary>
    internal (double Y, string Name)? Mark { get; init; }

    /// <summary>Height in the units of a chart 640 wide.</summary>
    internal int Height { get; init; } = 240;

    private const int Width = 640, Left = 64, Right = 12, Top = 28, Bottom = 34;

    internal string ToSvg()
    {
        var points = Points.Where(p => double.IsFinite(p.Y)).ToArray();
        if (points.Length == 0) return "";
        double lastX = Math.Max(1, points.Max(p => p.X));
        var (low, high) = Covers ?? (double.PositiveInfinity, double.NegativeInfinity);
        (low, high) = (Math.Min(low, points.Min(p => p.Y)), Math.Max(high, points.Max(p => p.Y)));
        if (high - low < 1e-12) (low, high) = (low - 0.5 * Math.Abs(low) - 1e-6, high + 0.5 * Math.Abs(high) + 1e-6);
        var stepY = RoundStep((high - low) / (Height > 160 ? 5 : 2));
        (low, high) = (Math.Floor(low / stepY + 1e-9) * stepY, Math.Ceiling(high / stepY - 1e-9) * stepY);

        double X(double x) => Left + x / lastX * (Width - Left - Right);
        double Y(double y) => Height - Bottom - (y - low) / (high - low) * (Height - Top - Bottom);

        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{Escape(Title)}\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text class=\"title\" x=\"{Left}\" y=\"16\">{Escape(Title)}</text>\n");
        for (var i = 0; low + i * stepY <= high + stepY / 2; i++)
        {
            var (value, y) = (low + i * stepY, Y(low + i * stepY));
            svg.Append(CultureInfo.InvariantCulture, $"<path class=\"grid\" d=\"M{Left} {y:0.#}H{Width - Right}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"y\" x=\"{Left - 8}\" y=\"{y + 4:0.#}\">{Escape(Format(Math.Abs(value) < stepY / 1e6 ? 0 : value))}</text>\n");
        }
        var stepX = Math.Max(1, RoundStep(lastX / 8));
        for (double x = 0; x <= lastX; x += stepX)
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"x\" x=\"{X(x):0.#}\" y=\"{Height - Bottom + 18}\">{x:0}</text>\n");
        if (Mark is { } mark && mark.Y >= low && mark.Y <= high)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<path class=\"mark\" d=\"M{Left} {Y(mark.Y):0.#}H{Width - Right}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"y\" x=\"{Width - Right}\" y=\"{Y(mark.Y) - 5:0.#}\">{Escape(mark.Name)}</text>\n");
        }
        var line = string.Join(' ', points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.X):0.#},{Y(p.Y):0.#}")));
        svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"line\" points=\"{line}\"/>\n");
        if (points.Length <= 40)
            foreach (var (x, y) in points)
                svg.Append(CultureInfo.InvariantCulture, $"<circle class=\"dot\" cx=\"{X(x):0.#}\" cy=\"{Y(y):0.#}\" r=\"3\"><title>step {x:0}: {Escape(Format(y))}</title></circle>\n");
        return svg.Append("</svg>\n").ToString();
    }

    // 1, 2 or 5 times a power of ten, at least the given.
    private static double RoundStep(double atLeast)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(atLeast)));
        return power * (atLeast / power) switch { <= 1.0001 => 1, <= 2.0001 => 2, <= 5.0001 => 5, _ => 10 };
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
