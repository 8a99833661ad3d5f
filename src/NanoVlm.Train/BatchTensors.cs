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
                : Placed(rows));

        RowLayout Placed(BatchLayout rows)
        {
            var layout = new RowLayout(Place(tensor(rows.Positions, shape)), Place(tensor(rows.Documents, shape)), rows.LastPosition);
            if (device.type != DeviceType.CUDA || rows.Documents.Contains(0)) return layout; // document 0 is seen by all
            var starts = Starts(rows.Documents, batch.Length);
            return layout with { DocumentStarts = Place(tensor(starts)), LongestDocument = starts.Zip(starts.Skip(1), (start, end) => end - start).Max() };
        }

        Tensor Place(Tensor values) =>
            device.type == DeviceType.CUDA ? values.pin_memory().to(device, non_blocking: true) : values.to(device);
    }

    /// <summary>All its tensors.</summary>
    internal IEnumerable<Tensor> All => new[] { InputIds, Labels, PixelValues, Layout?.Positions, Layout?.Documents, Layout?.DocumentStarts }.OfType<Tensor>();

    /// <summary>Where documents begin in rows behind each other, and where the last one ends.</summary>
    /// <param name="documents">[B, T]: the document of each token.</param>
    /// <param name="length">T.</param>
    internal static int[] Starts(long[] documents, int length) =>
        [.. Enumerable.Range(0, documents.Length).Where(i => i % length == 0 || documents[i] != documents[i - 1]), documents.Length];
}
