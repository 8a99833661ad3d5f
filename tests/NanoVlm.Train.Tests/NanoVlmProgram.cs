using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using NanoVlm.Evaluation.Commands;
using NanoVlm.Training.Commands;

namespace NanoVlm.Training.Tests;

/// <summary>The built program as a child process.</summary>
internal sealed class NanoVlmProgram : IDisposable
{
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(15); // for a loaded machine; nothing waits for it to pass

    private readonly Process process;
    private readonly StringBuilder output = new(), error = new();
    private readonly List<(string Text, TaskCompletionSource Seen)> awaited = [];

    private static string File => Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "NanoVlm.Train.exe" : "NanoVlm.Train");

    private NanoVlmProgram(string folder, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? file = null)
    {
        var start = new ProcessStartInfo(file ?? File, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["DOTNET_TieredPGO"] = "0"; // it would pay after minutes
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Take(output, line.Data);
        process.ErrorDataReceived += (_, line) => Take(error, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Starts it in a folder.</summary>
    public static NanoVlmProgram Start(string folder, params IEnumerable<string> arguments) => new(folder, arguments);

    /// <summary>Starts it in a folder with other environment variables.</summary>
    public static NanoVlmProgram Start(string folder, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments) => new(folder, arguments, environment);

    /// <summary>Runs it to its end.</summary>
    public static ProgramResult Run(string folder, params IEnumerable<string> arguments)
    {
        using var program = Start(folder, arguments);
        return program.Finish();
    }

    /// <summary>Runs its command line in this process: for what it answers at once. Results that go to standard output elsewhere do so here, too; help is caught.</summary>
    public static ProgramResult Answer(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return new ProgramResult(CommandLineProgram.Run(NanoVlmCommand.Create(), arguments, output, error), output.ToString(), error.ToString());
    }

    /// <summary>Runs it to its end on what it reads from standard input.</summary>
    public static ProgramResult Run(string folder, byte[] input, params IEnumerable<string> arguments)
    {
        using var program = Start(folder, arguments);
        program.process.StandardInput.BaseStream.Write(input);
        program.process.StandardInput.Close();
        return program.Finish();
    }

    /// <summary>Runs a shell's script, in which <c>$NANOVLM</c> is the program, to its end.</summary>
    public static ProgramResult Shell(string folder, string script)
    {
        using var shell = new NanoVlmProgram(folder, ["-c", script], new Dictionary<string, string> { ["NANOVLM"] = File }, "/bin/sh");
        return shell.Finish();
    }

    /// <summary>Runs another program to its end.</summary>
    public static ProgramResult RunOther(string file, string folder, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        using var program = new NanoVlmProgram(folder, arguments, environment, file);
        return program.Finish();
    }

    /// <summary>Waits for a line of standard error that contains the text.</summary>
    public async Task Says(string text)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (awaited)
        {
            if (error.ToString().Contains(text, StringComparison.Ordinal)) return;
            awaited.Add((text, seen));
        }
        await seen.Task.WaitAsync(Patience);
    }

    /// <summary>The process.</summary>
    public int Id => process.Id;

    /// <summary>Whether it has not ended yet.</summary>
    public bool IsRunning => !process.HasExited;

    /// <summary>Sends a signal; nothing where it has ended.</summary>
    public void Signal(int number)
    {
        if (IsRunning) _ = Posix.kill(process.Id, number);
    }

    /// <summary>Ends it at once, as a crash or a power cut does.</summary>
    public void Kill()
    {
        process.Kill(); // nothing where it has ended
        process.WaitForExit();
    }

    /// <summary>What it has said on standard error so far.</summary>
    public string Error
    {
        get
        {
            lock (awaited) return error.ToString();
        }
    }

    /// <summary>Waits for its end.</summary>
    public ProgramResult Finish()
    {
        Assert.True(process.WaitForExit(Patience), "The program did not end.");
        process.WaitForExit(); // the last lines too
        lock (awaited) return new ProgramResult(process.ExitCode, output.ToString(), error.ToString());
    }

    public void Dispose()
    {
        if (!process.HasExited) process.Kill(entireProcessTree: true);
        process.Dispose();
    }

    private void Take(StringBuilder text, string? line)
    {
        if (line is null) return;
        lock (awaited)
        {
            text.Append(line).Append('\n');
            if (text == error)
                foreach (var (part, seen) in awaited)
                    if (line.Contains(part, StringComparison.Ordinal)) seen.TrySetResult();
        }
    }

    private static partial class Posix
    {
        [DllImport("libc", SetLastError = true)]
        internal static extern int kill(int process, int signal);
    }
}

/// <summary>How the program ended and what it said.</summary>
internal sealed record ProgramResult(int ExitCode, string Output, string Error)
{
    /// <summary>Asserts the exit code, and that all of these are in standard error.</summary>
    public void Failed(int exitCode, params ReadOnlySpan<string> said)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode}\n{Error}\n{Output}");
        foreach (var text in said) Assert.Contains(text, Error);
        Assert.DoesNotContain("   at ", Error); // no stack trace
    }

    /// <summary>Asserts success and gives standard output.</summary>
    public string Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Error}\n{Output}");
        return Output;
    }
}
