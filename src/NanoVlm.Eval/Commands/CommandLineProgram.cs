using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using NanoVlm.Configuration;

namespace NanoVlm.Evaluation.Commands;

/// <summary>Runs a command line. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.</summary>
internal static class CommandLineProgram
{
    private static readonly Encoding Utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <param name="root">The commands.</param>
    /// <param name="args">What was written behind the program's name.</param>
    /// <param name="output">Where the help goes; standard output.</param>
    /// <param name="error">Where failures go; standard error.</param>
    internal static int Run(Command root, string[] args, TextWriter? output = null, TextWriter? error = null)
    {
        if (OperatingSystem.IsWindows()) Console.OutputEncoding = Console.InputEncoding = Utf8; // its consoles and pipes begin with an older one
        error ??= Console.Error;
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var mistake in parsed.Errors) error.WriteLine($"nanovlm: {mistake.Message}");
            var names = root.Name; // of the command, and of those it is of
            for (var (command, at) = (parsed.CommandResult, root.Name.Length); command is not null && command.Command != root; command = command.Parent as CommandResult)
                names = names.Insert(at, $" {command.Command.Name}");
            error.WriteLine($"nanovlm: see '{names} --help'");
            return 2;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = output ?? Console.Out, Error = error });
        }
        catch (ConfigurationException e)
        {
            error.WriteLine($"nanovlm: {e.Message}");
            return 2;
        }
        catch (NanoVlmException e)
        {
            error.WriteLine($"nanovlm: {e.Message}");
            return 1;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            error.WriteLine($"nanovlm: this should not have happened; please report it:\n{e}");
            return 1;
        }
    }
}
