using System.Globalization;
using System.Net;
using System.Text;

namespace NanoVlm.Training;

/// <summary>Counts in ranges: as text, and as inline SVG coloured by the page's CSS variables.</summary>
/// <param name="Title">What is counted.</param>
/// <param name="Columns">A label and a count for each range, in order.</param>
internal sealed record Histogram(string Title, IReadOnlyList<(string Range, long Count)> Columns)
{
    private const int Width = 640, Height = 200, Top = 28, Bottom = 26;

    /// <summary>Counts values in ranges of doubling size: 0, 1, 2 to 3, 4 to 7 and so on.</summary>
    /// <param name="title">What is counted.</param>
    /// <param name="values">How often each value occurs.</param>
    internal static Histogram ByDoubling(string title, IReadOnlyDictionary<int, long> values)
    {
        if (values.Count == 0) return new(title, []);
        var ranges = values.GroupBy(pair => Range(pair.Key)).ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value));
        return new(title, [.. Enumerable.Range(ranges.Keys.Min(), ranges.Keys.Max() - ranges.Keys.Min() + 1).Select(range => (Label(range), ranges.GetValueOrDefault(range)))]);

        static int Range(int value) => value == 0 ? 0 : int.Log2(value) + 1;

        static string Label(int range) => range < 2 ? $"{range}" : string.Create(CultureInfo.InvariantCulture, $"{1L << (range - 1)}-{(1L << range) - 1}");
    }

    /// <summary>A line for each range, with a bar.</summary>
    internal string ToText()
    {
        var text = new StringBuilder().AppendLine(Title);
        var (most, wide) = (Math.Max(1, Columns.Select(column => column.Count).DefaultIfEmpty().Max()), Columns.Select(column => column.Range.Length).DefaultIfEmpty().Max());
        foreach (var (range, count) in Columns)
            text.Append(CultureInfo.InvariantCulture, $"  {range.PadLeft(wide)} {count,12:N0} ").Append('#', (int)Math.Ceiling(count * 40.0 / most)).AppendLine();
        return text.ToString();
    }

    /// <summary>Columns.</summary>
    internal string ToSvg()
    {
        if (Columns.Count == 0) return "";
        var most = Math.Max(1, Columns.Max(column => column.Count));
        var wide = Math.Min(72, (double)(Width - 24) / Columns.Count);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(Title)}\">\n<text class=\"title\" x=\"12\" y=\"16\">{WebUtility.HtmlEncode(Title)}</text>\n");
        foreach (var (index, (range, count)) in Columns.Index())
        {
            var (x, high) = (12 + index * wide, (Height - Top - Bottom - 14) * (double)count / most);
            svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"column\" x=\"{x + 2:0.#}\" y=\"{Height - Bottom - high:0.#}\" width=\"{wide - 4:0.#}\" height=\"{high:0.#}\"><title>{range}: {count:N0}</title></rect>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"x\" x=\"{x + wide / 2:0.#}\" y=\"{Height - 8}\">{range}</text>\n");
            if (count > 0) svg.Append(CultureInfo.InvariantCulture, $"<text class=\"x\" x=\"{x + wide / 2:0.#}\" y=\"{Height - Bottom - high - 4:0.#}\">{count:N0}</text>\n");
        }
        return svg.Append("</svg>\n").ToString();
    }
}
