using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace NanoVlm.Evaluation.Running;

/// <summary>
/// Several processes on this machine that each do a share of an evaluation: this program again, with <c>--share I/N</c>. They tell of their batches on standard
/// output and end when this process does, however that ends.
/// </summary>
internal static class EvaluationShares
{
    private const string ChildVariable = "NANOVLM_EVALUATION_SHARE";

    /// <summary>Whether this process is such a share.</summary>
    internal static bool IsChild => Environment.GetEnvironmentVariable(ChildVariable) == "1";

    /// <summary>Runs the shares.</summary>
    /// <param name="count">How many.</param>
    /// <param name="arguments">This program's arguments without <c>--nproc</c> and <c>--restart</c>.</param>
    /// <param name="progress">Hears of batches. From any thread.</param>
    /// <param name="warn">Hears what the shares say on standard error. From any thread.</param>
    /// <param name="cancellation">Asks them to stop after their batch.</param>
    /// <exception cref="NanoVlmException">A share failed; the others were stopped.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal static void Run(int count, IReadOnlyList<string> arguments, Action<EvaluationProgress> progress, Action<string> warn, CancellationToken cancellation)
    {
        var program = Environment.ProcessPath!;
        string[] before = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        var children = new List<Process>();
        var failed = 0;
        try
        {
            for (var share = 0; share < count; share++)
            {
                var start = new ProcessStartInfo(program, [.. before, .. arguments, "--share", $"{share}/{count}"])
                {
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                };
                start.Environment[ChildVariable] = "1";
                start.Environment.TryAdd("OMP_NUM_THREADS", Math.Max(1, Environment.ProcessorCount / count).ToString(CultureInfo.InvariantCulture));
                var child = new Process { StartInfo = start };
                child.OutputDataReceived += (_, line) =>
                {
                    if (line.Data is not null) progress(JsonSerializer.Deserialize<EvaluationProgress>(line.Data, EvaluationJson.Line)!);
                };
                child.ErrorDataReceived += (_, line) =>
                {
                    if (line.Data is not null) warn(line.Data);
                };
                child.Start();
                children.Add(child);
                child.BeginOutputReadLine();
                child.BeginErrorReadLine();
            }
            using var onCancel = cancellation.Register(() => Stop(children));
            var ended = children.Select((child, share) => End(child, share)).ToArray();
            Task.WhenAll(ended).GetAwaiter().GetResult();
        }
        finally
        {
            foreach (var child in children)
            {
                if (!child.HasExited) child.Kill();
                child.Dispose();
            }
        }
        cancellation.ThrowIfCancellationRequested();

        async Task End(Process child, int share)
        {
            await child.WaitForExitAsync().ConfigureAwait(false); // its last lines too
            if (child.ExitCode == 0 || cancellation.IsCancellationRequested || Interlocked.Exchange(ref failed, 1) == 1) return;
            Stop(children);
            throw new NanoVlmException($"share {share} of {count} (process {child.Id}) ended with exit code {child.ExitCode}; its messages are above. What is answered is kept: go on with the same command.");
        }
    }

    /// <summary>In a share: tells of a batch.</summary>
    internal static void Tell(EvaluationProgress batch) => Console.WriteLine(JsonSerializer.Serialize(batch, EvaluationJson.Line));

    /// <summary>In a share: cancels when the process that started it closes its standard input, or is gone.</summary>
    internal static void HeedParent(CancellationTokenSource cancellation) => Task.Run(() =>
    {
        var buffer = new byte[1];
        using var input = Console.OpenStandardInput();
        while (input.Read(buffer) > 0)
        {
            // Nothing is said; the end is what counts.
        }
        cancellation.Cancel();
    });

    private static void Stop(List<Process> children)
    {
        foreach (var child in children) child.StandardInput.Close(); // HeedParent; on every system, where a signal would be for some
    }
}
