using System.Diagnostics;
using NanoVlm.Training.Distributed;

namespace NanoVlm.Training.Tests.Distributed;

public sealed class HostsTests : RankProcesses
{
    [HostsTheory]
    [InlineData("sums+gradients", "", new string[0])]
    [InlineData("long", "cut", new[]
    {
        "Rank 1 died or froze: no sign of life", "Rank 0 at 10.99.0.1:29500 has not answered", "rank 0: exit code 1", "rank 1: exit code 1",
    })]
    public async Task Hosts_with_addresses_of_their_own_train_together(string scenario, string wire, string[] said)
    {
        var script = RepositoryFiles.At("tests/NanoVlm.Train.Tests/Distributed/hosts.sh");
        var (code, heard) = await End(Start("unshare", [], ["-rnm", script, Program, scenario, wire]));
        Assert.True(code == 0, heard);
        foreach (var text in said) Assert.Contains(text, heard);
        if (said.Length == 0) Assert.DoesNotContain("exit code", heard);
    }

    // Where the system lets a user make network namespaces (in some containers it does not).
    private sealed class HostsTheoryAttribute : TheoryAttribute
    {
        private static readonly bool Possible = Can();

        public HostsTheoryAttribute()
        {
            if (GlooLibrary.Missing is { } missing) Skip = missing;
            else if (!Possible) Skip = "this system makes no network namespaces for this user, or has no iproute2";
        }

        private static bool Can()
        {
            try
            {
                const string command = "mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add a && nsenter --net=/run/netns/a true";
                var start = new ProcessStartInfo("unshare", ["-rnm", "sh", "-c", command]) { RedirectStandardError = true };
                using var process = Process.Start(start)!;
                process.StandardError.ReadToEnd();
                process.WaitForExit();
                return process.ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}
