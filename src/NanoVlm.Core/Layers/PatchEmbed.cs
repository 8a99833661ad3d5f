using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>
/// Patches of an image as tokens with learned positions: a convolution whose stride is its kernel, computed as one
/// matrix product (Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021).
/// </summary>
public sealed class PatchEmbed : Module<Tensor, ScalarType, Tensor>
{
    private readonly PatchConvolution conv;
    private readonly Parameter position_embedding; // [1, patches, hidden]
    private readonly long imageSize;
    private readonly long patchSize;

    /// <param name="imageSize">The side of an image in pixels.</param>
    /// <param name="patchSize">The side of a patch in pixels.</param>
    /// <param name="hiddenSize">The size of a token.</param>
    public PatchEmbed(long imageSize, long patchSize, long hiddenSize) : base(nameof(PatchEmbed))
    {
        this.imageSize = imageSize;
        this.patchSize = patchSize;
        var side = imageSize / patchSize;
        conv = new PatchConvolution(hiddenSize, patchSize);
        position_embedding = Parameter(empty(1, side * side, hiddenSize));
        RegisterComponents();
    }

    /// <param name="pixels">[N, 3, S, S] with S the image size.</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <returns>[N, patches, hidden].</returns>
    /// <exception cref="ArgumentException">The pixels are not RGB images of that size.</exception>
    public override Tensor forward(Tensor pixels, ScalarType dtype)
    {
        var shape = pixels.shape;
        if (shape.Length != 4 || shape[1] != 3 || shape[2] != imageSize || shape[3] != imageSize)
            throw new ArgumentException($"pixel_values must be [N, 3, {imageSize}, {imageSize}]; got [{string.Join(", ", shape)}].");
        var side = imageSize / patchSize;
        var patches = pixels.to(dtype)
            .view(shape[0], 3, side, patchSize, side, patchSize)
            .permute(0, 2, 4, 1, 3, 5) // [N, rows, columns, 3, p, p]
            .reshape(shape[0], side * side, 3 * patchSize * patchSize);
        return conv.call(patches) + position_embedding.to(dtype);
    }

    // Holds the convolution's weight in its own shape, [hidden, 3, p, p], under its own name.
    private sealed class PatchConvolution : Module<Tensor, Tensor>
    {
        private readonly Parameter weight;
        private readonly Parameter bias;

        public PatchConvolution(long hiddenSize, long patchSize) : base(nameof(PatchConvolution))
        {
            weight = Parameter(empty(hiddenSize, 3, patchSize, patchSize));
            bias = Parameter(zeros(hiddenSize));
            RegisterComponents();
        }

        public override Tensor forward(Tensor patches) => Kernels.Linear(patches, weight.flatten(1), bias);
    }
}
