using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using NanoVlm;
using NanoVlm.Configuration;
using NanoVlm.Training.Commands;

// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
var root = new Command("nanovlm", "NanoVlm: train small vision-language models, and ask them.") { new HelpOption(), new VersionOption() };
TrainCommand.AddTo(root);
root.Subcommands.Add(TrainCommand.Create());
root.Subcommands.Add(GenerateCommand.Create());
root.Subcommands.Add(ForwardCommand.Create());
root.Subcommands.Add(PreprocessCommand.Create());
root.Subcommands.Add(TokenizeCommand.Create());
root.Subcommands.Add(DataCommand.Create());
root.Subcommands.Add(DownloadCommand.Create());
root.Subcommands.Add(AnalyzeCommand.Create());
root.Subcommands.Add(InspectCommand.Create());
root.Subcommands.Add(DoctorCommand.Create());

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors) Console.Error.WriteLine($"nanovlm: {error.Message}");
    var names = ""; // of the command and those it is of
    for (var command = parsed.CommandResult; command is not null && command.Command != root; command = command.Parent as CommandResult) names = $"{command.Command.Name} {names}";
    Console.Error.WriteLine($"nanovlm: see 'nanovlm {names}--help'");
    return 2;
}
try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (ConfigurationException e)
{
    Console.Error.WriteLine($"nanovlm: {e.Message}");
    return 2;
}
catch (NanoVlmException e)
{
    Console.Error.WriteLine($"nanovlm: {e.Message}");
    return 1;
}
catch (Exception e) when (e is not OutOfMemoryException)
{
    Console.Error.WriteLine($"nanovlm: this should not have happened; please report it:\n{e}");
    return 1;
}
