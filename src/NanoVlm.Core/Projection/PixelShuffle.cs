using static TorchSharp.torch;

namespace NanoVlm.Projection;

/// <summary>Makes one token of each square of patches, their features side by side, rows first.</summary>
public static class PixelShuffle
{
    /// <param name="x">[N, rows * columns, C].</param>
    /// <param name="rows">Patches from top to bottom.</param>
    /// <param name="columns">Patches from left to right.</param>
    /// <param name="factor">The side of a square, r.</param>
    /// <returns>[N, rows * columns / r^2, C r^2].</returns>
    /// <exception cref="ArgumentException">The grid is not made of such squares.</exception>
    public static Tensor Apply(Tensor x, long rows, long columns, long factor)
    {
        var (batch, patches, size) = (x.shape[0], x.shape[1], x.shape[2]);
        if (rows * columns != patches || rows % factor != 0 || columns % factor != 0)
            throw new ArgumentException($"{patches} patches as {rows} x {columns} are not squares of {factor} x {factor}.");
        if (factor == 1) return x.alias();
        return x.reshape(batch, rows / factor, factor, columns / factor, factor, size)
            .permute(0, 1, 3, 2, 4, 5) // [N, rows / r, columns / r, r, r, C]
            .reshape(batch, patches / (factor * factor), size * factor * factor);
    }
}
