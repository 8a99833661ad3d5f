using NanoVlm.Kernels;
using NanoVlm.Configuration;
using TorchSharp.Modules;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>
/// An image as tokens: its patches by a convolution whose stride is its kernel, computed as one matrix product, behind a CLS
/// token and registers where the architecture has them, with learned positions where it has those (Dosovitskiy et al., "An
/// Image is Worth 16x16 Words", 2021).
/// </summary>
public sealed class PatchEmbed : Module
{
    private readonly PatchConvolution conv;
    private readonly Parameter? cls_token;           // [1, 1, hidden]
    private readonly Parameter? distillation_token;  // [1, 1, hidden]
    private readonly Parameter? register_tokens;     // [1, registers, hidden]
    private readonly Parameter? position_embedding;  // [1, prefix + patches, hidden]
    private readonly VisionConfig config;

    /// <param name="config">The architecture.</param>
    public PatchEmbed(VisionConfig config) : base(nameof(PatchEmbed))
    {
        this.config = config;
        conv = new PatchConvolution(config.HiddenSize, config.PatchSize, config.PatchBias);
        if (config.ClassToken) cls_token = Parameter(zeros(1, 1, config.HiddenSize));
        if (config.DistillationToken) distillation_token = Parameter(zeros(1, 1, config.HiddenSize));
        if (config.NumRegisterTokens > 0) register_tokens = Parameter(zeros(1, config.NumRegisterTokens, config.HiddenSize));
        if (config.PositionEmbedding == PositionEmbedding.Learned)
        {
            var side = config.ImageSize / config.PatchSize;
            position_embedding = Parameter(empty(1, config.PrefixPositions + side * side, config.HiddenSize));
        }
        RegisterComponents();
    }

    /// <summary>The grid of patches of an image.</summary>
    /// <param name="pixels">[N, 3, H, W].</param>
    /// <exception cref="ArgumentException">The pixels are not RGB images in whole patches (the size that the positions are of may leave a rest).</exception>
    public (long Rows, long Columns) Grid(Tensor pixels)
    {
        var (shape, patch) = (pixels.shape, config.PatchSize);
        if (Takes(config, shape)) return (shape[2] / patch, shape[3] / patch);
        throw new ArgumentException($"pixel_values must be {Expected(config)}; got [{string.Join(", ", shape)}].");
    }

    /// <summary>Whether a tower takes pixels of a shape.</summary>
    /// <param name="config">The tower's architecture.</param>
    /// <param name="shape">The pixels' shape.</param>
    internal static bool Takes(VisionConfig config, long[] shape) =>
        shape is [> 0, 3, > 0 and var height, > 0 and var width]
        && ((height == config.ImageSize && width == config.ImageSize) || (!config.FixedImageSize && height % config.PatchSize == 0 && width % config.PatchSize == 0));

    /// <summary>What shape it takes, for messages.</summary>
    internal static string Expected(VisionConfig config) =>
        config.FixedImageSize ? $"[N, 3, {config.ImageSize}, {config.ImageSize}]" : $"[N, 3, H, W] with H and W multiples of {config.PatchSize}";

    /// <param name="pixels">[N, 3, H, W].</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <returns>[N, prefix + patches, hidden], float32: CLS, distillation token, registers, patches.</returns>
    public Tensor forward(Tensor pixels, ScalarType dtype)
    {
        var (rows, columns) = Grid(pixels);
        var (images, patch) = (pixels.shape[0], config.PatchSize);
        var patches = pixels.to(dtype).narrow(2, 0, rows * patch).narrow(3, 0, columns * patch)
            .reshape(images, 3, rows, patch, columns, patch)
            .permute(0, 2, 4, 1, 3, 5) // [N, rows, columns, 3, p, p]
            .reshape(images, rows * columns, 3 * patch * patch);
        var x = conv.call(patches);
        var prefix = new[] { cls_token, distillation_token }.OfType<Parameter>().Select(Everywhere).ToArray();
        if (prefix.Length > 0) x = cat([.. prefix, x], 1);
        if (position_embedding is not null) x = x.plus(Positions(rows, columns));
        if (register_tokens is not null) x = cat([x.narrow(1, 0, prefix.Length), Everywhere(register_tokens), x.narrow(1, prefix.Length, rows * columns)], 1);
        return x;

        Tensor Everywhere(Parameter token) => token.expand(images, -1, -1);
    }

    // [1, prefix + rows * columns, hidden].
    private Tensor Positions(long rows, long columns)
    {
        var side = config.ImageSize / config.PatchSize;
        if (rows == side && columns == side) return position_embedding!;
        var prefix = config.PrefixPositions;
        var patches = PositionInterpolation.Apply(position_embedding!.narrow(1, prefix, side * side), (side, side), (rows, columns), config.PositionAntialias);
        return prefix == 0 ? patches : cat([position_embedding!.narrow(1, 0, prefix), patches], 1);
    }

    // Holds the convolution's weight in its own shape, [hidden, 3, p, p], under its own name.
    private sealed class PatchConvolution : Module<Tensor, Tensor>
    {
        private readonly Parameter weight;
        private readonly Parameter? bias;

        public PatchConvolution(long hiddenSize, long patchSize, bool hasBias) : base(nameof(PatchConvolution))
        {
            weight = Parameter(empty(hiddenSize, 3, patchSize, patchSize));
            bias = hasBias ? Parameter(zeros(hiddenSize)) : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor patches) => Operators.Linear(patches, weight.flatten(1), bias, ScalarType.Float32);
    }
}
