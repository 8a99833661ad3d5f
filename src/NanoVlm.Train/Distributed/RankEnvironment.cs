using System.Globalization;
using NanoVlm.Configuration;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// This process's place among those of a run, as launchers tell it: the variables of torchrun and PyTorchJob, or Slurm's.
/// </summary>
internal sealed record RankEnvironment
{
    /// <summary>This process's number, from 0.</summary>
    public required int Rank { get; init; }

    /// <summary>How many processes there are.</summary>
    public required int WorldSize { get; init; }

    /// <summary>This process's number on its machine, from 0: its CUDA device.</summary>
    public int LocalRank { get; init; }

    /// <summary>The host name or address where the processes meet.</summary>
    public required string MasterAddress { get; init; }

    /// <summary>The port there.</summary>
    public required int MasterPort { get; init; }

    /// <summary>Whether the launcher serves the store at that port, as torchrun does; otherwise rank 0 does.</summary>
    public bool LauncherServes { get; init; }

    /// <summary>Whether all processes are on this machine; null when the launcher did not say.</summary>
    public bool? OneMachine { get; init; }

    /// <summary>How often the launcher has started the processes again: the store may still hold what the earlier ones said.</summary>
    public int Attempt { get; init; }

    /// <summary>Reads the environment.</summary>
    /// <param name="variable">Gives a variable's value; this process's when null.</param>
    /// <returns>Null for a run of one process.</returns>
    /// <exception cref="ConfigurationException">Only some variables are set, or one has no sense.</exception>
    public static RankEnvironment? Read(Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        string? Get(string name) => variable(name) is { Length: > 0 } value ? value : null;

        // Slurm's own count where nobody set torchrun's.
        var slurm = Get("RANK") is null && Get("WORLD_SIZE") is null && Get("SLURM_PROCID") is not null && Get("SLURM_NTASKS") is not null;
        var (rankName, sizeName, localName) = slurm
            ? ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID")
            : ("RANK", "WORLD_SIZE", "LOCAL_RANK");
        if (((string[])[rankName, sizeName, localName, "MASTER_ADDR", "MASTER_PORT"]).All(name => Get(name) is null)) return null;

        var problems = new List<ConfigurationProblem>();
        var size = Number(sizeName, 1, int.MaxValue, $"how many processes the run has; {rankName} and {sizeName} go together");
        var rank = Number(rankName, 0, size - 1 ?? int.MaxValue, $"this process's number, from 0; {rankName} and {sizeName} go together");
        var local = Get(localName) is null ? 0 : Number(localName, 0, int.MaxValue, "this process's number on its machine, from 0");
        if (size == 1 && rank is not null && local is not null && problems.Count == 0) return null;
        var address = Get("MASTER_ADDR");
        if (address is null)
            problems.Add(new("MASTER_ADDR", "is not set: the host name or address of rank 0" + (!slurm ? "" :
                $". Slurm started {size} tasks; in the batch script: " +
                "export MASTER_ADDR=$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | head -n 1) MASTER_PORT=29500. " +
                "To train in one process: unset SLURM_NTASKS")));
        var port = Number("MASTER_PORT", 1, 65535, "a free port of rank 0's machine, the same for all processes");
        var onMachine = Get("LOCAL_WORLD_SIZE") is null
            ? null
            : Number("LOCAL_WORLD_SIZE", 1, int.MaxValue, "how many processes run on this machine");
        var attempt = Get("TORCHELASTIC_RESTART_COUNT") is null
            ? 0
            : Number("TORCHELASTIC_RESTART_COUNT", 0, int.MaxValue, "how often the launcher has started the processes again");
        if (problems.Count > 0) throw new ConfigurationException("the environment", problems);
        return new RankEnvironment
        {
            Rank = rank!.Value,
            WorldSize = size!.Value,
            LocalRank = local!.Value,
            MasterAddress = address!,
            MasterPort = port!.Value,
            LauncherServes = Get("TORCHELASTIC_USE_AGENT_STORE") == "True",
            OneMachine = onMachine is null ? null : onMachine == size,
            Attempt = attempt!.Value,
        };

        int? Number(string name, int least, int most, string means)
        {
            var range = most == int.MaxValue ? $"of at least {least}" : $"from {least} to {most}";
            if (Get(name) is not { } text)
                problems.Add(new(name, $"is not set: {means}"));
            else if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
                && value >= least && value <= most)
                return value;
            else
                problems.Add(new(name, $"is '{text}'; expected a whole number {range}: {means}"));
            return null;
        }
    }
}
