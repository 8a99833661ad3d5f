namespace NanoVlm.Images;

/// <summary>
/// Along one axis, which input pixels make each output pixel and with what weights. The filter is stretched when shrinking,
/// so that every input pixel counts (antialiasing), and keeps its width when enlarging.
/// </summary>
internal sealed class ResampleWeights
{
    private readonly int[] first;
    private readonly int[] count;

    /// <param name="inputSize">Input pixels along the axis.</param>
    /// <param name="outputSize">Output pixels along the axis.</param>
    /// <param name="filter">Any filter but <see cref="ResampleFilter.Nearest"/>.</param>
    /// <param name="single">Whether the arithmetic is rounded to single precision where torch's is.</param>
    internal ResampleWeights(int inputSize, int outputSize, ResampleFilter filter, bool single = false)
    {
        var scale = Rounded((double)inputSize / outputSize);
        var stretch = Math.Max(scale, 1.0);
        var shrink = Rounded(1.0 / stretch);
        var support = Rounded(Support(filter) * stretch);
        Taps = (int)Math.Ceiling(support) * 2 + 1;
        first = new int[outputSize];
        count = new int[outputSize];
        Values = new double[outputSize * Taps];
        for (var i = 0; i < outputSize; i++)
        {
            var center = Rounded((i + 0.5) * scale);
            first[i] = Math.Max(0, (int)(Rounded(center - support) + 0.5));
            count[i] = Math.Min(inputSize, (int)(Rounded(center + support) + 0.5)) - first[i];
            var weights = Values.AsSpan(i * Taps, count[i]);
            var sum = 0.0;
            for (var k = 0; k < weights.Length; k++)
                sum = Rounded(sum + (weights[k] = Rounded(Weight(filter, Rounded((Rounded(k + first[i] - center) + 0.5) * shrink)))));
            if (sum != 0)
                for (var k = 0; k < weights.Length; k++)
                    weights[k] = Rounded(weights[k] / sum);
        }

        double Rounded(double value) => single ? (float)value : value;
    }

    /// <summary>The room for weights of each output pixel.</summary>
    internal int Taps { get; }

    /// <summary>[output, <see cref="Taps"/>] weights; those of an output pixel add to 1.</summary>
    internal double[] Values { get; }

    /// <summary>The first input pixel of an output pixel, and how many follow it, itself included.</summary>
    internal (int First, int Count) this[int output] => (first[output], count[output]);

    private static double Support(ResampleFilter filter) => filter switch
    {
        ResampleFilter.Box => 0.5,
        ResampleFilter.Bilinear or ResampleFilter.Hamming => 1,
        ResampleFilter.Bicubic => 2,
        ResampleFilter.Lanczos => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, "The filter has no weights."),
    };

    private static double Weight(ResampleFilter filter, double x)
    {
        switch (filter)
        {
            case ResampleFilter.Box:
                return x is > -0.5 and <= 0.5 ? 1 : 0;
            case ResampleFilter.Bilinear:
                return Math.Max(0, 1 - Math.Abs(x));
            case ResampleFilter.Hamming:
                x = Math.Abs(x);
                // Single-precision constants, as Pillow has them.
                if (x == 0) return 1;
                return x < 1 ? Sinc(x) * (0.54f + 0.46f * Math.Cos(x * Math.PI)) : 0;
            case ResampleFilter.Bicubic:
                const double a = -0.5;
                x = Math.Abs(x);
                if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
                return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
            default:
                return x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0;
        }
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
