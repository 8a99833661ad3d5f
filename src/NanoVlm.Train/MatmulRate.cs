using System.Diagnostics;
using NanoVlm.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>How fast the layers' product multiplies matrices on this machine: what a model's arithmetic is measured against.</summary>
internal static class MatmulRate
{
    /// <summary>Multiplies square matrices for a fifth of a second. The best time counts: other programs only take away from it.</summary>
    /// <param name="dtype">Their type.</param>
    /// <param name="device">Where.</param>
    /// <returns>Floating-point operations a second.</returns>
    internal static double Measure(ScalarType dtype, Device device)
    {
        var cuda = device.type == DeviceType.CUDA;
        var (n, count) = cuda ? (4096L, 32) : (512L, 1);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (a, b) = (ones(n, n, dtype: dtype, device: device), ones(n, n, dtype: dtype, device: device));
        Products(); // starts the threads
        var best = double.PositiveInfinity;
        for (var all = Stopwatch.StartNew(); best == double.PositiveInfinity || all.Elapsed.TotalSeconds < 0.2;)
        {
            var one = Stopwatch.StartNew();
            Products();
            best = Math.Min(best, one.Elapsed.TotalSeconds);
        }
        return count * 2.0 * n * n * n / best;

        void Products()
        {
            for (var i = 0; i < count; i++) Operators.Linear(a, b).Dispose();
            if (cuda) torch.cuda.synchronize(device);
        }
    }
}
