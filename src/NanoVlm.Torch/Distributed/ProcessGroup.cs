using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public static partial class distributed
    {
        /// <summary>
        /// The ranks that work together. Every method starts a collective and gives a <see cref="Work"/> to wait for; all ranks must start the same
        /// ones in the same order, on contiguous tensors of equal shape and dtype. A tensor must not be touched until its work is done.
        /// </summary>
        public sealed class ProcessGroup : IDisposable
        {
            private IntPtr handle;

            internal ProcessGroup(IntPtr handle, int rank, int size) => (this.handle, this.rank, this.size) = (handle, rank, size);

            /// <summary>This process's number, from 0.</summary>
            public int rank { get; }

            /// <summary>How many ranks there are.</summary>
            public int size { get; }

            private IntPtr Handle => handle != 0 ? handle : throw new ObjectDisposedException(nameof(ProcessGroup));

            /// <summary>Makes the tensors of all ranks one, in place. bfloat16 is reduced in float32 and rounded once.</summary>
            public Work all_reduce(Tensor tensor, ReduceOp op = ReduceOp.SUM)
            {
                if (op == ReduceOp.AVG && !tensor.is_floating_point()) throw new ArgumentException($"The mean is of floating point numbers; this is {tensor}.");
                IntPtr work;
                if (tensor.dtype == ScalarType.BFloat16)
                {
                    using var constant = no_grad();
                    var (target, wide) = (Keep(Contiguous(tensor).alias()), Keep(tensor.to(ScalarType.Float32)));
                    NativeMethods.Check(NativeMethods.nvlm_group_all_reduce(Handle, wide.Handle, Sum(op), &work));
                    return new Work(work).Then(() =>
                    {
                        using var mode = no_grad();
                        if (op == ReduceOp.AVG) wide.div_(size);
                        target.copy_(wide);
                        wide.Dispose();
                        target.Dispose();
                    });
                }
                NativeMethods.Check(NativeMethods.nvlm_group_all_reduce(Handle, Contiguous(tensor).Handle, Sum(op), &work));
                GC.KeepAlive(tensor);
                if (op != ReduceOp.AVG) return new Work(work);
                var mean = Keep(tensor.alias());
                return new Work(work).Then(() =>
                {
                    using var mode = no_grad();
                    mean.div_(size);
                    mean.Dispose();
                });
            }

            /// <summary>Gives every rank the tensor of rank <paramref name="src"/>, in place.</summary>
            public Work broadcast(Tensor tensor, int src)
            {
                IntPtr work;
                NativeMethods.Check(NativeMethods.nvlm_group_broadcast(Handle, Contiguous(tensor).Handle, src, &work));
                GC.KeepAlive(tensor);
                return new Work(work);
            }

            /// <summary>Gathers the tensors of all ranks on every rank.</summary>
            /// <param name="tensor_list">One tensor of the input's shape for each rank; filled.</param>
            /// <param name="tensor">This rank's.</param>
            public Work all_gather(IList<Tensor> tensor_list, Tensor tensor)
            {
                if (tensor_list.Count != size) throw new ArgumentException($"{tensor_list.Count} tensors to gather the tensors of {size} ranks in; give one for each rank.");
                var outputs = tensor_list.Select(output => Contiguous(output).Handle).ToArray();
                IntPtr work;
                fixed (IntPtr* to = outputs)
                    NativeMethods.Check(NativeMethods.nvlm_group_all_gather(Handle, to, outputs.Length, Contiguous(tensor).Handle, &work));
                GC.KeepAlive(tensor_list);
                GC.KeepAlive(tensor);
                return new Work(work);
            }

            /// <summary>Reduces the tensors of all ranks and gives each rank its part: gloo has no such collective, so the whole is reduced and cut.</summary>
            /// <param name="output">This rank's part; filled.</param>
            /// <param name="input">As many elements as all parts together; stays as it is.</param>
            /// <param name="op">How.</param>
            public Work reduce_scatter(Tensor output, Tensor input, ReduceOp op = ReduceOp.SUM)
            {
                var part = output.numel();
                if (input.numel() != part * size) throw new ArgumentException($"The input of {size} ranks with parts of {part} elements has {part * size}; this is {input}.");
                var (whole, target) = (Keep(Contiguous(input).clone()), Keep(Contiguous(output).alias()));
                return all_reduce(whole, op).Then(() =>
                {
                    using var scope = NewDisposeScope();
                    using var mode = no_grad();
                    target.copy_(whole.view(-1).narrow(0, rank * part, part).view_as(target));
                    whole.Dispose();
                    target.Dispose();
                });
            }

            /// <summary>Ends when all ranks have come.</summary>
            public Work barrier()
            {
                IntPtr work;
                NativeMethods.Check(NativeMethods.nvlm_group_barrier(Handle, &work));
                return new Work(work);
            }

            /// <summary>Waits until all ranks have come; rank 0 names those that did not.</summary>
            /// <param name="timeout">How long rank 0 waits for each.</param>
            /// <exception cref="System.Runtime.InteropServices.ExternalException">A rank did not come.</exception>
            public void monitored_barrier(TimeSpan timeout) => NativeMethods.Check(NativeMethods.nvlm_group_monitored_barrier(Handle, Milliseconds(timeout)));

            /// <summary>Leaves the group as it is, works that will never end included: for a process that ends because of a lost rank.</summary>
            public void abandon() => Free(abandoned: true);

            /// <summary>Waits for what was started, and leaves.</summary>
            public void Dispose() => Free(abandoned: false);

            private void Free(bool abandoned)
            {
                if (Interlocked.Exchange(ref handle, 0) is not 0 and var old) NativeMethods.nvlm_group_free(old, abandoned ? 1 : 0);
            }

            private static int Sum(ReduceOp op) => (int)(op == ReduceOp.AVG ? ReduceOp.SUM : op);

            private static Tensor Contiguous(Tensor tensor) =>
                tensor.is_contiguous() ? tensor : throw new ArgumentException($"A collective needs a contiguous tensor; the strides of {tensor} are [{string.Join(", ", tensor.stride())}].");

            // A work outlives the scope it was started in.
            private static Tensor Keep(Tensor tensor) => tensor.DetachFromDisposeScope();
        }
    }
}
