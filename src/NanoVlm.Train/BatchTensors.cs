using NanoVlm.Data;
using NanoVlm.Language;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>A batch on the device.</summary>
/// <param name="InputIds">[B, T], Int64.</param>
/// <param name="Labels">[B, T], Int64, -100 where there is none.</param>
/// <param name="PixelValues">[N, 3, S, S], or null where no row has an image.</param>
/// <param name="Layout">Where rows hold several texts, or null.</param>
internal sealed record BatchTensors(Tensor InputIds, Tensor Labels, Tensor? PixelValues, RowLayout? Layout)
{
    /// <summary>
    /// Copies a batch to the device. CUDA copies from pinned memory, and may not be done when this returns: the stream's next work waits.
    /// </summary>
    internal static BatchTensors Of(Batch batch, Device device)
    {
        long[] shape = [batch.Size, batch.Length];
        return new BatchTensors(
            Place(tensor(batch.InputIds, shape)),
            Place(tensor(batch.Labels, shape)),
            batch.Tiles == 0 ? null : Place(tensor(batch.Pixels, [batch.Tiles, 3, batch.TileSize, batch.TileSize])),
            batch.Layout is not { } rows
                ? null
                : new RowLayout(Place(tensor(rows.Positions, shape)), Place(tensor(rows.Documents, shape)), rows.LastPosition));

        Tensor Place(Tensor values) =>
            device.type == DeviceType.CUDA ? values.pin_memory().to(device, non_blocking: true) : values.to(device);
    }

    /// <summary>All its tensors.</summary>
    internal IEnumerable<Tensor> All => new[] { InputIds, Labels, PixelValues, Layout?.Positions, Layout?.Documents }.OfType<Tensor>();
}
