using static NanoVlm.Weights.Names.NameRule;

namespace NanoVlm.Weights.Names;

/// <summary>Names of decoders and projectors in Hugging Face's files.</summary>
internal static class LanguageNames
{
    /// <summary>Llama's and SmolLM2's. The head stands beside what stands before all names, not behind it.</summary>
    public static readonly NameMap Llama = new("embed_tokens.weight",
    [
        One("token_embedding.weight", "embed_tokens.weight"),
        One("blocks.*.norm1.", "layers.*.input_layernorm."),
        .. Attention,
        One("blocks.*.norm2.", "layers.*.post_attention_layernorm."),
        .. Mlp,
        One("norm.", "norm."),
    ], ["rotary_emb.inv_freq", "layers.*.self_attn.rotary_emb.inv_freq"]);

    /// <summary>Gemma-3's.</summary>
    public static readonly NameMap Gemma3 = new("embed_tokens.weight",
    [
        One("token_embedding.weight", "embed_tokens.weight"),
        One("blocks.*.norm1.", "layers.*.input_layernorm."),
        .. Attention,
        One("blocks.*.attn.q_norm.", "layers.*.self_attn.q_norm."),
        One("blocks.*.attn.k_norm.", "layers.*.self_attn.k_norm."),
        One("blocks.*.post_norm1.", "layers.*.post_attention_layernorm."),
        One("blocks.*.norm2.", "layers.*.pre_feedforward_layernorm."),
        .. Mlp,
        One("blocks.*.post_norm2.", "layers.*.post_feedforward_layernorm."),
        One("norm.", "norm."),
    ], ["rotary_emb.inv_freq", "layers.*.self_attn.rotary_emb.inv_freq"]);

    /// <summary>The head where it is stored.</summary>
    public static readonly NameMap Head = new("lm_head.weight", [One("head.weight", "lm_head.weight")], []);

    /// <summary>SmolVLM's and Idefics3's projector.</summary>
    public static readonly NameMap Connector = new("modality_projection.proj.weight", [One("proj.weight", "modality_projection.proj.weight")], []);

    /// <summary>Gemma-3's projector.</summary>
    public static readonly NameMap Gemma3Projector = new("mm_input_projection_weight",
    [
        new("proj.weight", ["mm_input_projection_weight"], Storage.Transposed),
        One("norm.weight", "mm_soft_emb_norm.weight"),
    ], []);

    private static NameRule[] Attention =>
    [
        One("blocks.*.attn.q_proj.", "layers.*.self_attn.q_proj."),
        One("blocks.*.attn.k_proj.", "layers.*.self_attn.k_proj."),
        One("blocks.*.attn.v_proj.", "layers.*.self_attn.v_proj."),
        One("blocks.*.attn.out_proj.", "layers.*.self_attn.o_proj."),
    ];

    private static NameRule[] Mlp =>
    [
        One("blocks.*.mlp.gate_proj.", "layers.*.mlp.gate_proj."),
        One("blocks.*.mlp.up_proj.", "layers.*.mlp.up_proj."),
        One("blocks.*.mlp.down_proj.", "layers.*.mlp.down_proj."),
    ];
}
