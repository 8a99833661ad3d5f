using NanoVlm.Configuration;
using NanoVlm.Training.Distributed;

namespace NanoVlm.Training.Tests.Distributed;

public sealed class RankEnvironmentTests
{
    [Theory]
    [InlineData("RANK=0", "WORLD_SIZE: is not set", "MASTER_ADDR: is not set", "MASTER_PORT: is not set")]
    [InlineData("WORLD_SIZE=2", "RANK: is not set")]
    [InlineData("MASTER_ADDR=a MASTER_PORT=1", "RANK: is not set", "WORLD_SIZE: is not set")]
    [InlineData("RANK=2 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=1", "RANK: is '2'; expected a whole number from 0 to 1")]
    [InlineData("RANK=x WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=1", "RANK: is 'x'")]
    [InlineData("RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=70000", "MASTER_PORT: is '70000'")]
    [InlineData("SLURM_PROCID=0 SLURM_NTASKS=4", "MASTER_ADDR: is not set", "scontrol show hostnames", "unset SLURM_NTASKS")]
    public void An_environment_that_is_set_by_half_is_refused(string variables, params string[] said)
    {
        var error = Assert.Throws<ConfigurationException>(() => RankEnvironment.Read(Variables(variables)));
        foreach (var text in said) Assert.Contains(text, error.Message);
    }

    [Fact]
    public void The_environment_of_each_launcher_is_understood()
    {
        Assert.Null(RankEnvironment.Read(_ => null));
        Assert.Null(RankEnvironment.Read(Variables("RANK=0 WORLD_SIZE=1")));
        Assert.Null(RankEnvironment.Read(Variables("SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_LOCALID=0")));
        var slurm = RankEnvironment.Read(Variables("SLURM_PROCID=3 SLURM_NTASKS=4 SLURM_LOCALID=1 MASTER_ADDR=node1 MASTER_PORT=29500"))!;
        Assert.Equal((3, 4, 1), (slurm.Rank, slurm.WorldSize, slurm.LocalRank));
        Assert.Equal(("node1", 29500, false), (slurm.MasterAddress, slurm.MasterPort, slurm.LauncherServes));
        var torchrun = RankEnvironment.Read(Variables(
            "RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 MASTER_ADDR=::1 MASTER_PORT=1 TORCHELASTIC_USE_AGENT_STORE=True " +
            "TORCHELASTIC_RESTART_COUNT=2 SLURM_PROCID=0 SLURM_NTASKS=1"))!;
        Assert.Equal((1, 2, true), (torchrun.Rank, torchrun.WorldSize, torchrun.LauncherServes));
        Assert.Equal((true, 2), (torchrun.OneMachine!.Value, torchrun.Attempt));
        var job = RankEnvironment.Read(Variables("RANK=0 WORLD_SIZE=3 MASTER_ADDR=localhost MASTER_PORT=23456"))!;
        Assert.Equal((0, null), (job.LocalRank, job.OneMachine));
    }

    private static Func<string, string?> Variables(string text)
    {
        var all = text.Split(' ').ToDictionary(pair => pair.Split('=')[0], pair => pair.Split('=', 2)[1]);
        return name => all.GetValueOrDefault(name);
    }
}
