using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Several ranks on this machine: starts the program once for each, as torchrun does, with the same variables, and serves the store they
/// meet at. Rank 0 speaks for all; what the others said last is shown when they fail.
/// </summary>
internal sealed class LocalLaunch
{
    private const int LinesKept = 30;
    private const int Interrupted = 130;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10); // for the others to end by themselves after one has failed

    private readonly TcpStoreServer server;
    private readonly TcpStore store;
    private readonly Child[] children;

    private sealed record Child(int Rank, Process Process, Queue<string> Said);

    private LocalLaunch(int count, string program, IReadOnlyList<string> arguments)
    {
        var host = IPAddress.Loopback.ToString();
        server = new TcpStoreServer(IPAddress.Loopback, 0);
        store = new TcpStore(host, server.Port, TimeSpan.FromMinutes(1), "nanovlm/0/");
        children = new Child[count];
        try
        {
            for (var rank = 0; rank < count; rank++)
            {
                var quiet = rank > 0;
                var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = quiet, RedirectStandardError = quiet };
                // Each rank gets its share of the processors, unless the user says otherwise.
                start.Environment.TryAdd("OMP_NUM_THREADS", Text(Math.Max(1, Environment.ProcessorCount / count)));
                foreach (var name in new[] { "RANK", "LOCAL_RANK" }) start.Environment[name] = Text(rank);
                foreach (var name in new[] { "WORLD_SIZE", "LOCAL_WORLD_SIZE" }) start.Environment[name] = Text(count);
                start.Environment["MASTER_PORT"] = Text(server.Port);
                start.Environment["MASTER_ADDR"] = host;
                start.Environment["TORCHELASTIC_USE_AGENT_STORE"] = "True"; // this process serves the store
                start.Environment["TORCHELASTIC_RESTART_COUNT"] = "0";
                var child = children[rank] = new Child(rank, new Process { StartInfo = start }, []);
                child.Process.ErrorDataReceived += (_, line) => Keep(child, line.Data);
                child.Process.OutputDataReceived += (_, _) => { };
                child.Process.Start();
                if (rank == 0) continue;
                child.Process.BeginErrorReadLine();
                child.Process.BeginOutputReadLine();
            }
        }
        catch
        {
            foreach (var child in children.OfType<Child>()) Kill(child);
            store.Dispose();
            server.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether this process was started by a launcher that takes the terminal's Ctrl-C for all: it must heed SIGTERM alone.
    /// </summary>
    public static bool IsChild => Environment.GetEnvironmentVariable("TORCHELASTIC_USE_AGENT_STORE") == "True";

    /// <summary>Runs a program once for each rank. SIGINT and SIGTERM reach all of them as SIGTERM.</summary>
    /// <param name="count">How many ranks.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>0 when all ranks ended well, otherwise the exit code of the first that did not.</returns>
    public static int Run(int count, string program, IReadOnlyList<string> arguments)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (!OperatingSystem.IsLinux() || GlooLibrary.Missing is not null) throw new NanoVlmException($"--nproc: {GlooLibrary.Missing}.");
        var launch = new LocalLaunch(count, program, arguments);
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, launch.Pass);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, launch.Pass);
        return launch.Wait().GetAwaiter().GetResult();
    }

    /// <summary>Runs this program again, once for each rank, without the option that asked for it.</summary>
    /// <param name="count">How many ranks.</param>
    /// <param name="arguments">This program's arguments, without <c>--nproc</c>.</param>
    public static int RunThisProgram(int count, IReadOnlyList<string> arguments)
    {
        var host = Environment.ProcessPath!;
        var hosted = Path.GetFileNameWithoutExtension(host) == "dotnet"; // dotnet NanoVlm.Train.dll
        return Run(count, host, hosted ? [Environment.GetCommandLineArgs()[0], .. arguments] : arguments);
    }

    private async Task<int> Wait()
    {
        try
        {
            var running = children.ToDictionary(child => child.Process.WaitForExitAsync());
            var result = 0;
            var patience = Timeout.InfiniteTimeSpan;
            while (running.Count > 0)
            {
                var time = Task.Delay(patience);
                var ended = await Task.WhenAny(running.Keys.Append(time)).ConfigureAwait(false);
                if (ended == time)
                {
                    foreach (var child in running.Values)
                    {
                        Show(child);
                        Say($"rank {child.Rank} (process {child.Process.Id}) does not end; killing it");
                        Kill(child);
                    }
                    patience = Timeout.InfiniteTimeSpan;
                    continue;
                }
                running.Remove(ended, out var done);
                var code = done!.Process.ExitCode;
                if (code is 0 or Interrupted)
                {
                    if (result == 0) result = code;
                    continue;
                }
                if (result is 0 or Interrupted)
                {
                    (result, patience) = (code, Grace);
                    Report(done, code, running.Count);
                }
                // The others repeat what rank 0 says.
                if (store.GetText(RankWatch.VerdictKey)?.StartsWith($"rank {done.Rank} ", StringComparison.Ordinal) == true) Show(done);
            }
            return result;
        }
        finally
        {
            foreach (var child in children) child.Process.Dispose();
            store.Dispose();
            server.Dispose();
        }
    }

    // The first rank that ended badly: the others learn of it from the store, unless one of them has said why already.
    private void Report(Child child, int code, int others)
    {
        var how = Signals.TryGetValue(code - 128, out var signal) ? $"was killed by {signal}" : $"ended with exit code {Text(code)}";
        var text = $"rank {child.Rank} (process {child.Process.Id}) {how}";
        if (store.Add(RankWatch.VerdictCount, 1) == 1) store.Set(RankWatch.VerdictKey, text);
        else text = $"{text}: {store.GetText(RankWatch.VerdictKey)}";
        Say(others > 0 ? $"{text}; stopping the other {(others == 1 ? "rank" : "ranks")}" : text);
    }

    [SupportedOSPlatform("linux")]
    private void Pass(PosixSignalContext context)
    {
        context.Cancel = true;
        foreach (var child in children) Terminate(child);
    }

    private static void Show(Child child)
    {
        lock (child.Said)
        {
            while (child.Said.TryDequeue(out var line)) Console.Error.WriteLine($"[rank {child.Rank}] {line}");
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static void Say(string text) => Console.Error.WriteLine($"nanovlm: {text}");

    private static void Keep(Child child, string? line)
    {
        if (line is null) return;
        lock (child.Said)
        {
            child.Said.Enqueue(line);
            if (child.Said.Count > LinesKept) child.Said.Dequeue();
        }
    }

    private static void Kill(Child child)
    {
        try
        {
            child.Process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It was never started, or has ended.
        }
    }

    [SupportedOSPlatform("linux")]
    private static void Terminate(Child child)
    {
        if (!child.Process.HasExited) Posix.Terminate(child.Process.Id);
    }

    private static readonly Dictionary<int, string> Signals = new()
    {
        [4] = "SIGILL",
        [6] = "SIGABRT",
        [7] = "SIGBUS",
        [8] = "SIGFPE",
        [9] = "SIGKILL (out of memory?)",
        [11] = "SIGSEGV",
        [15] = "SIGTERM",
    };
}
