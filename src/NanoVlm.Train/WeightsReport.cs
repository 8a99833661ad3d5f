using System.Text.Json.Nodes;
using NanoVlm.Weights;

namespace NanoVlm.Training;

/// <summary>What stored weights hold, by their headers alone.</summary>
internal sealed record WeightsReport(
    string Path, JsonObject? Config, JsonObject Metadata, IReadOnlyList<FileReport> Files, IReadOnlyList<TensorReport> Tensors,
    IReadOnlyList<TypeReport> Types, long Parameters, long Bytes, long BytesToTrain)
{
    /// <summary>What training takes, where the folder is a vision-language model.</summary>
    public MemoryReport? Memory { get; init; }

    // A parameter in training: float32 weight, gradient and AdamW's two moments.
    private const int BytesToTrainOne = 16;

    /// <summary>Reads the headers. Tensors come in their natural order: layer 2 before layer 10.</summary>
    internal static WeightsReport Of(string path, JsonObject? config)
    {
        using var weights = ModelWeights.Open(path);
        var files = weights.Names.CountBy(weights.FileOf).ToDictionary();
        var tensors = weights.Names.Order(NaturalOrder.Instance).Select(name => weights[name]).ToArray();
        var types = tensors.GroupBy(tensor => tensor.DType).OrderByDescending(group => group.Sum(tensor => tensor.ByteLength));
        return new WeightsReport(
            weights.Path, config,
            new JsonObject(weights.Metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
            [.. weights.Files.Select(file => new FileReport(file, files.GetValueOrDefault(file), new FileInfo(file).Length))],
            [.. tensors.Select(tensor => new TensorReport(tensor.Name, tensor.DType.ToString(), tensor.Shape, tensor.ByteLength, weights.FileOf(tensor.Name)))],
            [.. types.Select(group => new TypeReport(group.Key.ToString(), group.Count(), group.Sum(Elements), group.Sum(tensor => tensor.ByteLength)))],
            tensors.Sum(Elements), weights.TotalBytes, BytesToTrainOne * tensors.Where(IsFloat).Sum(Elements));
    }

    private static long Elements(TensorInfo tensor) => tensor.ByteLength / tensor.DType.ByteSize();

    private static bool IsFloat(TensorInfo tensor) => tensor.DType.ToString().Contains('F');
}

/// <summary>A safetensors file; bytes as on disk.</summary>
internal sealed record FileReport(string Path, int Tensors, long Bytes);

/// <summary>A tensor and the file it is in.</summary>
internal sealed record TensorReport(string Name, string Dtype, IReadOnlyList<long> Shape, long Bytes, string File);

/// <summary>All tensors of one element type.</summary>
internal sealed record TypeReport(string Dtype, int Tensors, long Parameters, long Bytes);
