using System.CommandLine;
using System.Globalization;
using NanoVlm.Evaluation.Running;
using Spectre.Console;

namespace NanoVlm.Evaluation.Commands;

/// <summary><c>compare</c>: what differs between two results, and whether it could be chance.</summary>
internal static class CompareCommand
{
    internal static Command Create()
    {
        var first = new Argument<string>("A") { Description = "A file that eval wrote" };
        var second = new Argument<string>("B") { Description = "Another one, of the same items" };
        var items = new Option<int>("--items") { Description = "List up to N items of each kind of change; 0: none", DefaultValueFactory = _ => 10, HelpName = "N" };
        var resamples = new Option<int>("--resamples") { Description = "Resamples of the bootstrap", DefaultValueFactory = _ => 10_000, HelpName = "N" };
        var command = new Command("compare", "Say how two results differ, item by item, and whether it could be chance") { first, second, items, resamples };
        foreach (var (option, least) in new[] { (items, 0), (resamples, 1) })
            option.Validators.Add(result =>
            {
                if (!result.Implicit && result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var number) && number < least) result.AddError($"{option.Name} must be {least} or more.");
            });
        command.SetAction(parsed => Run(parsed.GetValue(first)!, parsed.GetValue(second)!, parsed.GetValue(items), parsed.GetValue(resamples)));
        return command;
    }

    private static int Run(string first, string second, int items, int resamples)
    {
        var (a, b) = (EvaluationResult.Load(first), EvaluationResult.Load(second));
        var comparison = Comparison.Of(a, b, resamples);
        var output = StandardOutput.Open();
        Console.WriteLine($"A  {Named(a, first)}\nB  {Named(b, second)}");
        var table = new Table().Border(TableBorder.Simple).AddColumns("task", "figure", "A", "B", "B - A", "95 %", "p");
        foreach (var column in table.Columns.Skip(2)) column.RightAligned();
        foreach (var task in comparison)
            foreach (var (number, figure) in task.Figures.Index())
                table.AddRow(
                    number == 0 ? Markup.Escape(task.Task) : "", Markup.Escape(figure.Name), Number(figure.A, figure), Number(figure.B, figure), Signed(figure.Difference, figure),
                    figure is { Low: { } low, High: { } high } ? $"{Signed(low, figure)} to {Signed(high, figure)}" : "-", figure.P?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "-");
        output.Write(table);
        foreach (var task in comparison)
        {
            Console.WriteLine($"{task.Task}: {task.Items:N0} items, {task.Better.Count:N0} better, {task.Worse.Count:N0} worse, {task.OtherAnswers:N0} answered in other words");
            List("better", task.Better, items);
            List("worse", task.Worse, items);
        }
        return 0;

        static string Named(EvaluationResult result, string path) => $"{path}: {result.Model.Name}, {result.Rules}{(result.Blind ? ", blind" : "")}";

        static string Number(double value, FigureDifference figure) => figure.Scale == 1 ? ResultTable.Percent(value) : value.ToString("0.0", CultureInfo.InvariantCulture);

        static string Signed(double value, FigureDifference figure) => (figure.Scale == 1 ? 100 * value : value).ToString(figure.Scale == 1 ? "+0.00;-0.00;0.00" : "+0.0;-0.0;0.0", CultureInfo.InvariantCulture);

        static void List(string kind, IReadOnlyList<ItemDifference> changed, int items)
        {
            foreach (var (id, expected, a, b) in changed.Take(items)) Console.WriteLine($"  {kind}  {Plain(id)}  expected {Short(expected)}, A {Short(a)}, B {Short(b)}");
            if (items > 0 && changed.Count > items) Console.WriteLine($"  ... and {changed.Count - items:N0} more");
        }

        static string Short(string text) => $"'{Plain(text.Length > 60 ? text[..60] + "..." : text)}'";

        // What a model says is no order to the terminal.
        static string Plain(string text) => string.Concat(text.ReplaceLineEndings(" ").Select(c => char.IsControl(c) ? ' ' : c));
    }
}
