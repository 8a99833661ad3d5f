using System.Globalization;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Analysis.Drawing;

/// <summary>A matrix of numbers from 0 to 1 as coloured cells, with the layers of its rows (from the bottom up) and columns, the models they are of, and a scale.</summary>
internal static class HeatMap
{
    private const int Text = 2; // side of a pixel of the labels
    private const int Line = PixelFont.Height * Text;
    private const int Gap = 10;

    public static RgbImage Draw(double[,] values, IReadOnlyList<int> rows, IReadOnlyList<int> columns, string title, string rowModel, string columnModel)
    {
        var cell = Math.Clamp(720 / Math.Max(rows.Count, columns.Count), 12, 96);
        var (width, height) = (columns.Count * cell, rows.Count * cell);
        var label = Canvas.Extent(rows.Max().ToString(CultureInfo.InvariantCulture), Text);
        var (left, top) = (Gap + Line + Gap + label + Gap, Gap + Line + 2 * Gap);
        var scaleLeft = left + width + 2 * Gap;
        var (columnAxis, rowAxis) = (Axis(columnModel, Math.Max(width, 320)), Axis(rowModel, Math.Max(height, 320)));
        var canvas = new Canvas(
            Math.Max(scaleLeft + 16 + Gap + Canvas.Extent("0.00", Text) + Gap, Math.Max(left + Canvas.Extent(columnAxis, Text), Gap + Canvas.Extent(title, Text)) + Gap),
            Math.Max(top + height, top + Canvas.Extent(rowAxis, Text)) + Gap + Line + Gap + Line + Gap);
        canvas.Write(title, Gap, Gap, Text, Canvas.Ink);

        for (var i = 0; i < rows.Count; i++)
            for (var j = 0; j < columns.Count; j++)
            {
                var (x, y, value) = (left + j * cell, top + (rows.Count - 1 - i) * cell, values[i, j]);
                var colour = ColourMap.Of(value);
                canvas.Fill(x, y, cell, cell, colour);
                if (cell < 48) continue;
                var number = double.IsNaN(value) ? "-" : value.ToString("0.00", CultureInfo.InvariantCulture);
                var dark = colour.Red * 0.3 + colour.Green * 0.59 + colour.Blue * 0.11 < 128;
                var scale = cell < 80 ? 1 : 2;
                canvas.Write(number, x + (cell - Canvas.Extent(number, scale)) / 2, y + (cell - PixelFont.Height * scale) / 2, scale, dark ? Canvas.White : Canvas.Ink);
            }
        for (var i = 0; i < rows.Count; i += Step(cell, rows.Count, Line + 4))
        {
            var text = rows[i].ToString(CultureInfo.InvariantCulture);
            canvas.Write(text, left - Gap - Canvas.Extent(text, Text), top + (rows.Count - 1 - i) * cell + (cell - Line) / 2, Text, Canvas.Ink);
        }
        for (var j = 0; j < columns.Count; j += Step(cell, columns.Count, Canvas.Extent(columns.Max().ToString(CultureInfo.InvariantCulture), Text) + 6))
        {
            var text = columns[j].ToString(CultureInfo.InvariantCulture);
            canvas.Write(text, left + j * cell + (cell - Canvas.Extent(text, Text)) / 2, top + height + Gap, Text, Canvas.Ink);
        }
        canvas.Write(columnAxis, left, canvas.Height - Gap - Line, Text, Canvas.Ink);
        canvas.Write(rowAxis, Gap, top + Math.Max(0, height - Canvas.Extent(rowAxis, Text)), Text, Canvas.Ink, upwards: true);

        for (var y = 0; y < height; y++) canvas.Fill(scaleLeft, top + y, 16, 1, ColourMap.Of(1 - (y + 0.5) / height));
        foreach (var mark in new[] { 0, 0.5, 1 })
            canvas.Write(mark.ToString("0.0", CultureInfo.InvariantCulture), scaleLeft + 16 + Gap / 2, top + (int)((1 - mark) * (height - Line)), Text, Canvas.Ink);
        return canvas.ToImage();
    }

    // Labels that would touch are left out, all but each second, fifth ...
    private static int Step(int cell, int count, int needed)
    {
        foreach (var step in new[] { 1, 2, 5, 10, 20, 50 })
            if (step * cell >= needed) return step;
        return Math.Max(1, count);
    }

    // Long names keep their ends, which differ most.
    private static string Axis(string model, int extent)
    {
        var most = extent / (PixelFont.Advance * Text) - "layer of ".Length;
        return "layer of " + (model.Length <= most ? model : ".." + model[^(most - 2)..]);
    }
}
