using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>
    /// Counts the memory of tensors on the CPU that this thread, and the threads that work for it, take until it is disposed of, on the same
    /// thread. What was there before it began is not counted, nor when it is freed. Counters do not nest.
    /// </summary>
    public sealed class AllocationCounter : IDisposable
    {
        private IntPtr handle = NativeMethods.nvlm_allocation_counter_new();

        /// <summary>Bytes held now.</summary>
        public long Bytes => Read(false).Now;

        /// <summary>The most bytes held at once, since it began or since <see cref="ResetPeak"/>.</summary>
        public long PeakBytes => Read(false).Peak;

        /// <summary>Begins <see cref="PeakBytes"/> anew at what is held now.</summary>
        public void ResetPeak() => Read(true);

        /// <summary>Stops counting.</summary>
        public void Dispose()
        {
            if (handle == 0) return;
            NativeMethods.nvlm_allocation_counter_free(handle);
            handle = 0;
        }

        private (long Now, long Peak) Read(bool reset)
        {
            ObjectDisposedException.ThrowIf(handle == 0, this);
            long peak;
            var now = NativeMethods.nvlm_allocation_counter_read(handle, &peak, reset ? 1 : 0);
            return (now, peak);
        }
    }
}
