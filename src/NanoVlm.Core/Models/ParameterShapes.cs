using NanoVlm.Configuration;

namespace NanoVlm.Models;

/// <summary>A parameter by its shape alone.</summary>
/// <param name="Name">As in <see cref="VisionLanguageModel"/>.</param>
/// <param name="Shape">Its sizes.</param>
internal sealed record ParameterShape(string Name, params long[] Shape)
{
    /// <summary>How many numbers it has.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>The parameters that a model of an architecture has, without making one.</summary>
internal static class ParameterShapes
{
    /// <summary>All parameters; a head that is tied to the embedding is not counted twice.</summary>
    /// <param name="config">The architecture.</param>
    public static IReadOnlyList<ParameterShape> Of(VlmConfig config) =>
        [.. Vision(config.Vision()).Select(Under("vision_encoder")), .. Language(config.Language()).Select(Under("decoder")), .. Projector(config).Select(Under("MP"))];

    private static Func<ParameterShape, ParameterShape> Under(string module) => parameter => parameter with { Name = $"{module}.{parameter.Name}" };

    private static IEnumerable<ParameterShape> Linear(string name, long inputs, long outputs, bool bias) =>
        bias ? [new($"{name}.weight", outputs, inputs), new($"{name}.bias", outputs)] : [new($"{name}.weight", outputs, inputs)];

    private static ParameterShape[] LayerNorm(string name, long size) => [new($"{name}.weight", size), new($"{name}.bias", size)];

    private static IEnumerable<ParameterShape> GatedMlp(string name, long size, long inner, bool bias) =>
        [.. Linear($"{name}.gate_proj", size, inner, bias), .. Linear($"{name}.up_proj", size, inner, bias), .. Linear($"{name}.down_proj", inner, size, bias)];

    private static IEnumerable<ParameterShape> Vision(VisionConfig config)
    {
        var (size, patch, side) = (config.HiddenSize, config.PatchSize, config.ImageSize / config.PatchSize);
        var parameters = new List<ParameterShape> { new("patch_embedding.conv.weight", size, 3, patch, patch) };
        if (config.PatchBias) parameters.Add(new("patch_embedding.conv.bias", size));
        if (config.ClassToken) parameters.Add(new("patch_embedding.cls_token", 1, 1, size));
        if (config.DistillationToken) parameters.Add(new("patch_embedding.distillation_token", 1, 1, size));
        if (config.NumRegisterTokens > 0) parameters.Add(new("patch_embedding.register_tokens", 1, config.NumRegisterTokens, size));
        if (config.PositionEmbedding == PositionEmbedding.Learned) parameters.Add(new("patch_embedding.position_embedding", 1, config.PrefixPositions + side * side, size));
        if (config.PreNorm) parameters.AddRange(LayerNorm("pre_norm", size));
        for (var layer = 0; layer < config.NumHiddenLayers; layer++) parameters.AddRange(VisionBlock(config).Select(Under($"blocks.{layer}")));
        parameters.AddRange(LayerNorm("layer_norm", size));
        return parameters;
    }

    private static List<ParameterShape> VisionBlock(VisionConfig config)
    {
        var (size, inner) = (config.HiddenSize, config.IntermediateSize);
        List<ParameterShape> parameters = [.. LayerNorm("ln1", size), .. Linear("attn.qkv_proj", size, 3 * size, config.QkvBias == ProjectionBias.All)];
        if (config.QkvBias == ProjectionBias.QueryValue) parameters.AddRange([new("attn.q_bias", size), new("attn.v_bias", size)]);
        parameters.AddRange([.. Linear("attn.out_proj", size, size, config.OutputBias), .. LayerNorm("ln2", size)]);
        parameters.AddRange(config.GatedMlp
            ? GatedMlp("mlp", size, inner, config.MlpBias)
            : [.. Linear("mlp.fc1", size, inner, config.MlpBias), .. Linear("mlp.fc2", inner, size, config.MlpBias)]);
        if (config.LayerScale) parameters.AddRange([new("ls1", size), new("ls2", size)]);
        return parameters;
    }

    private static IEnumerable<ParameterShape> Language(LanguageConfig config)
    {
        var size = config.HiddenSize;
        List<ParameterShape> parameters = [new("token_embedding.weight", config.VocabSize, size)];
        for (var layer = 0; layer < config.NumHiddenLayers; layer++) parameters.AddRange(LanguageBlock(config).Select(Under($"blocks.{layer}")));
        parameters.Add(new("norm.weight", size));
        if (!config.TieWordEmbeddings) parameters.Add(new("head.weight", config.VocabSize, size));
        return parameters;
    }

    private static List<ParameterShape> LanguageBlock(LanguageConfig config)
    {
        var size = config.HiddenSize;
        var (queries, keys) = (config.NumAttentionHeads * config.HeadDim, config.NumKeyValueHeads * config.HeadDim);
        List<ParameterShape> parameters =
        [
            .. GatedMlp("mlp", size, config.IntermediateSize, config.MlpBias),
            .. Linear("attn.q_proj", size, queries, config.AttentionBias), .. Linear("attn.k_proj", size, keys, config.AttentionBias),
            .. Linear("attn.v_proj", size, keys, config.AttentionBias), .. Linear("attn.out_proj", queries, size, config.AttentionBias),
            new("norm1.weight", size), new("norm2.weight", size),
        ];
        if (config.QkNorm) parameters.AddRange([new("attn.q_norm.weight", config.HeadDim), new("attn.k_norm.weight", config.HeadDim)]);
        if (config.SandwichNorm) parameters.AddRange([new("post_norm1.weight", size), new("post_norm2.weight", size)]);
        return parameters;
    }

    private static IEnumerable<ParameterShape> Projector(VlmConfig config)
    {
        var (vision, language, shuffled) = (config.VitHiddenDim, config.LmHiddenDim, config.VitHiddenDim * config.MpPixelShuffleFactor * config.MpPixelShuffleFactor);
        return config.MpKind switch
        {
            ProjectorKind.Mlp => [.. Linear("fc1", shuffled, language, true), .. Linear("proj", language, language, true)],
            ProjectorKind.AveragePool => [new("norm.weight", vision), .. Linear("proj", vision, language, false)],
            _ => Linear("proj", shuffled, language, false),
        };
    }
}
