using System.Security.Cryptography;
using System.Text.Json;
using NanoVlm.Models;
using NanoVlm.Optimization;
using NanoVlm.Weights;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>
/// The files of a checkpoint beside the model's own: what a run needs to go on as if nothing had happened. <c>SHA256SUMS</c> is that of
/// <c>sha256sum</c>, and tells a damaged file from a whole one.
/// </summary>
internal static class TrainingCheckpoint
{
    internal const string StateFile = "trainer_state.json";
    internal const string OptimizerFile = "optimizer.safetensors";
    internal const string RandomFile = "rng.safetensors";

    /// <summary>The weights that are trained, where <c>model.safetensors</c> holds their moving average.</summary>
    internal const string TrainedWeightsFile = "trained_weights.safetensors";

    private const string SumsFile = "SHA256SUMS";

    /// <summary>A checkpoint's state.</summary>
    /// <exception cref="NanoVlmException">It has none, or one that cannot be read.</exception>
    internal static TrainingState State(string folder)
    {
        var path = Path.Combine(folder, StateFile);
        try
        {
            return JsonSerializer.Deserialize<TrainingState>(File.ReadAllBytes(path), Json.Indented) ?? throw new JsonException("null");
        }
        catch (FileNotFoundException)
        {
            throw new NanoVlmException($"{folder}: has no {StateFile}; it is a model, not a checkpoint that training can go on from. Name it as model.vision.pretrained and so on to begin from its weights.");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Writes the sums of all files in a folder.</summary>
    internal static void Seal(string folder)
    {
        var lines = Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Select(file => $"{Sum(file)}  {Path.GetFileName(file)}\n").ToArray();
        File.WriteAllText(Path.Combine(folder, SumsFile), string.Concat(lines));
    }

    /// <summary>Reads every file and compares it with its sum.</summary>
    /// <exception cref="NanoVlmException">A file is missing, cut short or changed; all are named.</exception>
    internal static void Verify(string folder)
    {
        var problems = new List<string>();
        try
        {
            var sums = Path.Combine(folder, SumsFile);
            if (!File.Exists(sums)) throw new NanoVlmException($"{folder}: has no {SumsFile}: it is not whole, or of an older version.");
            var lines = File.ReadAllLines(sums);
            foreach (var line in lines)
            {
                if (line.Length < 67 || line[64] != ' ')
                {
                    problems.Add($"{SumsFile} is damaged");
                    break;
                }
                var name = line[66..];
                var file = Path.Combine(folder, Path.GetFileName(name));
                if (!File.Exists(file)) problems.Add($"{name} is missing");
                else if (Sum(file) != line[..64]) problems.Add($"{name} is damaged (its SHA-256 is another than when it was written)");
            }
            foreach (var needed in new[] { StateFile, OptimizerFile, RandomFile, Checkpoint.WeightsFile })
                if (!lines.Any(line => line.EndsWith($"  {needed}", StringComparison.Ordinal))) problems.Add($"{SumsFile} does not name {needed}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add(e.Message);
        }
        if (problems.Count > 0) throw new NanoVlmException($"{folder}: the checkpoint is not whole: {string.Join("; ", problems)}.");
    }

    /// <summary>Restores an optimizer's moments and steps.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="optimizer">The optimizer, of some or all of the trained parameters.</param>
    /// <param name="trained">All parameters that are trained.</param>
    /// <param name="names">Their names.</param>
    /// <exception cref="NanoVlmException">The file has other parameters than are trained; all are listed.</exception>
    internal static void LoadOptimizer(string folder, FusedAdamW optimizer, IEnumerable<Parameter> trained, IReadOnlyDictionary<Parameter, string> names)
    {
        using var scope = NewDisposeScope();
        using var file = SafeTensorsFile.Open(Path.Combine(folder, OptimizerFile));
        var stored = file.Names.Where(name => name.EndsWith(".step", StringComparison.Ordinal)).Select(name => name[..^5]).ToHashSet();
        var strangers = stored.Except(trained.Select(parameter => names[parameter])).ToArray();
        if (strangers.Length > 0)
            throw new NanoVlmException($"{file.Path}: has moments of {string.Join(", ", strangers)}, which this run does not train. Is it the model, and are the same parts frozen?");
        foreach (var parameter in optimizer.parameters())
            if (names[parameter] is var name && stored.Contains(name)) // else it has not had a gradient yet
                optimizer.LoadState(parameter, file.Tensor(name + ".step").to(ScalarType.Int64).item<long>(), file.Tensor(name + ".exp_avg"), file.Tensor(name + ".exp_avg_sq"));
    }

    /// <summary>
    /// Restores the state of a rank's random numbers on the CPU; a rank that was not there goes on with its seed's. CUDA's are seeded anew at each step
    /// (<see cref="TrainingStep"/>): states of them that older versions have stored are passed over.
    /// </summary>
    internal static void LoadRandom(string folder, int rank = 0)
    {
        using var scope = NewDisposeScope();
        using var file = SafeTensorsFile.Open(Path.Combine(folder, RandomFile));
        if (file.Names.Contains($"cpu.{rank}")) set_rng_state(file.Tensor($"cpu.{rank}").clone());
    }

    private static string Sum(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 20, FileOptions.SequentialScan);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
