using static TorchSharp.torch;

namespace NanoVlm.Layers;

/// <summary>
/// Learned positions of one grid of patches for another: bicubic, rows and columns apart, as torch's <c>interpolate</c> with
/// <c>align_corners=False</c> does it, with and without <c>antialias</c>.
/// </summary>
internal static class PositionInterpolation
{
    /// <param name="positions">[1, rows * columns, hidden] of the grid they are for.</param>
    /// <param name="from">That grid.</param>
    /// <param name="to">The grid wanted.</param>
    /// <param name="antialias">Whether a smaller grid takes in all positions, smoothed, instead of the nearest four.</param>
    /// <returns>[1, rows * columns, hidden], float32.</returns>
    public static Tensor Apply(Tensor positions, (long Rows, long Columns) from, (long Rows, long Columns) to, bool antialias)
    {
        var hidden = positions.shape[2];
        var grid = positions.to(ScalarType.Float32).view(from.Rows, from.Columns * hidden);
        var rows = Weights(from.Rows, to.Rows, antialias, positions.device).matmul(grid) // [new rows, columns * hidden]
            .view(to.Rows, from.Columns, hidden);
        return Weights(from.Columns, to.Columns, antialias, positions.device).matmul(rows).view(1, to.Rows * to.Columns, hidden);
    }

    // [to, from]: how much of each old place is in each new one.
    private static Tensor Weights(long from, long to, bool antialias, Device device)
    {
        // Keys, "Cubic convolution interpolation for digital image processing", 1981; torch takes one constant with and one without antialiasing.
        var sharpness = antialias ? -0.5 : -0.75;
        var scale = (double)from / to;
        var stretch = antialias ? Math.Max(scale, 1) : 1;
        var weights = new float[to * from];
        for (var i = 0; i < to; i++)
        {
            var centre = scale * (i + 0.5) - 0.5;
            var (first, last) = ((long)Math.Floor(centre - 2 * stretch) + 1, (long)Math.Floor(centre + 2 * stretch));
            var row = new double[from];
            for (var j = first; j <= last; j++)
            {
                if (antialias && (j < 0 || j >= from)) continue; // left out; else the edge is repeated
                row[Math.Clamp(j, 0, from - 1)] += Cubic((j - centre) / stretch, sharpness);
            }
            var sum = antialias ? row.Sum() : 1;
            for (var j = 0; j < from; j++) weights[i * from + j] = (float)(row[j] / sum);
        }
        return tensor(weights, [to, from], device: device);
    }

    private static double Cubic(double x, double a)
    {
        x = Math.Abs(x);
        return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1
            : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
    }
}
