using System.CommandLine;
using NanoVlm.Evaluation.Running;

namespace NanoVlm.Evaluation.Commands;

/// <summary><c>results</c>: a page of results, with their figures and items.</summary>
internal static class ResultsCommand
{
    internal static Command Create()
    {
        var results = new Argument<string[]>("RESULT") { Description = "Files that eval wrote", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--output") { Description = "The page", Required = true, HelpName = "FILE.html" };
        var command = new Command("results", "Write a page with the figures and items of results") { results, output };
        command.SetAction(parsed =>
        {
            ResultsPage.Write(parsed.GetValue(output)!, [.. parsed.GetValue(results)!.Select(path => (path, EvaluationResult.Load(path)))]);
            Console.WriteLine($"page: {parsed.GetValue(output)}");
            return 0;
        });
        return command;
    }
}
