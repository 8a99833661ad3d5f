using System.Globalization;
using System.Runtime.InteropServices;
using NanoVlm.Configuration;
using NanoVlm.Training.Distributed;
using TorchSharp;

namespace NanoVlm.Training.Tests.Distributed;

/// <summary>This assembly as a program: one rank that plays scenarios, or <c>launch N SCENARIO+...</c>.</summary>
internal static partial class RankProgram
{
    // Short enough for a test, long beside what a loaded machine delays a thread by.
    internal static readonly RankTimes Times = new()
    {
        Join = TimeSpan.FromSeconds(60),
        Hang = TimeSpan.FromSeconds(6),
        Death = TimeSpan.FromSeconds(4),
        Beat = TimeSpan.FromSeconds(0.2),
    };

    private static int Main(string[] arguments)
    {
        torch.set_num_threads(1);
        try
        {
            if (arguments[0] == "launch")
                return LocalLaunch.RunThisProgram(int.Parse(arguments[1], CultureInfo.InvariantCulture), arguments[2..]);
            var times = arguments is [_, "--join", var seconds]
                ? Times with { Join = TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture)) }
                : Times;
            using var ranks = RankGroup.Join(RankEnvironment.Read(), times) ?? throw new NanoVlmException("One process only.");
            try
            {
                foreach (var scenario in arguments[0].Split('+')) Scenarios.All[scenario](ranks);
                ranks.Barrier("the end");
            }
            catch (Exception error) when (error is not NanoVlmException)
            {
                ranks.Fail(error.Message);
                throw;
            }
            return 0;
        }
        catch (ConfigurationException error)
        {
            Console.Error.WriteLine(error.Message);
            return 2;
        }
        catch (Exception error)
        {
            Console.Error.WriteLine(error is NanoVlmException ? error.Message : error.ToString());
            return 1;
        }
    }

    /// <summary>Ends this process as the system does, or stops it for good.</summary>
    internal static void Raise(int signal)
    {
        _ = kill(Environment.ProcessId, signal);
        Thread.Sleep(Timeout.Infinite);
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
