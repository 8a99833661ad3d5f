using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public partial class Tensor
    {
        /// <summary>
        /// Calls back whenever a backward has added to this leaf's <see cref="grad"/>: once for each backward that reaches it. An exception of the
        /// hook reaches the caller of <c>backward()</c>.
        /// </summary>
        /// <param name="hook">Gets this tensor; runs on the thread of the backward, with gradients off.</param>
        /// <returns>Removes the hook when disposed of.</returns>
        /// <exception cref="ExternalException">The tensor is no leaf, or needs no gradient.</exception>
        public IDisposable register_post_accumulate_grad_hook(Action<Tensor> hook) => new autograd.GradientHook(this, hook);
    }

    public static partial class autograd
    {
        internal sealed class GradientHook : IDisposable
        {
            private readonly Tensor leaf;
            private readonly Action<Tensor> hook;
            private readonly GCHandle self; // what the native hook reaches this object by
            private IntPtr handle;

            internal GradientHook(Tensor leaf, Action<Tensor> hook)
            {
                (this.leaf, this.hook) = (leaf, hook);
                self = GCHandle.Alloc(this);
                IntPtr made;
                var status = NativeMethods.nvlm_gradient_hook(leaf.Handle, &Accumulated, (void*)GCHandle.ToIntPtr(self), &made);
                if (status != 0) self.Free();
                NativeMethods.Check(status);
                handle = made;
            }

            public void Dispose()
            {
                if (Interlocked.Exchange(ref handle, 0) is not (not 0 and var old)) return;
                NativeMethods.nvlm_gradient_hook_free(old);
                self.Free();
            }

            [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
            private static byte* Accumulated(void* context)
            {
                var called = (GradientHook)GCHandle.FromIntPtr((IntPtr)context).Target!;
                try
                {
                    using var scope = NewDisposeScope();
                    using var mode = no_grad();
                    called.hook(called.leaf);
                    return null;
                }
                catch (Exception exception)
                {
                    return NativeText(exception.Message);
                }
            }

            private static byte* NativeText(string text)
            {
                var bytes = Encoding.UTF8.GetBytes(text + "\0");
                var copy = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
                bytes.CopyTo(new Span<byte>(copy, bytes.Length));
                return copy;
            }
        }
    }
}
