using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public static partial class distributed
    {
        /// <summary>Keys and texts that all processes see: one of them serves, the others connect. Safe for several threads; one call at a time goes out.</summary>
        public sealed class TCPStore : IDisposable
        {
            private IntPtr handle;

            /// <summary>Serves, or connects and waits for the server.</summary>
            /// <param name="host_name">The server's host name or address.</param>
            /// <param name="port">Its port; 0 lets a server take a free one, see <see cref="Port"/>.</param>
            /// <param name="is_master">Whether this process serves.</param>
            /// <param name="timeout">How long to wait for the server; 5 minutes.</param>
            /// <param name="prefix">Comes before every key, so that several users share a server.</param>
            /// <exception cref="System.Runtime.InteropServices.ExternalException">The port is taken, the server does not answer, or the build has no process groups.</exception>
            public TCPStore(string host_name, int port, bool is_master = false, TimeSpan? timeout = null, string prefix = "")
            {
                IntPtr made;
                NativeMethods.Check(NativeMethods.nvlm_store_new(host_name, port, is_master ? 1 : 0, prefix, Milliseconds(timeout ?? TimeSpan.FromMinutes(5)), &made));
                handle = made;
            }

            /// <summary>The server's port.</summary>
            public int Port => NativeMethods.nvlm_store_port(Handle);

            internal IntPtr Handle => handle != 0 ? handle : throw new ObjectDisposedException(nameof(TCPStore));

            /// <summary>Sets a key.</summary>
            public void set(string key, string value) => NativeMethods.Check(NativeMethods.nvlm_store_set(Handle, key, value));

            /// <summary>A key's text; null where it is not set. Does not wait.</summary>
            public string? get(string key)
            {
                byte* text;
                NativeMethods.Check(NativeMethods.nvlm_store_get(Handle, key, &text));
                return text is null ? null : NativeMethods.TakeString(text);
            }

            /// <summary>Adds to a counter, which begins at 0, and gives its value.</summary>
            public long add(string key, long amount)
            {
                long sum;
                NativeMethods.Check(NativeMethods.nvlm_store_add(Handle, key, amount, &sum));
                return sum;
            }

            /// <summary>Disconnects; a server stops serving.</summary>
            public void Dispose()
            {
                if (Interlocked.Exchange(ref handle, 0) is not 0 and var old) NativeMethods.nvlm_store_free(old);
                GC.SuppressFinalize(this);
            }

            /// <summary>The safety net for a store that nobody disposed of.</summary>
            ~TCPStore() => Dispose();
        }
    }
}
