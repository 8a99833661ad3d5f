using System.Globalization;
using NanoVlm.Evaluation.Tasks;
using Spectre.Console;

namespace NanoVlm.Evaluation.Running;

/// <summary>Figures for people.</summary>
internal static class ResultTable
{
    internal static Table Of(EvaluationResult result)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("task", "figure", "value", "± 95 %", "items");
        foreach (var column in table.Columns.Skip(2)) column.RightAligned();
        foreach (var task in result.Tasks)
        {
            foreach (var (number, figure) in task.Figures.Index())
                table.AddRow(number == 0 ? Markup.Escape(task.Task) : "", Markup.Escape(figure.Name), Value(figure), Width(figure), figure.Count.ToString("N0", CultureInfo.InvariantCulture));
            if (task.Errors > 0) table.AddRow("", "could not be asked, wrong", "", "", task.Errors.ToString("N0", CultureInfo.InvariantCulture));
        }
        return table;
    }

    /// <summary>A share in per cent, points as they are with the most that there are.</summary>
    internal static string Value(Figure figure) => figure.Scale == 1 ? Percent(figure.Value)
        : string.Create(CultureInfo.InvariantCulture, $"{figure.Value:0.0} of {figure.Scale:0.#}");

    internal static string Width(Figure figure) => figure.Scale == 1 ? Percent(figure.Interval) : figure.Interval.ToString("0.0", CultureInfo.InvariantCulture);

    internal static string Percent(double share) => (100 * share).ToString("0.00", CultureInfo.InvariantCulture) + " %";
}
