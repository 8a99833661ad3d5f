using System.CommandLine;
using System.Text.Json;
using NanoVlm.Evaluation;
using Spectre.Console;

namespace NanoVlm.Training.Commands;

/// <summary><c>doctor</c>: what this machine has and lacks, what is slow, and how to mend it.</summary>
internal static class DoctorCommand
{
    internal static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON object" };
        var command = new Command("doctor", "Show what this machine has, what is slow or missing, and how to mend it") { json };
        command.SetAction(result => Run(result.GetValue(json)));
        return command;
    }

    private static int Run(bool json)
    {
        var findings = Diagnosis.OfThisMachine();
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(new { Findings = findings }, Json.Indented));
        else
            Show(findings);
        return findings.Any(f => f.State == FindingState.Missing) ? 1 : 0;
    }

    private static void Show(IReadOnlyList<Finding> findings)
    {
        var output = StandardOutput.Open();
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
        foreach (var finding in findings)
        {
            var (word, colour) = finding.State switch
            {
                FindingState.Ok => ("ok", Color.Green),
                FindingState.Slow => ("slow", Color.Yellow),
                FindingState.Missing => ("missing", Color.Red),
                _ => ("-", Color.Grey),
            };
            grid.AddRow(Line(word, new Style(colour)), Line(finding.Name), Line(finding.Value));
            if (finding.Mend is { } mend) grid.AddRow(Line(""), Line(""), Line(mend, new Style(colour)));
        }
        output.Write(grid);

        static Spectre.Console.Text Line(string text, Style? style = null) => new(text, style);
    }
}
