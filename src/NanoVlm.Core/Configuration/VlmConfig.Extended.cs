using System.ComponentModel.DataAnnotations;

namespace NanoVlm.Configuration;

// Keys for architectures that nanoVLM does not have, in its style. Each default is what nanoVLM does, and a default is not written:
// a checkpoint of SigLIP and Llama stays one that nanoVLM reads.
public sealed partial record VlmConfig
{
    /// <summary>How patches know where they are.</summary>
    [Extended] public PositionEmbedding VitPositionEmbedding { get; init; }

    /// <summary>As <see cref="VisionConfig.PositionAntialias"/>.</summary>
    [Extended] public bool VitPositionAntialias { get; init; }

    /// <summary>Whether a CLS token stands before the patches; the projector leaves it out.</summary>
    [Extended] public bool VitClassToken { get; init; }

    /// <summary>As <see cref="VisionConfig.DistillationToken"/>.</summary>
    [Extended] public bool VitDistillationToken { get; init; }

    /// <summary>Register tokens before the patches; the projector leaves them out.</summary>
    [Extended, Range(0, int.MaxValue)] public int VitNumRegisterTokens { get; init; }

    /// <summary>As <see cref="VisionConfig.PatchBias"/>.</summary>
    [Extended] public bool VitPatchBias { get; init; } = true;

    /// <summary>As <see cref="VisionConfig.PreNorm"/>.</summary>
    [Extended] public bool VitPreNorm { get; init; }

    /// <summary>As <see cref="VisionConfig.PostNorm"/>.</summary>
    [Extended] public bool VitPostNorm { get; init; } = true;

    /// <summary>As <see cref="VisionConfig.QkvBias"/>.</summary>
    [Extended] public ProjectionBias VitQkvBias { get; init; }

    /// <summary>As <see cref="VisionConfig.OutputBias"/>.</summary>
    [Extended] public bool VitOutputBias { get; init; } = true;

    /// <summary>As <see cref="VisionConfig.MlpBias"/>.</summary>
    [Extended] public bool VitMlpBias { get; init; } = true;

    /// <summary>As <see cref="VisionConfig.LayerScale"/>.</summary>
    [Extended] public bool VitLayerScale { get; init; }

    /// <summary>As <see cref="VisionConfig.HiddenAct"/>.</summary>
    [Extended] public Activation VitHiddenAct { get; init; } = Activation.GeluTanh;

    /// <summary>As <see cref="VisionConfig.GatedMlp"/>.</summary>
    [Extended] public bool VitGatedMlp { get; init; }

    /// <summary>As <see cref="VisionConfig.DropPath"/>.</summary>
    [Extended, Range(0.0, 1.0, MaximumIsExclusive = true)] public double VitDropPath { get; init; }

    /// <summary>As <see cref="VisionConfig.RopeTheta"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double VitRopeTheta { get; init; } = 100;

    /// <summary>As <see cref="VisionConfig.RopeShift"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double? VitRopeShift { get; init; }

    /// <summary>As <see cref="VisionConfig.RopeJitter"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double? VitRopeJitter { get; init; }

    /// <summary>As <see cref="VisionConfig.RopeRescale"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double? VitRopeRescale { get; init; }

    /// <summary>The size of a head; null: <see cref="LmHiddenDim"/> / <see cref="LmNHeads"/>.</summary>
    [Extended, Range(1, int.MaxValue)] public int? LmHeadDim { get; init; }

    /// <summary>As <see cref="LanguageConfig.HiddenAct"/>.</summary>
    [Extended] public Activation LmHiddenAct { get; init; } = Activation.Silu;

    /// <summary>The rule of <see cref="LanguageConfig.RopeScaling"/>.</summary>
    [Extended] public RopeType LmRopeType { get; init; } = RopeType.Nanovlm;

    /// <summary>As <see cref="RopeScaling.Factor"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double LmRopeFactor { get; init; } = 1;

    /// <summary>As <see cref="RopeScaling.LowFreqFactor"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double LmRopeLowFreqFactor { get; init; } = 1;

    /// <summary>As <see cref="RopeScaling.HighFreqFactor"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double LmRopeHighFreqFactor { get; init; } = 4;

    /// <summary>As <see cref="RopeScaling.OriginalMaxPositionEmbeddings"/>.</summary>
    [Extended, Range(1, int.MaxValue)] public int? LmRopeOriginalMaxPositionEmbeddings { get; init; }

    /// <summary>As <see cref="LanguageConfig.RopeLocalTheta"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double? LmRopeLocalBase { get; init; }

    /// <summary>As <see cref="LanguageConfig.NormUnitOffset"/>.</summary>
    [Extended] public bool LmNormUnitOffset { get; init; }

    /// <summary>As <see cref="LanguageConfig.SandwichNorm"/>.</summary>
    [Extended] public bool LmSandwichNorm { get; init; }

    /// <summary>As <see cref="LanguageConfig.QkNorm"/>.</summary>
    [Extended] public bool LmQkNorm { get; init; }

    /// <summary>As <see cref="LanguageConfig.EmbeddingScale"/>.</summary>
    [Extended] public bool LmEmbeddingScale { get; init; }

    /// <summary>As <see cref="LanguageConfig.QueryPreAttnScalar"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double? LmQueryPreAttnScalar { get; init; }

    /// <summary>As <see cref="LanguageConfig.SlidingWindow"/>.</summary>
    [Extended, Range(1, int.MaxValue)] public int? LmSlidingWindow { get; init; }

    /// <summary>As <see cref="LanguageConfig.LayerTypes"/>.</summary>
    [Extended] public IReadOnlyList<LayerType> LmLayerTypes { get; init; } = [];

    /// <summary>As <see cref="LanguageConfig.AttentionBias"/>.</summary>
    [Extended] public bool LmAttentionBias { get; init; }

    /// <summary>As <see cref="LanguageConfig.MlpBias"/>.</summary>
    [Extended] public bool LmMlpBias { get; init; }

    /// <summary>As <see cref="LanguageConfig.FinalLogitSoftcapping"/>.</summary>
    [Extended, Range(0.0, double.MaxValue, MinimumIsExclusive = true)] public double? LmFinalLogitSoftcapping { get; init; }

    /// <summary>Whether the tokens of an image see each other in both directions (Gemma-3).</summary>
    [Extended] public bool LmBidirectionalImages { get; init; }

    /// <summary>What carries image features into the language model.</summary>
    [Extended] public ProjectorKind MpKind { get; init; }

    /// <summary>The vision tower's architecture.</summary>
    public VisionConfig Vision() => new()
    {
        HiddenSize = VitHiddenDim,
        IntermediateSize = VitInterDim,
        NumHiddenLayers = VitNBlocks,
        NumAttentionHeads = VitNHeads,
        PatchSize = VitPatchSize,
        ImageSize = VitImgSize,
        LayerNormEps = VitLnEps,
        Dropout = VitDropout,
        DropPath = VitDropPath,
        PositionEmbedding = VitPositionEmbedding,
        PositionAntialias = VitPositionAntialias,
        ClassToken = VitClassToken,
        DistillationToken = VitDistillationToken,
        NumRegisterTokens = VitNumRegisterTokens,
        PatchBias = VitPatchBias,
        PreNorm = VitPreNorm,
        PostNorm = VitPostNorm,
        QkvBias = VitQkvBias,
        OutputBias = VitOutputBias,
        MlpBias = VitMlpBias,
        LayerScale = VitLayerScale,
        HiddenAct = VitHiddenAct,
        GatedMlp = VitGatedMlp,
        RopeTheta = VitRopeTheta,
        RopeShift = VitRopeShift,
        RopeJitter = VitRopeJitter,
        RopeRescale = VitRopeRescale,
    };

    /// <summary>The language model's architecture.</summary>
    public LanguageConfig Language() => new()
    {
        VocabSize = LmVocabSize,
        HiddenSize = LmHiddenDim,
        IntermediateSize = LmInterDim,
        NumHiddenLayers = LmNBlocks,
        NumAttentionHeads = LmNHeads,
        NumKeyValueHeads = LmNKvHeads,
        HeadDim = LmHeadDim ?? LmHiddenDim / LmNHeads,
        MaxPositionEmbeddings = LmMaxPositionEmbeddings,
        RopeTheta = LmReBase,
        RopeScaling = new RopeScaling(LmRopeType, LmRopeFactor, LmRopeLowFreqFactor, LmRopeHighFreqFactor, LmRopeOriginalMaxPositionEmbeddings),
        RopeLocalTheta = LmRopeLocalBase,
        AttentionScaling = LmAttnScaling,
        RmsNormEps = LmRmsEps,
        NormUnitOffset = LmNormUnitOffset,
        SandwichNorm = LmSandwichNorm,
        QkNorm = LmQkNorm,
        EmbeddingScale = LmEmbeddingScale,
        QueryPreAttnScalar = LmQueryPreAttnScalar,
        SlidingWindow = LmSlidingWindow,
        LayerTypes = LmLayerTypes,
        HiddenAct = LmHiddenAct,
        AttentionBias = LmAttentionBias,
        MlpBias = LmMlpBias,
        TieWordEmbeddings = LmTieWeights,
        FinalLogitSoftcapping = LmFinalLogitSoftcapping,
        Dropout = LmDropout,
    };

    /// <summary>This configuration with another vision tower.</summary>
    /// <param name="vision">The tower's architecture.</param>
    public VlmConfig With(VisionConfig vision) => this with
    {
        VitHiddenDim = vision.HiddenSize,
        VitInterDim = vision.IntermediateSize,
        VitNBlocks = vision.NumHiddenLayers,
        VitNHeads = vision.NumAttentionHeads,
        VitPatchSize = vision.PatchSize,
        VitImgSize = vision.ImageSize,
        VitLnEps = vision.LayerNormEps,
        VitDropout = vision.Dropout,
        VitDropPath = vision.DropPath,
        VitPositionEmbedding = vision.PositionEmbedding,
        VitPositionAntialias = vision.PositionAntialias,
        VitClassToken = vision.ClassToken,
        VitDistillationToken = vision.DistillationToken,
        VitNumRegisterTokens = vision.NumRegisterTokens,
        VitPatchBias = vision.PatchBias,
        VitPreNorm = vision.PreNorm,
        VitPostNorm = vision.PostNorm,
        VitQkvBias = vision.QkvBias,
        VitOutputBias = vision.OutputBias,
        VitMlpBias = vision.MlpBias,
        VitLayerScale = vision.LayerScale,
        VitHiddenAct = vision.HiddenAct,
        VitGatedMlp = vision.GatedMlp,
        VitRopeTheta = vision.RopeTheta,
        VitRopeShift = vision.RopeShift,
        VitRopeJitter = vision.RopeJitter,
        VitRopeRescale = vision.RopeRescale,
    };

    /// <summary>This configuration with another language model, whose vocabulary is all base vocabulary.</summary>
    /// <param name="language">The decoder's architecture.</param>
    public VlmConfig With(LanguageConfig language) => this with
    {
        LmBaseVocabSize = language.VocabSize,
        ExtraTokenAmount = 0,
        LmVocabSize = language.VocabSize,
        LmHiddenDim = language.HiddenSize,
        LmInterDim = language.IntermediateSize,
        LmNBlocks = language.NumHiddenLayers,
        LmNHeads = language.NumAttentionHeads,
        LmNKvHeads = language.NumKeyValueHeads,
        LmHeadDim = language.HeadDim * language.NumAttentionHeads == language.HiddenSize ? null : language.HeadDim,
        LmMaxPositionEmbeddings = language.MaxPositionEmbeddings,
        LmReBase = language.RopeTheta == (int)language.RopeTheta ? (int)language.RopeTheta
            : throw new NanoVlmException($"A rope_theta of {language.RopeTheta} cannot be written as lm_re_base, which is a whole number."),
        LmRopeType = language.RopeScaling.Type,
        LmRopeFactor = language.RopeScaling.Factor,
        LmRopeLowFreqFactor = language.RopeScaling.LowFreqFactor,
        LmRopeHighFreqFactor = language.RopeScaling.HighFreqFactor,
        LmRopeOriginalMaxPositionEmbeddings = language.RopeScaling.OriginalMaxPositionEmbeddings,
        LmRopeLocalBase = language.RopeLocalTheta,
        LmAttnScaling = language.AttentionScaling,
        LmRmsEps = language.RmsNormEps,
        LmNormUnitOffset = language.NormUnitOffset,
        LmSandwichNorm = language.SandwichNorm,
        LmQkNorm = language.QkNorm,
        LmEmbeddingScale = language.EmbeddingScale,
        LmQueryPreAttnScalar = language.QueryPreAttnScalar,
        LmSlidingWindow = language.SlidingWindow,
        LmLayerTypes = language.LayerTypes,
        LmHiddenAct = language.HiddenAct,
        LmAttentionBias = language.AttentionBias,
        LmMlpBias = language.MlpBias,
        LmTieWeights = language.TieWordEmbeddings,
        LmFinalLogitSoftcapping = language.FinalLogitSoftcapping,
        LmDropout = language.Dropout,
    };
}
