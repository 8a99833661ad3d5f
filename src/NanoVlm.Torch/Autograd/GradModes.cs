using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>Turns gradients off on this thread until disposed of.</summary>
    public static IDisposable no_grad() => new GradMode(false);
    /// <summary>Turns gradients on on this thread until disposed of.</summary>
    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);
    /// <summary>Turns gradients on or off on this thread until disposed of.</summary>
    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);
    /// <summary>Turns gradients and their bookkeeping off on this thread until disposed of; tensors made inside never take part in gradients.</summary>
    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);
    /// <summary>Whether gradients are on on this thread.</summary>
    public static bool is_grad_enabled() => NativeMethods.nvlm_grad_mode() != 0;
    /// <summary>Whether this thread is in inference mode.</summary>
    public static bool is_inference_mode_enabled() => NativeMethods.nvlm_inference_mode() != 0;

    private sealed class GradMode : IDisposable
    {
        private readonly int previous = NativeMethods.nvlm_grad_mode();
        private bool disposed;

        internal GradMode(bool enabled) => NativeMethods.nvlm_set_grad_mode(enabled ? 1 : 0);

        public void Dispose()
        {
            if (disposed) return;
            disposed = true;
            NativeMethods.nvlm_set_grad_mode(previous);
        }
    }

    private sealed class InferenceMode : IDisposable
    {
        private IntPtr guard;

        internal InferenceMode(bool enabled) => guard = NativeMethods.nvlm_inference_guard_new(enabled ? 1 : 0);

        public void Dispose()
        {
            if (guard == 0) return;
            NativeMethods.nvlm_inference_guard_free(guard);
            guard = 0;
        }
    }

    /// <summary>Gradient checks that name the forward operator of a NaN, until disposed of.</summary>
    public sealed class AnomalyMode : IDisposable
    {
        private readonly bool previous = NativeMethods.nvlm_anomaly_mode() != 0;

        internal AnomalyMode(bool enabled, bool check_nan) => NativeMethods.nvlm_set_anomaly_mode(enabled ? 1 : 0, check_nan ? 1 : 0);

        /// <summary>Restores the previous mode.</summary>
        public void Dispose() => NativeMethods.nvlm_set_anomaly_mode(previous ? 1 : 0, 1);
    }
}
