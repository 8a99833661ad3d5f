namespace NanoVlm.Configuration;

/// <summary>The dual encoder <c>siglip</c> in Hugging Face's <c>config.json</c>; SigLIP 2 of a fixed resolution uses the same.</summary>
internal static class HuggingFaceSiglip
{
    /// <summary>The <c>model_type</c>.</summary>
    public const string ModelType = "siglip";

    /// <summary>The architectures of both towers.</summary>
    /// <param name="config">The whole file.</param>
    /// <exception cref="ConfigurationException">Values are impossible; all are listed.</exception>
    public static (VisionConfig Vision, TextEncoderConfig Text) Read(HuggingFaceConfig config)
    {
        var vision = HuggingFaceVision.Collect(config);
        config.Section("vision_config").Require(vision.Pooler == Pooler.Attention, "vision_use_head", "must be true: an image's vector comes from the head");
        var text = config.Section("text_config");
        var hidden = text.Size("hidden_size", 768);
        var encoder = new VisionConfig
        {
            HiddenSize = hidden,
            IntermediateSize = text.Size("intermediate_size", 3072),
            NumHiddenLayers = text.Size("num_hidden_layers", 12),
            NumAttentionHeads = text.Size("num_attention_heads", 12),
            PatchSize = 1,
            ImageSize = 1,
            LayerNormEps = text.Number("layer_norm_eps", 1e-6),
            HiddenAct = text.Act("hidden_act", Activation.GeluTanh),
        };
        text.Require(hidden % encoder.NumAttentionHeads == 0, "hidden_size", $"{hidden} is not a multiple of num_attention_heads, {encoder.NumAttentionHeads}");
        var projection = text.Size("projection_size", hidden);
        text.Require(projection == vision.HiddenSize, "projection_size", $"{projection} is not the vision tower's hidden_size, {vision.HiddenSize}");
        var (vocabulary, positions) = (text.Size("vocab_size", 32_000), text.Size("max_position_embeddings", 64));
        config.ThrowIfAny();
        return (vision, new TextEncoderConfig(vocabulary, positions, projection, encoder));
    }
}
