using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using NanoVlm.Training.Distributed;

namespace NanoVlm.Training.Tests.Distributed;

/// <summary>Starts ranks as processes, and ends them with the test.</summary>
public abstract class RankProcesses : IDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(3); // for a loaded machine; nothing waits for it to pass
    private readonly List<Process> started = [];

    public void Dispose()
    {
        foreach (var process in started)
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            process.Dispose();
        }
    }

    // Every rank of a scenario; this process serves the store, as torchrun does. One rank may never end.
    private protected async Task<(int Code, string Said)[]> Play(string scenario, int size, int except = -1)
    {
        using var store = new TcpStoreServer(IPAddress.Loopback, 0);
        var ranks = Enumerable.Range(0, size).Select(rank => Start(rank, size, store.Port, scenario)).ToArray();
        return await Task.WhenAll(ranks.Select((rank, number) => number == except ? Task.FromResult((0, "")) : End(rank)));
    }

    private protected Process Start(
        int rank, int size, int port, string scenario, string option = "", string value = "", bool served = true) => Start(Program, new()
        {
            ["RANK"] = $"{rank}",
            ["WORLD_SIZE"] = $"{size}",
            ["LOCAL_RANK"] = $"{rank}",
            ["LOCAL_WORLD_SIZE"] = $"{size}",
            ["MASTER_ADDR"] = "127.0.0.1",
            ["MASTER_PORT"] = $"{port}",
            ["TORCHELASTIC_USE_AGENT_STORE"] = served ? "True" : "False",
        }, option.Length > 0 ? [scenario, option, value] : [scenario]);

    private protected static string Program => Path.Combine(AppContext.BaseDirectory, "NanoVlm.Train.Tests");

    private protected Process Start(params string[] arguments) => Start(Program, [], arguments);

    private protected Process Start(string program, Dictionary<string, string> environment, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        start.Environment["OMP_NUM_THREADS"] = "1";
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var process = Process.Start(start)!;
        started.Add(process);
        return process;
    }

    private protected static async Task<(int Code, string Said)> End(Process process)
    {
        var said = new System.Text.StringBuilder();
        process.ErrorDataReceived += (_, line) => { lock (said) said.AppendLine(line.Data); };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        await process.WaitForExitAsync().WaitAsync(patience);
        lock (said) return (process.ExitCode, said.ToString());
    }
}
