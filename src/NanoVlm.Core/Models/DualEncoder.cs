using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Vision;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>SigLIP whole: a vision tower and a text tower whose vectors are alike where image and text belong together (Zhai et al.,
/// "Sigmoid Loss for Language Image Pre-Training", 2023).</summary>
public sealed class DualEncoder : Module
{
    private readonly VisionTransformer vision_model;
    private readonly TextEncoder text_model;
    private readonly Parameter logit_scale; // [1], a logarithm
    private readonly Parameter logit_bias;  // [1]

    /// <param name="vision">The vision tower's architecture; it pools.</param>
    /// <param name="text">The text tower's.</param>
    public DualEncoder(VisionConfig vision, TextEncoderConfig text) : base(nameof(DualEncoder))
    {
        vision_model = new VisionTransformer(vision);
        text_model = new TextEncoder(text);
        logit_scale = Parameter(full(1, scalar(Math.Log(10)), ScalarType.Float32));
        logit_bias = Parameter(full(1, scalar(-10), ScalarType.Float32));
        RegisterComponents();
    }

    /// <summary>The vision tower.</summary>
    public VisionTransformer Vision => vision_model;

    /// <summary>The text tower.</summary>
    public TextEncoder Text => text_model;

    /// <summary>Vectors of images, of length 1.</summary>
    /// <param name="pixelValues">[N, 3, H, W].</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <returns>[N, hidden], float32.</returns>
    public Tensor EmbedImages(Tensor pixelValues, ScalarType dtype = ScalarType.Float32)
    {
        using var scope = NewDisposeScope();
        return Normalized(vision_model.Pool(vision_model.call(pixelValues, dtype))).MoveToOuterDisposeScope();
    }

    /// <summary>Vectors of texts, of length 1.</summary>
    /// <param name="inputIds">[B, T], Int64, padded to the length trained on.</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <returns>[B, hidden], float32.</returns>
    public Tensor EmbedTexts(Tensor inputIds, ScalarType dtype = ScalarType.Float32)
    {
        using var scope = NewDisposeScope();
        return Normalized(text_model.Pool(text_model.forward(inputIds, dtype))).MoveToOuterDisposeScope();
    }

    /// <summary>How well each image fits each text. The sigmoid of it is the probability that they belong together; zero-shot
    /// classification takes the text with the largest.</summary>
    /// <param name="imageEmbeds">[N, hidden].</param>
    /// <param name="textEmbeds">[B, hidden].</param>
    /// <returns>[N, B].</returns>
    public Tensor Logits(Tensor imageEmbeds, Tensor textEmbeds)
    {
        using var scope = NewDisposeScope();
        return (imageEmbeds.matmul(textEmbeds.t()) * logit_scale.exp()).plus(logit_bias).MoveToOuterDisposeScope();
    }

    /// <summary>A vector made of length 1, in float32.</summary>
    /// <param name="vectors">[N, hidden].</param>
    public static Tensor Normalized(Tensor vectors)
    {
        using var scope = NewDisposeScope();
        var wide = vectors.to(ScalarType.Float32);
        return (wide / wide.squared().sum(-1, true).sqrt()).MoveToOuterDisposeScope();
    }
}
