using System.Text.Json;
using NanoVlm.Models;
using NanoVlm.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>A golden model folder: its model, its inputs and what the reference made of them.</summary>
internal sealed class ModelGolden : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly SafeTensorsFile expected;
    private readonly Kernel kernel;
    private readonly LoadedModel loaded;

    public ModelGolden(string name, bool fused)
    {
        kernel = Kernel.Fused(fused);
        expected = SafeTensorsFile.Open(RepositoryFiles.Golden($"{name}/expected.safetensors"));
        Json = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.Golden($"{name}/expected.json"))).RootElement;
        loaded = Checkpoint.Load(RepositoryFiles.Golden(name));
    }

    public VisionLanguageModel Model => loaded.Model;

    public JsonElement Json { get; }

    public IEnumerable<string> Names => expected.Names;

    public Tensor this[string name] => expected.Tensor(name);

    public Tensor? Find(string name) => expected.Contains(name) ? expected.Tensor(name) : null;

    public void Dispose()
    {
        loaded.Dispose();
        expected.Dispose();
        scope.Dispose();
        kernel.Dispose();
    }
}

/// <summary>How near two tensors must be.</summary>
internal static class Near
{
    /// <summary>No element differs by more than the tolerance times the largest expected value.</summary>
    public static void Equal(Tensor expected, Tensor actual, double tolerance, string what = "")
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Assert.Equal(expected.shape, actual.shape);
        if (expected.numel() == 0) return;
        var (wide, other) = (expected.to(ScalarType.Float64), actual.to(ScalarType.Float64));
        var largest = wide.abs().max().ToDouble();
        var distance = (wide - other).abs().max().ToDouble();
        Assert.True(distance <= tolerance * largest, $"{what}: off by {distance:g3}, {distance / largest:g3} of the largest value {largest:g3}; allowed {tolerance:g1}");
    }

    public static void Equal(double expected, double actual, double tolerance, string what = "") =>
        Assert.True(Math.Abs(expected - actual) <= tolerance * Math.Abs(expected), $"{what}: {actual}, expected {expected} within {tolerance:g1}");
}
