using NanoVlm.Configuration;
using NanoVlm.Layers;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Layers;

/// <summary>The parts of a block that are scaled and left out: LayerScale and stochastic depth.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class EncoderBlockTests
{
    private static readonly VisionConfig Config = new()
    {
        HiddenSize = 8,
        IntermediateSize = 12,
        NumHiddenLayers = 3,
        NumAttentionHeads = 2,
        PatchSize = 4,
        ImageSize = 16,
    };

    [Fact]
    public void In_evaluation_nothing_is_left_out()
    {
        using var scope = NewDisposeScope();
        using var dropping = Block(Config with { DropPath = 0.9 }, 2);
        using var whole = Block(Config, 2);
        dropping.eval();
        var x = Input(4);
        Assert.True(whole.forward(x).bytes.SequenceEqual(dropping.forward(x).bytes));
        Assert.True(dropping.forward(x).bytes.SequenceEqual(dropping.forward(x).bytes));
    }

    [Fact]
    public void In_training_the_same_seed_leaves_out_the_same()
    {
        using var scope = NewDisposeScope();
        using var block = Block(Config with { DropPath = 0.5 }, 2);
        var x = Input(16);
        Assert.True(Run(1).bytes.SequenceEqual(Run(1).bytes));
        Assert.False(Run(1).bytes.SequenceEqual(Run(2).bytes));

        Tensor Run(long seed)
        {
            manual_seed(seed);
            return block.forward(x);
        }
    }

    [Fact]
    public void The_first_block_is_never_left_out_and_the_middle_one_half_as_often_as_the_last()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        const int samples = 2000;
        var x = Input(samples);
        manual_seed(7);
        foreach (var (layer, rate) in new[] { (0, 0.0), (1, 0.3), (2, 0.6) })
        {
            using var block = Block(Config with { DropPath = 0.6 }, layer);
            var untouched = (block.forward(x) == x).flatten(1).all(1).sum().ToDouble() / samples;
            Assert.Equal(rate * rate, untouched, 0.04); // both parts left out; a deviation of 0.011 at most
        }
    }

    // Of one part alone: the second sees what the first gave, and is not linear in it.
    [Fact]
    public void What_is_kept_is_louder_by_as_much_as_is_left_out()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var block = Block(Config with { DropPath = 0.5, LayerScale = true }, 2);
        block.get_parameter("ls2")!.zero_(); // the MLP gives nothing
        var x = Input(1).expand(4000, -1, -1).contiguous();
        manual_seed(11);
        var mean = (block.forward(x) - x).mean([0]);
        block.eval();
        var whole = (block.forward(x) - x).mean([0]);
        Near.Equal(whole, mean, 0.06, "the mean over 4000 samples"); // a deviation of 0.016
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_layer_scale_of_ones_changes_nothing_and_of_zeros_leaves_the_input(bool gated)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var config = Config with { GatedMlp = gated, HiddenAct = gated ? Activation.Silu : Activation.Gelu };
        using var plain = Block(config, 0);
        using var scaled = Block(config with { LayerScale = true }, 0);
        var x = Input(2);
        scaled.get_parameter("ls1")!.fill_(1);
        scaled.get_parameter("ls2")!.fill_(1);
        Near.Equal(plain.forward(x), scaled.forward(x), 1e-6);
        scaled.get_parameter("ls1")!.zero_();
        scaled.get_parameter("ls2")!.zero_();
        Assert.True(x.bytes.SequenceEqual(scaled.forward(x).bytes));
    }

    [Theory, InlineData(ProjectionBias.All), InlineData(ProjectionBias.QueryValue), InlineData(ProjectionBias.None)]
    public void Only_the_projections_that_have_a_bias_have_one(ProjectionBias bias)
    {
        using var scope = NewDisposeScope();
        using var block = Block(Config with { QkvBias = bias, OutputBias = false, MlpBias = false }, 0);
        var names = block.named_parameters().Select(pair => pair.name).Where(name => name.Contains("bias", StringComparison.Ordinal) && !name.StartsWith("ln", StringComparison.Ordinal)).Order();
        Assert.Equal(bias switch
        {
            ProjectionBias.All => ["attn.qkv_proj.bias"],
            ProjectionBias.QueryValue => ["attn.q_bias", "attn.v_bias"],
            _ => new string[0],
        }, names);
    }

    private static EncoderBlock Block(VisionConfig config, int layer)
    {
        var block = new EncoderBlock(config, layer);
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        foreach (var (name, parameter) in block.named_parameters())
            if (!name.StartsWith("ls", StringComparison.Ordinal)) Drawn.Normal(parameter, 0, 0.5, generator);
        return block;
    }

    private static Tensor Input(int samples)
    {
        using var generator = new Generator(9);
        return randn([samples, 3, 8], generator: generator);
    }
}
