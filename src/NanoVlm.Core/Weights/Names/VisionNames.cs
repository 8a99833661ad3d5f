using static NanoVlm.Weights.Names.NameRule;

namespace NanoVlm.Weights.Names;

/// <summary>Names of vision towers in Hugging Face's files, by <c>model_type</c>.</summary>
internal static class VisionNames
{
    /// <summary>SigLIP's, which SmolVLM, Idefics3 and Gemma-3 have too.</summary>
    public static readonly NameMap Siglip = new("embeddings.patch_embedding.weight",
    [
        One("patch_embedding.conv.", "embeddings.patch_embedding."),
        One("patch_embedding.position_embedding", "embeddings.position_embedding.weight"),
        .. SiglipBlocks,
        One("layer_norm.", "post_layernorm."),
        One("pooler.probe", "head.probe"),
        One("pooler.qkv_proj.weight", "head.attention.in_proj_weight"),
        One("pooler.qkv_proj.bias", "head.attention.in_proj_bias"),
        One("pooler.out_proj.", "head.attention.out_proj."),
        One("pooler.layer_norm.", "head.layernorm."),
        One("pooler.mlp.fc1.", "head.mlp.fc1."),
        One("pooler.mlp.fc2.", "head.mlp.fc2."),
    ], ["embeddings.position_ids"]);

    /// <summary>SigLIP's text tower.</summary>
    public static readonly NameMap SiglipText = new("embeddings.token_embedding.weight",
    [
        One("token_embedding.weight", "embeddings.token_embedding.weight"),
        One("position_embedding", "embeddings.position_embedding.weight"),
        .. SiglipBlocks,
        One("layer_norm.", "final_layer_norm."),
        One("head.", "head."),
    ], ["embeddings.position_ids"]);

    private static readonly NameMap Clip = new("embeddings.patch_embedding.weight",
    [
        One("patch_embedding.conv.", "embeddings.patch_embedding."),
        One("patch_embedding.cls_token", "embeddings.class_embedding"),
        One("patch_embedding.position_embedding", "embeddings.position_embedding.weight"),
        One("pre_norm.", "pre_layrnorm."), // sic
        .. SiglipBlocks,
        One("layer_norm.", "post_layernorm."),
    ], ["embeddings.position_ids"]);

    private static readonly NameMap Dinov3 = new("embeddings.patch_embeddings.weight",
    [
        One("patch_embedding.conv.", "embeddings.patch_embeddings."),
        One("patch_embedding.cls_token", "embeddings.cls_token"),
        One("patch_embedding.register_tokens", "embeddings.register_tokens"),
        One("blocks.*.ln1.", "layer.*.norm1."),
        Rows("blocks.*.attn.qkv_proj.weight", "layer.*.attention.q_proj.weight", "layer.*.attention.k_proj.weight", "layer.*.attention.v_proj.weight"),
        Rows("blocks.*.attn.qkv_proj.bias", "layer.*.attention.q_proj.bias", "layer.*.attention.k_proj.bias", "layer.*.attention.v_proj.bias"),
        One("blocks.*.attn.q_bias", "layer.*.attention.q_proj.bias"),
        One("blocks.*.attn.v_bias", "layer.*.attention.v_proj.bias"),
        One("blocks.*.attn.out_proj.", "layer.*.attention.o_proj."),
        One("blocks.*.ls1", "layer.*.layer_scale1.lambda1"),
        One("blocks.*.ln2.", "layer.*.norm2."),
        One("blocks.*.mlp.gate_proj.", "layer.*.mlp.gate_proj."),
        One("blocks.*.mlp.up_proj.", "layer.*.mlp.up_proj."),
        One("blocks.*.mlp.down_proj.", "layer.*.mlp.down_proj."),
        One("blocks.*.mlp.fc1.", "layer.*.mlp.up_proj."),
        One("blocks.*.mlp.fc2.", "layer.*.mlp.down_proj."),
        One("blocks.*.ls2", "layer.*.layer_scale2.lambda1"),
        One("layer_norm.", "norm."),
    ], ["embeddings.mask_token"]);

    private static readonly NameMap Vit = new("embeddings.patch_embeddings.projection.weight",
    [
        .. VitEmbeddings,
        One("blocks.*.ln1.", "encoder.layer.*.layernorm_before."),
        .. VitAttention,
        One("blocks.*.ln2.", "encoder.layer.*.layernorm_after."),
        One("blocks.*.mlp.fc1.", "encoder.layer.*.intermediate.dense."),
        One("blocks.*.mlp.fc2.", "encoder.layer.*.output.dense."),
        One("layer_norm.", "layernorm."),
        One("pooler.dense.", "pooler.dense."),
    ], ["embeddings.mask_token"]);

    private static readonly NameMap Dinov2 = new("embeddings.patch_embeddings.projection.weight",
    [
        .. VitEmbeddings,
        One("blocks.*.ln1.", "encoder.layer.*.norm1."),
        .. VitAttention,
        One("blocks.*.ls1", "encoder.layer.*.layer_scale1.lambda1"),
        One("blocks.*.ln2.", "encoder.layer.*.norm2."),
        One("blocks.*.mlp.fc1.", "encoder.layer.*.mlp.fc1."),
        One("blocks.*.mlp.fc2.", "encoder.layer.*.mlp.fc2."),
        new("blocks.*.mlp.gate_proj.", ["encoder.layer.*.mlp.weights_in."], Storage.FirstHalf),
        new("blocks.*.mlp.up_proj.", ["encoder.layer.*.mlp.weights_in."], Storage.SecondHalf),
        One("blocks.*.mlp.down_proj.", "encoder.layer.*.mlp.weights_out."),
        One("blocks.*.ls2", "encoder.layer.*.layer_scale2.lambda1"),
        One("layer_norm.", "layernorm."),
    ], ["embeddings.mask_token"]);

    /// <summary>The map of a family.</summary>
    /// <param name="modelType">As <see cref="Configuration.HuggingFaceVision.Family"/> gives it.</param>
    public static NameMap Of(string modelType) => modelType switch
    {
        "dinov3_vit" => Dinov3,
        "dinov2" or "dinov2_with_registers" => Dinov2,
        "vit" or "deit" => Vit,
        "clip_vision_model" => Clip,
        _ => Siglip,
    };

    private static NameRule[] SiglipBlocks =>
    [
        One("blocks.*.ln1.", "encoder.layers.*.layer_norm1."),
        Rows("blocks.*.attn.qkv_proj.", "encoder.layers.*.self_attn.q_proj.", "encoder.layers.*.self_attn.k_proj.", "encoder.layers.*.self_attn.v_proj."),
        One("blocks.*.attn.out_proj.", "encoder.layers.*.self_attn.out_proj."),
        One("blocks.*.ln2.", "encoder.layers.*.layer_norm2."),
        One("blocks.*.mlp.fc1.", "encoder.layers.*.mlp.fc1."),
        One("blocks.*.mlp.fc2.", "encoder.layers.*.mlp.fc2."),
    ];

    private static NameRule[] VitEmbeddings =>
    [
        One("patch_embedding.conv.", "embeddings.patch_embeddings.projection."),
        One("patch_embedding.cls_token", "embeddings.cls_token"),
        One("patch_embedding.distillation_token", "embeddings.distillation_token"),
        One("patch_embedding.register_tokens", "embeddings.register_tokens"),
        One("patch_embedding.position_embedding", "embeddings.position_embeddings"),
    ];

    private static NameRule[] VitAttention =>
    [
        Rows("blocks.*.attn.qkv_proj.", "encoder.layer.*.attention.attention.query.", "encoder.layer.*.attention.attention.key.", "encoder.layer.*.attention.attention.value."),
        One("blocks.*.attn.out_proj.", "encoder.layer.*.attention.output.dense."),
    ];
}
