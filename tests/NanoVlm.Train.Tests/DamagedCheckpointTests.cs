using System.Text.Json.Nodes;
using NanoVlm.Weights;
using static TorchSharp.torch;

namespace NanoVlm.Training.Tests;

[Collection(nameof(TinyRun))]
public sealed class DamagedCheckpointTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string model;

    public DamagedCheckpointTests(TinyRun run)
    {
        model = folder["model"];
        TinyRun.CopyCheckpoint(run, model);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(1000)]
    [InlineData(100_000)]
    public void Truncated_weights_are_refused_with_the_file_s_name(int length)
    {
        using (var file = File.OpenWrite(Weights)) file.SetLength(length);
        Ask().Failed(1, "model.safetensors");
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    public void A_missing_file_is_named(string name)
    {
        File.Delete(Path.Combine(model, name));
        var result = Ask();
        Assert.InRange(result.ExitCode, 1, 2);
        result.Failed(result.ExitCode, name);
    }

    [Fact]
    public void A_missing_folder_is_named() => NanoVlmProgram.Run(folder.Path, "generate", "--model", "nowhere", "--prompt", "x").Failed(1, "nowhere", "config.json");

    [Fact]
    public void A_misshapen_tensor_is_named_with_both_shapes()
    {
        Edit(config => config["lm_inter_dim"] = 80);
        Ask().Failed(1, "model.safetensors", "decoder.blocks.0.mlp.gate_proj.weight has shape [64, 32], expected [80, 32]");
    }

    [Fact]
    public void Missing_and_unexpected_tensors_are_listed_together()
    {
        Edit(config => config["lm_n_blocks"] = 2);
        SafeTensorsWriter.Write(Weights, WithoutPositions());
        Ask().Failed(1, "decoder.blocks.1.mlp.gate_proj.weight is missing", "patch_embedding.position_embedding is missing", "vision_encoder.positions is unexpected");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    public void A_damaged_configuration_is_named(string text)
    {
        File.WriteAllText(Path.Combine(model, "config.json"), text);
        Ask().Failed(2, "config.json");
    }

    public void Dispose() => folder.Dispose();

    private string Weights => Path.Combine(model, "model.safetensors");

    private Dictionary<string, Tensor> WithoutPositions()
    {
        using var file = SafeTensorsFile.Open(Weights);
        return file.Names.ToDictionary(name => name == "vision_encoder.patch_embedding.position_embedding" ? "vision_encoder.positions" : name, file.Tensor);
    }

    private ProgramResult Ask() => NanoVlmProgram.Run(folder.Path, "generate", "--model", model, "--prompt", "x", "--greedy");

    private void Edit(Action<JsonNode> change)
    {
        var path = Path.Combine(model, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        change(config);
        File.WriteAllText(path, config.ToJsonString());
    }
}
