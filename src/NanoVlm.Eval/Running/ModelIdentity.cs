using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using NanoVlm.Models;
using NanoVlm.Weights;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Running;

/// <summary>What a result says of the model that was asked.</summary>
internal static class ModelIdentity
{
    /// <summary>Names a model folder by its contents.</summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="dtype">The dtype of activations.</param>
    /// <exception cref="NanoVlmException">It has no weights or no configuration.</exception>
    public static EvaluatedModel Of(string folder, ScalarType dtype) => Of(folder, dtype, JsonNode.Parse(Checkpoint.Config(folder).ToJson())!.AsObject());

    internal static EvaluatedModel Of(string folder, ScalarType dtype, JsonObject config) => new()
    {
        Name = NameOf(folder),
        WeightsSha256 = WeightsSha256(folder),
        Precision = dtype == ScalarType.BFloat16 ? "bf16" : "fp32",
        Config = config,
    };

    /// <summary>The folder's name, behind that of the run that it is a checkpoint of; links are followed.</summary>
    internal static string NameOf(string folder)
    {
        var real = RealPath(folder);
        return RunOf(folder) is { } run ? $"{Path.GetFileName(run)}/{Path.GetFileName(real)}" : Path.GetFileName(real);
    }

    /// <summary>The folder of the run that a checkpoint lies in; null: it lies in none.</summary>
    internal static string? RunOf(string folder) => Path.GetDirectoryName(RealPath(folder)) is { } parent && File.Exists(Path.Combine(parent, "run.json")) ? parent : null;

    private static string RealPath(string folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return new DirectoryInfo(full).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? full;
    }

    private static string WeightsSha256(string folder)
    {
        string[] files;
        using (var weights = ModelWeights.Open(folder)) files = [.. weights.Files];
        return files.Length == 1 ? Sum(files[0])
            : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(files.Select(file => $"{Sum(file)}  {Path.GetFileName(file)}\n")))));

        static string Sum(string file)
        {
            using var stream = File.OpenRead(file);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
    }
}
