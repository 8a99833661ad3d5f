using System.Text.Json;
using NanoVlm.Configuration;
using NanoVlm.Generation;
using NanoVlm.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>A golden folder of transformers: what the reference made of its inputs, and what the forward command makes of them.</summary>
internal sealed class HuggingFaceGolden : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly TemporaryFolder folder = new();

    public HuggingFaceGolden(string name)
    {
        Folder = RepositoryFiles.Golden(name);
        Inputs = Path.Combine(Folder, "expected.safetensors");
        Expected = Tensors(Inputs);
        Json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "expected.json"))).RootElement;
    }

    public static IEnumerable<string> Vision =>
        ["siglip-vision", "siglip-vision-noprefix", "dinov3-vits16plus-like", "dinov3-vits16-like", "vit", "clip-vision", "dinov2", "dinov2-registers"];

    public static IEnumerable<string> Decoders => ["llama-smollm2-like", "llama3-like", "gemma3-text"];

    public static IEnumerable<string> Multimodal => ["smolvlm-like", "gemma3-mm"];

    public static IEnumerable<string> All => [.. Vision, "siglip-full", .. Decoders, .. Multimodal];

    /// <summary>The model's folder; its file of inputs and outputs.</summary>
    public string Folder { get; }

    public string Inputs { get; }

    public Dictionary<string, Tensor> Expected { get; }

    public JsonElement Json { get; }

    /// <summary>What the forward command stores for the golden's own inputs, or for others.</summary>
    public Dictionary<string, Tensor> Run(ForwardPass pass, string? model = null, Dictionary<string, Tensor>? inputs = null)
    {
        if (inputs is not null) SafeTensorsWriter.Write(folder["in.safetensors"], inputs);
        pass.Run(model ?? Folder, inputs is null ? Inputs : folder["in.safetensors"], folder["out.safetensors"]);
        return Tensors(folder["out.safetensors"]);
    }

    /// <summary>A copy of the model with other weights, or with another of its config files.</summary>
    public string Variant(string name, Func<Dictionary<string, Tensor>, Dictionary<string, Tensor>>? weights = null, string config = VlmConfig.FileName)
    {
        var copy = Directory.CreateDirectory(folder[name]).FullName;
        File.Copy(Path.Combine(Folder, config), Path.Combine(copy, VlmConfig.FileName));
        var file = Path.Combine(Folder, ModelWeights.SingleFile);
        if (weights is null) File.Copy(file, Path.Combine(copy, ModelWeights.SingleFile));
        else SafeTensorsWriter.Write(Path.Combine(copy, ModelWeights.SingleFile), weights(Tensors(file)));
        return copy;
    }

    /// <summary>The model's weights in several files with an index.</summary>
    public string Sharded(int shards)
    {
        var copy = Directory.CreateDirectory(folder["shards"]).FullName;
        File.Copy(Path.Combine(Folder, VlmConfig.FileName), Path.Combine(copy, VlmConfig.FileName));
        var tensors = Tensors(Path.Combine(Folder, ModelWeights.SingleFile)).ToArray();
        var map = new Dictionary<string, string>();
        for (var i = 0; i < shards; i++)
        {
            var file = $"model-{i + 1:00000}-of-{shards:00000}.safetensors";
            var part = tensors.Where((_, number) => number % shards == i).ToDictionary(pair => pair.Key, pair => pair.Value);
            SafeTensorsWriter.Write(Path.Combine(copy, file), part);
            foreach (var name in part.Keys) map[name] = file;
        }
        File.WriteAllText(Path.Combine(copy, ModelWeights.IndexFile), JsonSerializer.Serialize(new { metadata = new { total_size = 0 }, weight_map = map }));
        return copy;
    }

    public static Dictionary<string, Tensor> Tensors(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return file.Names.ToDictionary(name => name, file.Tensor);
    }

    /// <summary>Which of the stored gradients is that of a module of transformers: names differ by what stands before.</summary>
    public static string Gradient(string module, IEnumerable<string> stored)
    {
        var wanted = Parts(module);
        return Assert.Single(stored, name => Parts(name) is var parts && (parts == wanted || parts == "vision_model." + wanted));

        static string Parts(string name) => string.Join('.', name.Split('.').Where(part => part != "model"));
    }

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }
}
