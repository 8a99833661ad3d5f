using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>PyTorch's <c>torch.distributed</c> over c10d: gloo for main memory, nccl for CUDA where libtorch has it.</summary>
    public static partial class distributed
    {
        /// <summary>How the tensors of all ranks become one; the numbers are c10d's.</summary>
        public enum ReduceOp
        {
            /// <summary>The sum.</summary>
            SUM = 0,
            /// <summary>The mean; floating point only.</summary>
            AVG = 1,
            /// <summary>The product.</summary>
            PRODUCT = 2,
            /// <summary>The smallest of each element.</summary>
            MIN = 3,
            /// <summary>The largest of each element.</summary>
            MAX = 4,
        }

        /// <summary>Whether this build has process groups at all.</summary>
        public static bool is_available() => is_gloo_available();

        /// <summary>Whether this build reduces tensors in main memory.</summary>
        public static bool is_gloo_available() => NativeMethods.nvlm_distributed_has("gloo") != 0;

        /// <summary>Whether this build reduces tensors on CUDA devices by nccl.</summary>
        public static bool is_nccl_available() => NativeMethods.nvlm_distributed_has("nccl") != 0;

        /// <summary>Joins a group; returns when all ranks did. There is no group of the process: the caller holds it.</summary>
        /// <param name="store">Where the ranks meet.</param>
        /// <param name="rank">This process's number, from 0.</param>
        /// <param name="world_size">How many ranks there are.</param>
        /// <param name="timeout">How long to wait for the others, here and in every collective; 30 minutes.</param>
        /// <param name="address">This process's own host name or address, for the others to reach; the machine's when null.</param>
        /// <exception cref="System.Runtime.InteropServices.ExternalException">A rank did not come, or the build has no process groups.</exception>
        public static ProcessGroup init_process_group(TCPStore store, int rank, int world_size, TimeSpan? timeout = null, string? address = null)
        {
            IntPtr made;
            NativeMethods.Check(NativeMethods.nvlm_group_new(store.Handle, rank, world_size, address, Milliseconds(timeout ?? TimeSpan.FromMinutes(30)), &made));
            return new ProcessGroup(made, rank, world_size);
        }

        internal static long Milliseconds(TimeSpan time) => Math.Max(1, (long)time.TotalMilliseconds);
    }
}
