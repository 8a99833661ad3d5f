using NanoVlm.Generation;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>SigLIP whole, as a classifier without training and as something to train.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class DualEncoderTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void The_sigmoid_of_a_logit_is_the_probability_that_image_and_text_belong_together(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var golden = new HuggingFaceGolden("siglip-full");
        using var model = Pretrained.LoadDualEncoder(golden.Folder);
        var (images, texts) = (model.EmbedImages(golden.Expected["input.pixel_values"]), model.EmbedTexts(golden.Expected["input.input_ids"]));
        Near.Equal(ones(2), images.square().sum(-1), 1e-5, "lengths of images");
        Near.Equal(ones(3), texts.square().sum(-1), 1e-5, "lengths of texts");
        var chances = model.Logits(images, texts).sigmoid();
        var (scale, bias) = (Stored("logit_scale"), Stored("logit_bias"));
        for (var image = 0; image < 2; image++)
            for (var text = 0; text < 3; text++)
            {
                var cosine = (golden.Expected["output.image_embeds"][image].to(ScalarType.Float64) * golden.Expected["output.text_embeds"][text].to(ScalarType.Float64)).sum().ToDouble();
                Assert.Equal(1 / (1 + Math.Exp(-(cosine * Math.Exp(scale) + bias))), chances[image, text].ToDouble(), 1e-5);
            }
        Assert.Equal(golden.Expected["output.logits_per_image"].argmax(-1).data<long>().ToArray(), chances.argmax(-1).data<long>().ToArray());

        double Stored(string name) => model.get_parameter(name)!.ToDouble();
    }

    [Fact]
    public void An_image_by_itself_has_the_vector_that_it_has_in_a_batch()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var golden = new HuggingFaceGolden("siglip-full");
        using var model = Pretrained.LoadDualEncoder(golden.Folder);
        var (pixels, ids) = (golden.Expected["input.pixel_values"], golden.Expected["input.input_ids"]);
        Near.Equal(model.EmbedImages(pixels).narrow(0, 1, 1), model.EmbedImages(pixels.narrow(0, 1, 1)), 1e-5);
        Near.Equal(model.EmbedTexts(ids).narrow(0, 2, 1), model.EmbedTexts(ids.narrow(0, 2, 1)), 1e-5);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Padding_is_seen_as_it_was_trained_unless_a_mask_hides_it(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = Pretrained.LoadDualEncoder(RepositoryFiles.Golden("siglip-full"));
        var text = tensor(new long[] { 5, 6, 7, 1, 1 }, [1, 5]);
        var mask = tensor(new long[] { 1, 1, 1, 0, 0 }, [1, 5]);
        var alone = Words(text.narrow(1, 0, 3), null);
        Near.Equal(alone, Words(text, mask), 1e-5);
        Assert.True((alone - Words(text, null)).abs().max().ToDouble() > 1e-3);

        Tensor Words(Tensor ids, Tensor? visible) => model.Text.forward(ids, ScalarType.Float32, visible).narrow(1, 0, 3);
    }

    [Fact]
    public void A_cotangent_takes_the_place_of_the_loss()
    {
        using var golden = new HuggingFaceGolden("siglip-full");
        using var generator = new Generator(1);
        var (pixels, ids) = (golden.Expected["input.pixel_values"], golden.Expected["input.input_ids"]);
        const string norm = "text_model.final_layer_norm.bias";
        var cotangent = randn([.. ids.shape, golden.Expected["output.text_embeds"].shape[1]], generator: generator);
        var results = golden.Run(new ForwardPass { Gradients = ["all"] }, inputs: new()
        {
            ["text.input.input_ids"] = ids,
            ["text.input.cotangent"] = cotangent,
            ["image.input.pixel_values"] = pixels,
            ["image.input.cotangent"] = ones(pixels.shape[0], 16, 48),
        });
        Near.Equal(cotangent.sum([0, 1]), results["text.grad." + norm], 1e-5);
        Near.Equal(full(48, pixels.shape[0] * 16f), results["image.grad.vision_model.post_layernorm.bias"], 1e-5);
        Assert.Equal(0, results["image.grad." + norm].abs().sum().ToDouble());
    }

    [Fact]
    public void A_text_longer_than_there_are_positions_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = Pretrained.LoadDualEncoder(RepositoryFiles.Golden("siglip-full"));
        Assert.Contains("have 13 tokens; there are positions for 12", Assert.Throws<ArgumentException>(() => model.EmbedTexts(ones(1, 13, ScalarType.Int64))).Message);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Training_brings_pairs_together(bool sigmoid)
    {
        using var golden = new HuggingFaceGolden("siglip-full");
        using var model = Pretrained.LoadDualEncoder(golden.Folder);
        using var optimizer = optim.AdamW(model.parameters(), 3e-3);
        var (pixels, ids) = (golden.Expected["input.pixel_values"], golden.Expected["input.input_ids"].narrow(0, 0, 2));
        var losses = new List<double>();
        var live = 0L;
        for (var step = 0; step < 12; step++)
        {
            using (NewDisposeScope())
            {
                var logits = model.Logits(model.EmbedImages(pixels), model.EmbedTexts(ids));
                var loss = sigmoid ? ContrastiveLoss.Sigmoid(logits) : ContrastiveLoss.InfoNce(logits);
                loss.backward();
                optimizer.step();
                optimizer.zero_grad();
                losses.Add(loss.ToDouble());
            }
            if (step == 1) live = LeakCheck.LiveTensors();
        }
        LeakCheck.AssertNoneSince(live, "A step");
        Assert.True(losses[^1] < losses[0] / 2, $"the loss went from {losses[0]} to {losses[^1]}");
    }
}
