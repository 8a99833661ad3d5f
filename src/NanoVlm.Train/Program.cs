using System.CommandLine;
using NanoVlm;
using NanoVlm.Configuration;
using NanoVlm.Training.Commands;

// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
var root = new RootCommand("NanoVlm: train small vision-language models, and ask them.");
TrainCommand.AddTo(root);
root.Subcommands.Add(TrainCommand.Create());
root.Subcommands.Add(GenerateCommand.Create());
root.Subcommands.Add(ForwardCommand.Create());

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors) Console.Error.WriteLine($"nanovlm: {error.Message}");
    Console.Error.WriteLine($"nanovlm: see 'nanovlm {parsed.CommandResult.Command.Name} --help'".Replace(" NanoVlm.Train", "", StringComparison.Ordinal));
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
