using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>How fast this machine multiplies matrices: what a model's arithmetic is measured against.</summary>
internal static class MatmulRate
{
    /// <summary>Multiplies square matrices for a fifth of a second.</summary>
    /// <param name="dtype">Their type.</param>
    /// <param name="device">Where.</param>
    /// <returns>Floating-point operations a second.</returns>
    internal static double Measure(ScalarType dtype, Device device)
    {
        var cuda = device.type == DeviceType.CUDA;
        long n = cuda ? 4096 : 512;
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (a, b) = (ones(n, n, dtype: dtype, device: device), ones(n, n, dtype: dtype, device: device));
        Products(1); // starts the threads
        var watch = Stopwatch.StartNew();
        var products = 0;
        for (var some = cuda ? 32 : 1; products == 0 || watch.Elapsed.TotalSeconds < 0.2; products += some) Products(some);
        return products * 2.0 * n * n * n / watch.Elapsed.TotalSeconds;

        void Products(int count)
        {
            for (var i = 0; i < count; i++) a.matmul(b).Dispose();
            if (cuda) torch.cuda.synchronize(device);
        }
    }
}
