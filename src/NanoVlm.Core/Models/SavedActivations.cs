using NanoVlm.Configuration;

namespace NanoVlm.Models;

/// <summary>A part of the model, as memory is counted by.</summary>
internal enum Part
{
    Vision,
    Projector,
    Language,
    Head,
}

/// <summary>What a layer holds, in bytes.</summary>
/// <param name="Part">Where it counts.</param>
/// <param name="Kept">From its forward to its backward.</param>
/// <param name="Forward">In its forward besides.</param>
/// <param name="Backward">In its backward besides.</param>
/// <param name="Gradients">The gradients of its weights.</param>
internal sealed record LayerMemory(Part Part, long Kept, long Forward, long Backward, long Gradients);

/// <summary>
/// What autograd keeps of each layer with the fused kernels: each operator's file in Kernels/ says what it saves. The residual stream is float32. An operator keeps its
/// input only where a gradient needs it.
/// </summary>
internal sealed class SavedActivations(VlmConfig config, ActivationCheckpointing checkpointing, StepShape step, StepPrecision precision, IReadOnlyDictionary<string, long> trained)
{
    private readonly long size = precision.Bfloat16 ? 2 : 4;
    private readonly bool narrows = precision is { Bfloat16: true, Bfloat16Products: true };
    private readonly IReadOnlyList<ParameterShape> shapes = ParameterShapes.Of(config);
    private bool flows; // whether what comes out of the layer before has a gradient

    /// <summary>The layers in the order of the forward.</summary>
    public IReadOnlyList<LayerMemory> Layers()
    {
        flows = false;
        var layers = new List<LayerMemory>();
        if (step.Tiles > 0) layers.AddRange(Vision(config.Vision()));
        layers.AddRange(Language(config.Language()));
        return layers;
    }

    private IEnumerable<LayerMemory> Vision(VisionConfig vision)
    {
        const string tower = "vision_encoder.";
        var side = config.VitImgSize / vision.PatchSize;
        var (patches, tokens) = (step.Tiles * side * side, step.Tiles * (side * side + vision.PrefixTokens));
        var (width, stream) = (size * tokens * vision.HiddenSize, 4L * tokens * vision.HiddenSize);
        var conv = tower + "patch_embedding.conv.weight";
        var pixels = size * patches * 3 * vision.PatchSize * vision.PatchSize;
        yield return Layer(Part.Vision, trained.ContainsKey(conv) ? pixels : 0, 3 * stream + pixels, 2 * stream, tower + "patch_embedding.");
        for (var number = 0; number < vision.NumHiddenLayers; number++)
        {
            var block = $"{tower}blocks.{number}.";
            var kept = VisionBlock(vision, block, tokens);
            var (inner, again) = (size * tokens * vision.IntermediateSize, checkpointing is ActivationCheckpointing.Vision or ActivationCheckpointing.All);
            yield return Block(Part.Vision, kept, stream, forward: stream + 2 * width, backward: (vision.GatedMlp ? 2 : 1) * inner + stream + width, again, block);
        }
        yield return Layer(Part.Vision, Active(tower + "layer_norm.") ? stream : 0, width, 2 * stream, tower + "layer_norm.");

        var squares = step.Tiles * config.MpImageTokenLength;
        var (input, output) = (size * tokens * vision.HiddenSize, size * squares * config.LmHiddenDim);
        var kept2 = (trained.ContainsKey("MP.proj.weight") || trained.ContainsKey("MP.fc1.weight") ? input : 0) + (config.MpKind == ProjectorKind.Mlp && Active("MP.") ? 2 * output : 0);
        yield return Layer(Part.Projector, kept2 + Narrowed("MP.", flows), input + output, 2 * input, "MP.");
    }

    private long VisionBlock(VisionConfig vision, string block, long tokens)
    {
        var (width, stream, inner, statistics) = (size * tokens * vision.HiddenSize, 4L * tokens * vision.HiddenSize, size * tokens * vision.IntermediateSize, 8 * tokens);
        var dropped = vision.Dropout > 0 ? width : 0;
        var entered = flows;
        var kept = 0L;
        if (Active(block + "ln1.")) kept += stream + statistics;
        kept += Narrowed(block + "attn.qkv_proj.", flows) + Read(block + "attn.qkv_proj.weight", width);
        if (Active(block + "attn.qkv_proj.", block + "attn.q_bias", block + "attn.v_bias"))
            kept += (vision.PositionEmbedding == PositionEmbedding.Rope2d ? 5 : 3) * width + 4 * tokens * vision.NumAttentionHeads;
        kept += Narrowed(block + "attn.out_proj.", flows) + Read(block + "attn.out_proj.weight", width) + Read(block + "ls1", width);
        if (Active(block + "attn.out_proj.", block + "ls1")) kept += dropped;
        flows |= entered;
        if (Active(block + "ln2.")) kept += stream + statistics;
        kept += vision.GatedMlp
            ? Gated(block + "mlp.", vision.HiddenAct, width, inner)
            : Narrowed(block + "mlp.fc1.", flows) + Read(block + "mlp.fc1.weight", width) + (Active(block + "mlp.fc1.") ? Activation(vision.HiddenAct) * inner : 0)
                + Narrowed(block + "mlp.fc2.", flows) + Read(block + "mlp.fc2.weight", inner);
        kept += Read(block + "ls2", width);
        return kept + (Active(block + "mlp.", block + "ls2") && !vision.GatedMlp ? dropped : 0);
    }

    private IEnumerable<LayerMemory> Language(LanguageConfig language)
    {
        const string decoder = "decoder.", table = decoder + "token_embedding.weight";
        var tokens = step.Rows * step.Tokens;
        var (width, stream) = (size * tokens * language.HiddenSize, 4L * tokens * language.HiddenSize);
        var vision = flows;
        var head = language.TieWordEmbeddings ? table : decoder + "head.weight";
        // The gradient of the table is made whole and, where they are one, added to the head's: libtorch makes a third for the sum.
        yield return Layer(Part.Projector, 8 * tokens, 4 * stream, (language.TieWordEmbeddings ? 2 * trained.GetValueOrDefault(table) : 0) + 2 * stream, language.TieWordEmbeddings ? [] : [table]);
        flows = vision || trained.ContainsKey(table);
        for (var number = 0; number < language.NumHiddenLayers; number++)
        {
            var block = $"{decoder}blocks.{number}.";
            var last = number == language.NumHiddenLayers - 1;
            var kept = LanguageBlock(language, block, tokens, last ? step.Labels : tokens);
            var again = checkpointing is ActivationCheckpointing.Language or ActivationCheckpointing.All;
            var rows = last ? step.Labels : tokens;
            yield return Block(Part.Language, kept, stream, forward: stream + 3 * width, backward: 2 * size * rows * language.IntermediateSize + stream + width, again, block);
        }
        var labels = size * step.Labels * language.HiddenSize;
        yield return Layer(Part.Language, Active(decoder + "norm.") ? 4 * step.Labels * (language.HiddenSize + 1L) : 0, labels, labels, decoder + "norm.");
        var chunk = Math.Min(step.Labels, Math.Max(64, (1 << 21) / language.VocabSize));
        var logits = chunk * language.VocabSize * (narrows ? 6 : 4);
        var weight = trained.GetValueOrDefault(head);
        yield return new LayerMemory(Part.Head, (flows ? labels : 0) + weight, logits + (narrows ? 2L * language.VocabSize * language.HiddenSize : 0), 0, weight);
    }

    private long LanguageBlock(LanguageConfig language, string block, long tokens, long rows)
    {
        var (width, stream) = (size * language.HiddenSize, 4L * language.HiddenSize);
        var (queries, keys, inner) = (size * language.NumAttentionHeads * language.HeadDim, size * language.NumKeyValueHeads * language.HeadDim, size * language.IntermediateSize);
        var dropped = language.Dropout > 0 ? width * rows : 0;
        var entered = flows;
        var kept = 0L;
        if (Active(block + "norm1.")) kept += (stream + 4) * tokens;
        kept += Narrowed(block + "attn.q_proj.", flows) + Narrowed(block + "attn.k_proj.", flows) + Narrowed(block + "attn.v_proj.", flows);
        if (new[] { "q", "k", "v" }.Any(name => trained.ContainsKey($"{block}attn.{name}_proj.weight"))) kept += width * tokens;
        if (Active(block + "attn.q_", block + "attn.k_", block + "attn.v_"))
            kept += ((language.QkNorm ? 2 : 1) * (queries + keys) + keys + 4 * language.NumAttentionHeads + (language.QkNorm ? 4 * (language.NumAttentionHeads + language.NumKeyValueHeads) : 0)) * tokens;
        kept += Narrowed(block + "attn.out_proj.", flows) + Read(block + "attn.out_proj.weight", queries * rows);
        if (Active(block + "attn.out_proj.")) kept += dropped;
        if (language.SandwichNorm && Active(block + "post_norm1.")) kept += (width + 4) * rows;
        flows |= entered;
        if (Active(block + "norm2.")) kept += (stream + 4) * rows;
        kept += Gated(block + "mlp.", language.HiddenAct, width * rows, inner * rows);
        if (language.SandwichNorm && Active(block + "post_norm2.")) kept += (width + 4) * rows;
        flows |= entered;
        return kept;
    }

    // down(act(gate(x)) * up(x)): SiLU's kernel keeps gate and up; others keep the activated gate besides.
    private long Gated(string mlp, Activation activation, long width, long inner)
    {
        var kept = Narrowed(mlp + "gate_proj.", flows) + Narrowed(mlp + "up_proj.", flows);
        if (trained.ContainsKey(mlp + "gate_proj.weight") || trained.ContainsKey(mlp + "up_proj.weight")) kept += width;
        if (Active(mlp + "gate_proj.", mlp + "up_proj.")) kept += (activation == Configuration.Activation.Silu ? 2 : Activation(activation) + 2) * inner;
        return kept + Narrowed(mlp + "down_proj.", flows) + Read(mlp + "down_proj.weight", inner);
    }

    private static int Activation(Activation activation) => activation == Configuration.Activation.QuickGelu ? 2 : 1;

    // Whether a layer's result has a gradient: from here on all have.
    private bool Active(params string[] prefixes) => flows |= trained.Keys.Any(name => prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));

    private long Read(string weight, long input) => trained.ContainsKey(weight) ? input : 0;

    // The bfloat16 copies of a layer's weights, where its input has a gradient.
    private long Narrowed(string layer, bool wanted) => narrows && wanted ? 2 * shapes.Where(p => p.Name.StartsWith(layer, StringComparison.Ordinal) && p.Shape.Length > 1).Sum(p => p.Count) : 0;

    // A block that is computed again keeps its input, and all of it for a while in the backward.
    private LayerMemory Block(Part part, long kept, long input, long forward, long backward, bool again, string name) =>
        again && kept > 0
            ? Layer(part, input, forward + kept / 4, backward + kept, name)
            : Layer(part, kept, forward, kept > 0 ? backward : 0, name);

    private LayerMemory Layer(Part part, long kept, long forward, long backward, params string[] prefixes)
    {
        var gradients = trained.Where(pair => prefixes.Any(prefix => pair.Key.StartsWith(prefix, StringComparison.Ordinal))).Sum(pair => pair.Value);
        flows |= gradients > 0;
        return new LayerMemory(part, kept, forward, backward, gradients);
    }
}
