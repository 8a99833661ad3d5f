using NanoVlm.Configuration;

namespace NanoVlm.Bench;

/// <summary>A model and a batch, as pytorch_step.py has them.</summary>
/// <param name="Name">What that file calls it.</param>
/// <param name="Config">The architecture.</param>
/// <param name="Batch">Rows.</param>
/// <param name="Tokens">Of a row, an image's included.</param>
/// <param name="Answer">How many of them have a label; 0: all but the image's, in rows that are full.</param>
internal sealed record StepSizes(string Name, VlmConfig Config, int Batch, int Tokens, int Answer)
{
    /// <summary>The one that is called so.</summary>
    internal static StepSizes Find(string name) => name == Tiny.Name ? Tiny : NanoVlm222M;

    /// <summary>1.7 M parameters.</summary>
    internal static StepSizes Tiny { get; } = new("tiny", new VlmConfig
    {
        VitHiddenDim = 128,
        VitInterDim = 512,
        VitPatchSize = 8,
        VitImgSize = 64,
        VitNHeads = 4,
        VitNBlocks = 4,
        LmHiddenDim = 128,
        LmInterDim = 384,
        LmReBase = 10000,
        LmBaseVocabSize = 600,
        ExtraTokenAmount = 0,
        LmVocabSize = 600,
        LmNHeads = 4,
        LmNKvHeads = 2,
        LmNBlocks = 4,
        LmTieWeights = true,
        MpPixelShuffleFactor = 2,
        MpImageTokenLength = 16,
    }, Batch: 64, Tokens: 48, Answer: 12);

    /// <summary>SigLIP-B/16 at 224 pixels and SmolLM2-135M.</summary>
    internal static StepSizes NanoVlm222M { get; } = new("222m", new VlmConfig
    {
        VitHiddenDim = 768,
        VitInterDim = 3072,
        VitPatchSize = 16,
        VitImgSize = 224,
        VitNHeads = 12,
        VitNBlocks = 12,
        LmHiddenDim = 576,
        LmInterDim = 1536,
        LmReBase = 100000,
        LmBaseVocabSize = 49152,
        ExtraTokenAmount = 66,
        LmVocabSize = 49218,
        LmNHeads = 9,
        LmNKvHeads = 3,
        LmNBlocks = 30,
        LmTieWeights = true,
        MpPixelShuffleFactor = 2,
        MpImageTokenLength = 49,
    }, Batch: 4, Tokens: 128, Answer: 64);

    /// <summary>DINOv3 ViT-S+/16 at 512 pixels and Gemma-3-270m, as configs/dinov3_gemma.json joins them.</summary>
    internal static StepSizes Dinov3Gemma { get; } = new("dinov3_gemma", RunConfig.Parse("""
        { "model": { "projector": { "pixel_shuffle_factor": 4, "kind": "mlp" }, "image": { "tile_size": 512, "max_side": 1024 } }, "data": { "train": [ { "kind": "shapes" } ] } }
        """).ToVlmConfig(262144, HuggingFaceVision.Read(RealSize.Dinov3Config), HuggingFaceLanguage.Read(RealSize.Gemma3Config)), Batch: 2, Tokens: 256, Answer: 0);
}
