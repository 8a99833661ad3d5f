using System.CommandLine;
using System.CommandLine.Parsing;
using NanoVlm.Configuration;

namespace NanoVlm.Evaluation.Commands;

/// <summary>Runs a command line. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.</summary>
internal static class CommandLineProgram
{
    internal static int Run(Command root, string[] args)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors) Console.Error.WriteLine($"nanovlm: {error.Message}");
            var names = root.Name; // of the command, and of those it is of
            for (var (command, at) = (parsed.CommandResult, root.Name.Length); command is not null && command.Command != root; command = command.Parent as CommandResult)
                names = names.Insert(at, $" {command.Command.Name}");
            Console.Error.WriteLine($"nanovlm: see '{names} --help'");
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
    }
}
