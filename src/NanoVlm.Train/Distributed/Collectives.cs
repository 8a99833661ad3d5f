using static TorchSharp.torch;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// What ranks do together with tensors. All ranks start the same in the same order, on contiguous tensors of equal shape and dtype; a
/// tensor must not be touched until its work is done.
/// </summary>
internal abstract class Collectives : IDisposable
{
    /// <summary>Sums a tensor over all ranks, in place; all get the same bits.</summary>
    internal abstract Work AllReduce(Tensor tensor);

    /// <summary>Gives all ranks the tensor of one, in place.</summary>
    internal abstract Work Broadcast(Tensor tensor, int from);

    /// <summary>Gathers a tensor of each rank.</summary>
    /// <param name="input">This rank's.</param>
    /// <param name="output">The input's shape after a first dimension of all ranks; filled.</param>
    internal abstract Work AllGather(Tensor input, Tensor output);

    /// <summary>Leaves works alone that will never end: for a process that ends because of a lost rank.</summary>
    internal abstract void Abandon();

    /// <summary>Leaves, with all works done.</summary>
    public abstract void Dispose();

    /// <summary>Something that was started.</summary>
    internal abstract class Work
    {
        /// <summary>Waits for the end.</summary>
        /// <param name="timeout">How long.</param>
        /// <returns>False when the time was up first; it may be waited for again.</returns>
        /// <exception cref="IOException">It failed, as a connection did.</exception>
        internal abstract bool Wait(TimeSpan timeout);
    }

    private protected static Tensor Contiguous(Tensor tensor) =>
        tensor.is_contiguous()
            ? tensor
            : throw new ArgumentException(
                $"A collective needs a contiguous tensor; the strides of {tensor} are [{string.Join(", ", tensor.stride())}].");
}
