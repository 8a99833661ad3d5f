using NanoVlm.Layers;
using NanoVlm.Models;
using NanoVlm.Tests.Models;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Vision;

[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class AttentionProbabilitiesTests
{
    public static TheoryData<string, bool> Towers
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var name in HuggingFaceGolden.Vision)
                foreach (var fused in new[] { false, true })
                    data.Add(name, fused);
            return data;
        }
    }

    [Theory, MemberData(nameof(Towers))]
    public void Taking_values_by_them_is_what_every_block_s_attention_does(string name, bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var golden = new HuggingFaceGolden(name);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var tower = Pretrained.LoadVisionTower(golden.Folder);
        var modules = tower.named_modules().ToDictionary(pair => pair.name, pair => pair.module);
        foreach (var key in golden.Expected.Keys.Where(key => key.EndsWith("input.pixel_values", StringComparison.Ordinal)))
        {
            var pixels = golden.Expected[key];
            var states = new List<Tensor>();
            var patches = tower.Patches(tower.forward(pixels, ScalarType.Float32, states), pixels);
            var rotation = modules.TryGetValue("rotary_embd", out var rotary) ? ((RotaryEmbedding2D)rotary).Angles(patches.Rows, patches.Columns, CPU) : ((Tensor, Tensor)?)null;
            for (var i = 0; i < tower.Config.NumHiddenLayers; i++)
            {
                var attention = (EncoderAttention)modules[$"blocks.{i}.attn"];
                var x = ((LayerNorm)modules[$"blocks.{i}.ln1"]).call(states[i], ScalarType.Float32);
                var probabilities = tower.AttentionProbabilities(i, states[i], pixels); // [N, H, T, T]
                Near.Equal(ones_like(probabilities).sum(-1) / x.shape[1], probabilities.sum(-1), 1e-5, "a row's sum");

                var (size, heads) = (tower.Config.HiddenSize, tower.Config.NumAttentionHeads);
                var values = x.matmul(attention.get_parameter("qkv_proj.weight")!.narrow(0, 2 * size, size).t());
                if ((attention.get_parameter("v_bias") ?? attention.get_parameter("qkv_proj.bias")?.narrow(0, 2 * size, size)) is { } bias) values = values + bias;
                var taken = probabilities.matmul(values.view(x.shape[0], x.shape[1], heads, size / heads).transpose(1, 2)).transpose(1, 2).flatten(2);
                var output = taken.matmul(attention.get_parameter("out_proj.weight")!.t());
                if (attention.get_parameter("out_proj.bias") is { } outBias) output = output + outBias;
                Near.Equal(attention.forward(x, rotation), output, 1e-5, $"block {i}");
            }
            foreach (var state in states) state.Dispose();
        }
    }
}
