using System.CommandLine;
using NanoVlm.Evaluation.Running;

namespace NanoVlm.Evaluation.Commands;

/// <summary><c>rescore</c>: scores the answers of a result by other rules; needs neither model nor data.</summary>
internal static class RescoreCommand
{
    internal static Command Create()
    {
        var result = new Argument<string>("RESULT") { Description = "A file that eval wrote" };
        var rules = EvaluationCommands.RulesOption("The rules");
        rules.Required = true;
        var output = new Option<string?>("--output") { Description = "The new result's file; default: RESULT with the rules in its name", HelpName = "FILE" };
        var command = new Command("rescore", "Score the answers of a result by other rules, without the model") { result, rules, output };
        command.SetAction(parsed => Run(parsed.GetValue(result)!, parsed.GetValue(rules)!, parsed.GetValue(output)));
        return command;
    }

    private static int Run(string path, string name, string? output)
    {
        var rules = EvaluationCommands.RulesOf(name);
        var rescored = EvaluationResult.Load(path).Rescored(rules);
        output ??= System.IO.Path.ChangeExtension(path, null) + $".{rules.Name}.json";
        rescored.Save(output);
        StandardOutput.Open().Write(ResultTable.Of(rescored));
        Console.WriteLine($"result: {output}");
        return 0;
    }
}
