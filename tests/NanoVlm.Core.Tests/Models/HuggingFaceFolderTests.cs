using NanoVlm.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>However a model's folder is laid out, it is the same model.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class HuggingFaceFolderTests
{
    public static TheoryData<string> Models => [.. HuggingFaceGolden.All];

    public static TheoryData<string> Respelt => [.. HuggingFaceGolden.Decoders, .. HuggingFaceGolden.Multimodal];

    [Theory, MemberData(nameof(Respelt))]
    public void The_newer_spelling_of_a_config_is_the_same_model_bit_for_bit(string name)
    {
        using var golden = new HuggingFaceGolden(name);
        Same(golden.Run(new ForwardPass()), golden.Run(new ForwardPass(), golden.Variant("v5", config: "config.v5.json")));
    }

    [Theory, MemberData(nameof(Models))]
    public void Weights_in_bfloat16_give_what_the_rounded_weights_in_float32_give(string name)
    {
        using var golden = new HuggingFaceGolden(name);
        var half = golden.Variant("bf16", weights => weights.ToDictionary(pair => pair.Key, pair => pair.Value.to(ScalarType.BFloat16)));
        var rounded = golden.Variant("rounded", weights => weights.ToDictionary(pair => pair.Key, pair => pair.Value.to(ScalarType.BFloat16).to(ScalarType.Float32)));
        var results = golden.Run(new ForwardPass(), half);
        Same(golden.Run(new ForwardPass(), rounded), results);
        Assert.Contains(golden.Run(new ForwardPass()), pair => !pair.Value.bytes.SequenceEqual(results[pair.Key].bytes)); // the weights were rounded indeed
    }

    [Theory, MemberData(nameof(Models))]
    public void Weights_in_shards_are_the_weights_of_one_file_bit_for_bit(string name)
    {
        using var golden = new HuggingFaceGolden(name);
        Same(golden.Run(new ForwardPass()), golden.Run(new ForwardPass(), golden.Sharded(3)));
    }

    // Idefics3 has SmolVLM's parts and names.
    [Fact]
    public void An_Idefics3_is_read_as_the_SmolVLM_of_its_weights()
    {
        using var golden = new HuggingFaceGolden("smolvlm-like");
        var idefics = golden.Variant("idefics3");
        var config = Path.Combine(idefics, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("smolvlm_vision", "idefics3_vision").Replace("\"smolvlm\"", "\"idefics3\"").Replace("SmolVLMFor", "Idefics3For"));
        Same(golden.Run(new ForwardPass()), golden.Run(new ForwardPass(), idefics));
    }

    private static void Same(Dictionary<string, Tensor> expected, Dictionary<string, Tensor> actual)
    {
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        foreach (var (name, tensor) in expected)
            Assert.True(tensor.bytes.SequenceEqual(actual[name].bytes), name);
    }
}
