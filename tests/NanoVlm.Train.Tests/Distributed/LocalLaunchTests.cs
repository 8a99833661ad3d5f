using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace NanoVlm.Training.Tests.Distributed;

public sealed class LocalLaunchTests : RankProcesses
{
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(3);

    [RanksFact]
    public async Task The_launcher_runs_all_ranks()
    {
        var (code, said) = await End(Start("launch", "3", "sums"));
        Assert.True(code == 0, said);
    }

    [RanksFact]
    public async Task The_launcher_shows_what_a_failed_rank_said_last()
    {
        var (code, said) = await End(Start("launch", "3", "failing"));
        Assert.Equal(1, code);
        Assert.Contains("[rank 1] System.InvalidOperationException: the data of step 5 is gone", said);
        Assert.DoesNotContain("[rank 2]", said); // it repeats what rank 0 says
        Assert.Contains("ended with exit code 1: rank 1 failed: the data of step 5 is gone; stopping the other ranks", said);
    }

    [RanksFact]
    public async Task The_launcher_names_a_rank_that_died_and_stops_the_others()
    {
        var watch = Stopwatch.StartNew();
        var (code, said) = await End(Start("launch", "3", "killed"));
        Assert.Equal(128 + 9, code);
        Assert.Matches(@"nanovlm: rank 1 \(process \d+\) was killed by SIGKILL.*; stopping the other ranks", said);
        Assert.Matches(@"(?m)^Rank 1 \(process \d+\) was killed by SIGKILL", said); // rank 0 itself
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"It took {watch.Elapsed}.");
    }

    [RanksFact]
    public async Task A_signal_to_the_launcher_ends_all_ranks()
    {
        var launcher = Start("launch", "2", "long");
        var working = new TaskCompletionSource<int>();
        launcher.ErrorDataReceived += (_, line) =>
        {
            if (line.Data?.StartsWith("rank 0 is at work as ", StringComparison.Ordinal) == true)
                working.TrySetResult(int.Parse(line.Data.Split(' ')[^1], CultureInfo.InvariantCulture));
        };
        var ended = End(launcher);
        var rank0 = await working.Task.WaitAsync(patience);
        Assert.Equal(0, Posix.kill(launcher.Id, 2));
        Assert.Equal(128 + 15, (await ended).Code);
        Assert.NotEqual(0, Posix.kill(rank0, 0)); // gone
    }

    private static class Posix
    {
        [DllImport("libc")]
        internal static extern int kill(int process, int signal);
    }
}
