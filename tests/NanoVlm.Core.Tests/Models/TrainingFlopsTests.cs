using NanoVlm.Configuration;
using NanoVlm.Models;

namespace NanoVlm.Tests.Models;

public class TrainingFlopsTests
{
    private static readonly VlmConfig config = RunConfig.Load().ToVlmConfig(600);

    [Fact]
    public void A_token_costs_six_operations_a_weight_of_the_decoder_s_matrices()
    {
        var language = config.Language();
        double h = language.HiddenSize, q = language.NumAttentionHeads * language.HeadDim, k = language.NumKeyValueHeads * language.HeadDim;
        var weights = language.NumHiddenLayers * (2 * h * q + 2 * h * k + 3 * h * language.IntermediateSize);
        var flops = new TrainingFlops(config);
        var twice = flops.Of([1, 1], 0, 0); // two texts of a token: next to no attention
        Assert.Equal(12 * weights, twice, 1e-2 * twice);
        Assert.Equal(6 * h * language.VocabSize, flops.Of([], 0, 1));
    }

    [Fact]
    public void Attention_grows_with_the_square_of_a_text_and_not_of_its_row()
    {
        var flops = new TrainingFlops(config);
        var language = config.Language();
        var one = flops.Of([512], 0, 0) - 2 * flops.Of([256], 0, 0);
        Assert.Equal(3.0 * language.NumHiddenLayers * 2 * language.NumAttentionHeads * language.HeadDim * (512.0 * 512 - 2 * 256 * 256), one, 1);
    }

    [Fact]
    public void A_tower_costs_six_operations_a_weight_and_patch_and_a_third_when_frozen()
    {
        var vision = config.Vision();
        double h = vision.HiddenSize, patches = Math.Pow(vision.ImageSize / vision.PatchSize, 2);
        var matrices = vision.NumHiddenLayers * (4 * h * h + 2 * h * vision.IntermediateSize) + 3 * h * vision.PatchSize * vision.PatchSize;
        var attention = 3 * vision.NumHiddenLayers * 4 * patches * patches * h;
        var tile = new TrainingFlops(config, trainsProjector: false, trainsLanguage: false).Of([], 1, 0);
        var projector = tile - new TrainingFlops(config, trainsProjector: false, trainsLanguage: false, trainsVision: false).Of([], 1, 0) - 2.0 / 3 * (6 * patches * matrices + attention);
        Assert.InRange(projector, 0, 0.2 * tile); // gradients pass through it to the tower
    }
}
