using System.CommandLine;
using System.CommandLine.Help;
using NanoVlm.Evaluation.Commands;

// `eval` alone, with the commands on its results: dotnet run --project src/NanoVlm.Eval -- --model DIR --tasks A,B
var root = new Command("nanovlm-eval", "Score a vision-language model on benchmarks.") { new HelpOption(), new VersionOption() };
EvalCommand.AddTo(root);
foreach (var command in EvaluationCommands.All) root.Subcommands.Add(command);
return CommandLineProgram.Run(root, args);
