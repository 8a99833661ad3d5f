using System.Runtime.InteropServices;
using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public static partial class distributed
    {
        /// <summary>A collective that was started. Its tensors may be used once <see cref="wait"/> gave true.</summary>
        public sealed class Work : IDisposable
        {
            private IntPtr handle;
            private Action? after;

            internal Work(IntPtr handle) => this.handle = handle;

            // More to do once the tensors are there; before anybody waits.
            internal Work Then(Action next)
            {
                after += next;
                return this;
            }

            /// <summary>Why the collective failed; null while it has not.</summary>
            public string? error { get; private set; }

            /// <summary>Whether the collective has ended, well or not. Does not wait.</summary>
            public bool is_completed() => handle == 0 || NativeMethods.nvlm_work_is_completed(handle) != 0;

            /// <summary>Waits for the end.</summary>
            /// <param name="timeout">How long; null: without end.</param>
            /// <returns>False when the time was up first; it may be waited for again.</returns>
            /// <exception cref="ExternalException">The collective failed; the text is gloo's or nccl's.</exception>
            public bool wait(TimeSpan? timeout = null)
            {
                if (error is not null) throw new ExternalException(error);
                if (handle == 0) return true;
                int completed;
                if (NativeMethods.nvlm_work_wait(handle, timeout is { } limit ? Milliseconds(limit) : 0, &completed) != 0)
                {
                    error = Marshal.PtrToStringUTF8((IntPtr)NativeMethods.nvlm_last_error());
                    throw new ExternalException(error);
                }
                if (completed == 0) return false;
                Dispose();
                Interlocked.Exchange(ref after, null)?.Invoke();
                return true;
            }

            /// <summary>Lets go of the collective; it runs on to its end.</summary>
            public void Dispose()
            {
                if (Interlocked.Exchange(ref handle, 0) is not 0 and var old) NativeMethods.nvlm_work_free(old);
                GC.SuppressFinalize(this);
            }

            /// <summary>The safety net for a work that nobody waited for.</summary>
            ~Work() => Dispose();
        }
    }
}
