using System.Text.Json.Nodes;
using NanoVlm.Evaluation.Analysis.Drawing;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>A picture's patch features as colours: their first three principal components as red, green and blue.</summary>
/// <param name="Image">The picture as the tower saw it.</param>
/// <param name="Name">What messages call it.</param>
/// <param name="Patches">A pixel a patch.</param>
/// <param name="Projections">[rows, columns, 3] row by row: the components before they became colours.</param>
/// <param name="Explained">The share of the variance that each component explains.</param>
internal sealed record PatchPicture(RgbImage Image, string Name, RgbImage Patches, float[] Projections, IReadOnlyList<double> Explained)
{
    /// <summary>Makes the pictures.</summary>
    /// <param name="tower">The tower.</param>
    /// <param name="images">The pictures.</param>
    /// <param name="layer">The layer whose features are taken; null: the tower's output, after its final norm.</param>
    /// <param name="joint">Whether all pictures share their components and colours, so that the same colour means the same; otherwise each has its own.</param>
    /// <exception cref="NanoVlmException">A picture cannot be read or taken, or there is no such layer.</exception>
    public static IReadOnlyList<PatchPicture> Of(Tower tower, IReadOnlyList<StoredImage> images, int? layer = null, bool joint = false)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        tower.RequireLayer(layer);
        var seen = new List<(TowerView View, Tensor Features, int Rows, int Columns)>();
        foreach (var image in images)
        {
            using var inner = NewDisposeScope();
            var view = tower.View(image);
            var (pixels, states, output) = tower.Run(view);
            var (patches, rows, columns) = tower.Model.Patches(layer is { } number ? states[number] : output, pixels);
            seen.Add((view with { Pixels = [] }, patches[0].clone().MoveToOuterDisposeScope(), (int)rows, (int)columns));
        }
        return [.. (joint ? [seen] : seen.Select(one => new List<(TowerView View, Tensor Features, int Rows, int Columns)> { one })).SelectMany(Together)];
    }

    /// <summary>Writes <c>STEM.pca.png</c>, the picture and beside it its patches in their colours, and <c>STEM.pca.json</c>, the numbers.</summary>
    /// <param name="folder">The folder to write to; made where it is missing.</param>
    /// <param name="stem">What the files are called.</param>
    /// <exception cref="NanoVlmException">They cannot be written.</exception>
    public void Save(string folder, string stem)
    {
        var output = new OutputFolder(folder);
        var (width, height) = ImageAttention.Shown(Image, 448);
        output.Write($"{stem}.pca.png", ImageAttention.Beside(
            Overlay.Enlarged(Image, width, height), Resample.Resize(Patches, width, height, ResampleFilter.Nearest), Resample.Resize(Patches, width, height, ResampleFilter.Bicubic)));
        output.Write($"{stem}.pca.json", new JsonObject
        {
            ["image"] = Name,
            ["rows"] = Patches.Height,
            ["columns"] = Patches.Width,
            ["explained_variance"] = OutputFolder.Vector(Explained),
            ["components"] = new JsonArray([.. Projections.Chunk(3 * Patches.Width).Select(row =>
                (JsonNode)new JsonArray([.. row.Chunk(3).Select(patch => OutputFolder.Vector(patch.Select(value => (double)value)))]))]),
        });
    }

    // Pictures that share their components.
    private static List<PatchPicture> Together(List<(TowerView View, Tensor Features, int Rows, int Columns)> seen)
    {
        using var scope = NewDisposeScope();
        var (projections, explained) = PatchComponents.Of(cat([.. seen.Select(one => one.Features)], 0));
        var colours = PatchComponents.ToColours(projections);
        var values = projections.to(ScalarType.Float32).data<float>().ToArray();
        var pictures = new List<PatchPicture>();
        var start = 0;
        foreach (var (view, _, rows, columns) in seen)
        {
            var end = start + 3 * rows * columns;
            pictures.Add(new PatchPicture(view.Seen, view.Name, new RgbImage(columns, rows, colours[start..end]), values[start..end], explained));
            start = end;
        }
        return pictures;
    }
}
