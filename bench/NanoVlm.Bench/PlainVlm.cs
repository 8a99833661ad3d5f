using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace NanoVlm.Bench;

/// <summary>
/// The model of the training benchmarks as a user of TorchSharp writes it, line by line that of pytorch_step.py: modules of the package and its functions, nothing of this
/// library but the sizes. TorchSharp has no autocast: in bfloat16 the matrix products and attention cast their inputs and their float32 weights, and the rest,
/// the residual stream too, is float32, as under PyTorch's autocast.
/// </summary>
internal sealed class PlainVlm : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private const long ImageToken = 1;
    private readonly int side, shuffle;
    private readonly Embedding embedding;
    private readonly Conv2d patches;
    private readonly Parameter positions;
    private readonly ModuleList<PlainVisionBlock> tower;
    private readonly LayerNorm towerNorm;
    private readonly Linear projector;
    private readonly ModuleList<PlainTextBlock> decoder;
    private readonly PlainRmsNorm norm;
    private readonly Tensor frequencies;
    private readonly ScalarType dtype;

    internal PlainVlm(StepSizes sizes, ScalarType dtype) : base("vlm")
    {
        this.dtype = dtype;
        var config = sizes.Config;
        (side, shuffle) = (config.VitImgSize / config.VitPatchSize, config.MpPixelShuffleFactor);
        patches = nn.Conv2d(3, config.VitHiddenDim, config.VitPatchSize, stride: config.VitPatchSize);
        positions = new Parameter(randn(1, side * side, config.VitHiddenDim) * 0.02);
        tower = new ModuleList<PlainVisionBlock>([.. Enumerable.Range(0, config.VitNBlocks).Select(_ => new PlainVisionBlock(sizes, dtype))]);
        towerNorm = nn.LayerNorm(config.VitHiddenDim, 1e-6);
        projector = nn.Linear(config.VitHiddenDim * shuffle * shuffle, config.LmHiddenDim, hasBias: false);
        embedding = nn.Embedding(config.LmVocabSize, config.LmHiddenDim);
        decoder = new ModuleList<PlainTextBlock>([.. Enumerable.Range(0, config.LmNBlocks).Select(_ => new PlainTextBlock(sizes, dtype))]);
        norm = new PlainRmsNorm(config.LmHiddenDim);
        var head = config.LmHiddenDim / config.LmNHeads;
        frequencies = (arange(0, head, 2, ScalarType.Float32) * (-Math.Log(config.LmReBase) / head)).exp();
        RegisterComponents();
        foreach (var (name, parameter) in named_parameters())
            if (parameter.dim() > 1 && name != nameof(positions)) nn.init.normal_(parameter, 0, 0.02);
            else if (name.EndsWith("bias", StringComparison.Ordinal)) nn.init.zeros_(parameter);
    }

    /// <summary>The mean loss.</summary>
    /// <param name="pixels">[B, 3, S, S].</param>
    /// <param name="ids">[B, T].</param>
    /// <param name="labels">[B, T]; -100 is none.</param>
    public override Tensor forward(Tensor pixels, Tensor ids, Tensor labels)
    {
        var (rows, length) = (ids.shape[0], ids.shape[1]);
        var image = F.conv2d(pixels.to(dtype), patches.weight.to(dtype), patches.bias!.to(dtype), strides: [patches.stride[0], patches.stride[0]]);
        var features = image.flatten(2).transpose(1, 2) + positions;
        foreach (var block in tower) features = block.call(features);
        features = towerNorm.call(features);
        features = features.view(rows, side / shuffle, shuffle, side / shuffle, shuffle, features.shape[2]).permute(0, 1, 3, 2, 4, 5);
        features = Plain.Linear(projector, features.reshape(rows, side / shuffle * (side / shuffle), projector.weight.shape[1]), dtype);

        var x = embedding.call(ids);
        x = x.masked_scatter((ids == ImageToken).unsqueeze(-1), features.to(x.dtype));
        var angles = arange(length, ScalarType.Float32).unsqueeze(1) * frequencies;
        angles = cat([angles, angles], -1);
        var (cos, sin) = (angles.cos(), angles.sin());
        foreach (var block in decoder) x = block.call(x, cos, sin);

        var wanted = labels != -100;
        var logits = F.linear(norm.call(x)[wanted].to(dtype), embedding.weight!.to(dtype));
        return F.cross_entropy(logits.to(ScalarType.Float32), labels[wanted]);
    }
}

/// <summary>A pre-norm block of the vision tower.</summary>
internal sealed class PlainVisionBlock : nn.Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1, norm2;
    private readonly Linear qkv, output, fc1, fc2;
    private readonly int heads;
    private readonly ScalarType dtype;

    internal PlainVisionBlock(StepSizes sizes, ScalarType dtype) : base("vision_block")
    {
        var (width, inner) = (sizes.Config.VitHiddenDim, sizes.Config.VitInterDim);
        (this.dtype, heads) = (dtype, sizes.Config.VitNHeads);
        (norm1, norm2) = (nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6));
        (qkv, output) = (nn.Linear(width, 3 * width), nn.Linear(width, width));
        (fc1, fc2) = (nn.Linear(width, inner), nn.Linear(inner, width));
        RegisterComponents();
    }

    // x: [B, T, width], float32.
    public override Tensor forward(Tensor x)
    {
        var (rows, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var parts = Plain.Linear(qkv, norm1.call(x), dtype).view(rows, length, 3, heads, width / heads).permute(2, 0, 3, 1, 4); // [3, B, H, T, D]
        var attended = F.scaled_dot_product_attention(parts[0], parts[1], parts[2]);
        x = x + Plain.Linear(output, attended.transpose(1, 2).reshape(rows, length, width), dtype);
        var hidden = F.gelu(Plain.Linear(fc1, norm2.call(x), dtype), GELU.Approximate.tanh);
        return x + Plain.Linear(fc2, hidden, dtype);
    }
}

/// <summary>A Llama block.</summary>
internal sealed class PlainTextBlock : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private readonly PlainRmsNorm norm1, norm2;
    private readonly Linear q, k, v, o, gate, up, down;
    private readonly int heads, groups;
    private readonly ScalarType dtype;

    internal PlainTextBlock(StepSizes sizes, ScalarType dtype) : base("text_block")
    {
        var (width, inner) = (sizes.Config.LmHiddenDim, sizes.Config.LmInterDim);
        (this.dtype, heads, groups) = (dtype, sizes.Config.LmNHeads, sizes.Config.LmNKvHeads);
        (norm1, norm2) = (new PlainRmsNorm(width), new PlainRmsNorm(width));
        (q, o) = (nn.Linear(width, width, hasBias: false), nn.Linear(width, width, hasBias: false));
        (k, v) = (nn.Linear(width, width / heads * groups, hasBias: false), nn.Linear(width, width / heads * groups, hasBias: false));
        (gate, up, down) = (nn.Linear(width, inner, hasBias: false), nn.Linear(width, inner, hasBias: false), nn.Linear(inner, width, hasBias: false));
        RegisterComponents();
    }

    // x: [B, T, width], float32; cos, sin: [T, D].
    public override Tensor forward(Tensor x, Tensor cos, Tensor sin)
    {
        var (rows, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var hidden = norm1.call(x);
        var queries = Rotate(Heads(q, heads)).to(dtype);
        var keys = Rotate(Heads(k, groups)).to(dtype).repeat_interleave(heads / groups, dim: 1); // the package's attention knows no groups
        var values = Heads(v, groups).repeat_interleave(heads / groups, dim: 1);
        var attended = F.scaled_dot_product_attention(queries, keys, values, is_casual: true);
        x = x + Plain.Linear(o, attended.transpose(1, 2).reshape(rows, length, width), dtype);
        hidden = norm2.call(x);
        return x + Plain.Linear(down, F.silu(Plain.Linear(gate, hidden, dtype)) * Plain.Linear(up, hidden, dtype), dtype);

        Tensor Heads(Linear projection, int count) => Plain.Linear(projection, hidden, dtype).view(rows, length, count, width / heads).transpose(1, 2); // [B, H, T, D]

        Tensor Rotate(Tensor heads)
        {
            var halves = heads.chunk(2, -1);
            return heads * cos + cat([-halves[1], halves[0]], -1) * sin;
        }
    }
}

/// <summary>x / sqrt(mean(x^2) + eps) * weight; the package has no such module.</summary>
internal sealed class PlainRmsNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;

    internal PlainRmsNorm(long width) : base("rms_norm")
    {
        weight = new Parameter(ones(width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => x * rsqrt(x.square().mean([-1], keepdim: true) + 1e-5) * weight;
}

/// <summary>What autocast does to a linear layer, by hand.</summary>
internal static class Plain
{
    internal static Tensor Linear(Linear layer, Tensor x, ScalarType dtype) =>
        dtype == ScalarType.Float32 ? layer.call(x) : F.linear(x.to(dtype), layer.weight!.to(dtype), layer.bias?.to(dtype));
}
