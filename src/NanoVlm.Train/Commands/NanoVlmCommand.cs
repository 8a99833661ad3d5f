using System.CommandLine;
using System.CommandLine.Help;
using NanoVlm.Evaluation.Commands;

namespace NanoVlm.Training.Commands;

/// <summary>The program's command line: <c>train</c> by default, and the other commands.</summary>
internal static class NanoVlmCommand
{
    internal static Command Create()
    {
        var root = new Command("nanovlm", "NanoVlm: train small vision-language models, and ask them.") { new HelpOption(), new VersionOption() };
        TrainCommand.AddTo(root);
        root.Subcommands.Add(TrainCommand.Create());
        root.Subcommands.Add(GenerateCommand.Create());
        root.Subcommands.Add(ChatCommand.Create());
        foreach (var command in EvaluationCommands.All) root.Subcommands.Add(command);
        root.Subcommands.Add(ForwardCommand.Create());
        root.Subcommands.Add(PreprocessCommand.Create());
        root.Subcommands.Add(TokenizeCommand.Create());
        root.Subcommands.Add(DataCommand.Create());
        root.Subcommands.Add(DownloadCommand.Create());
        root.Subcommands.Add(AnalyzeCommand.Create());
        root.Subcommands.Add(InspectCommand.Create());
        root.Subcommands.Add(DoctorCommand.Create());
        return root;
    }
}
