using Spectre.Console;

namespace NanoVlm.Evaluation;

/// <summary>Where results go: in colour on a terminal, plain and wide elsewhere.</summary>
internal static class StandardOutput
{
    internal static IAnsiConsole Open()
    {
        var settings = new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) };
        if (!Console.IsOutputRedirected) return AnsiConsole.Create(settings);
        settings.Ansi = AnsiSupport.No;
        settings.ColorSystem = ColorSystemSupport.NoColors;
        var plain = AnsiConsole.Create(settings);
        plain.Profile.Width = 200;
        return plain;
    }
}
