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
    internal static BatchTensors Of(Batch batch, Device device)
    {
        long[] shape = [batch.Size, batch.Length];
        return new BatchTensors(
            tensor(batch.InputIds, shape, device: device),
            tensor(batch.Labels, shape, device: device),
            batch.Tiles == 0 ? null : tensor(batch.Pixels, [batch.Tiles, 3, batch.TileSize, batch.TileSize], device: device),
            batch.Layout is not { } rows ? null : new RowLayout(tensor(rows.Positions, shape, device: device), tensor(rows.Documents, shape, device: device), rows.LastPosition));
    }
}
