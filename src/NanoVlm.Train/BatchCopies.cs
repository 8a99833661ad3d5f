using NanoVlm.Data;
using NanoVlm.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>
/// Brings batches to the device. To a CUDA device the next one comes on a stream of its own while the one before it is computed.
/// </summary>
/// <param name="device">The device.</param>
internal sealed class BatchCopies(Device device) : IDisposable
{
    private readonly CudaCopyStream? aside = device.type == DeviceType.CUDA ? new(Math.Max(0, device.index)) : null;
    private (Batch Batch, BatchTensors Tensors)? coming;

    /// <summary>Whether <see cref="Begin"/> does anything.</summary>
    internal bool ComeAhead => aside is not null;

    /// <summary>
    /// Begins to copy a batch. Call it while the tensors of the batch before are alive and its loss has been waited for: the copy may go to
    /// memory that the batch before that one has left, and nothing computes with it any more by then.
    /// </summary>
    internal void Begin(Batch next)
    {
        if (aside is null) return;
        Dispose();
        using var scope = NewDisposeScope();
        aside.Run(() => coming = (next, BatchTensors.Of(next, device)));
        foreach (var tensor in coming!.Value.Tensors.All) tensor.DetachFromDisposeScope();
    }

    /// <summary>A batch's tensors, in the current dispose scope.</summary>
    internal BatchTensors Of(Batch batch)
    {
        if (coming is not { } begun || !ReferenceEquals(begun.Batch, batch)) return BatchTensors.Of(batch, device);
        aside!.Wait();
        coming = null;
        foreach (var tensor in begun.Tensors.All) CurrentDisposeScope!.Attach(tensor);
        return begun.Tensors;
    }

    /// <summary>Frees a batch that nobody has asked for.</summary>
    public void Dispose()
    {
        if (coming is not { } begun) return;
        aside!.Wait();
        foreach (var tensor in begun.Tensors.All) tensor.Dispose();
        coming = null;
    }
}
