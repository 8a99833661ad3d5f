using System.Globalization;
using System.Text.Json.Nodes;
using NanoVlm.Evaluation.Analysis.Drawing;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>Where a vision tower looks in a picture: how much the CLS token takes of each patch, or where there is none, how much all patches take on average.</summary>
/// <param name="Image">The picture as the tower saw it.</param>
/// <param name="Name">What messages call it.</param>
/// <param name="Rows">Rows of patches.</param>
/// <param name="Columns">Columns of patches.</param>
/// <param name="Blocks">The blocks' numbers, from 1.</param>
/// <param name="Maps">By block and head, [rows, columns] row by row. What goes to the CLS token and registers is missing to a sum of 1.</param>
/// <param name="Rollout">The same of the <see cref="AttentionRollout"/> through all blocks up to the last of <paramref name="Blocks"/>.</param>
/// <param name="FromClass">Whether it is the CLS token that looks.</param>
internal sealed record ImageAttention(
    RgbImage Image, string Name, int Rows, int Columns, IReadOnlyList<int> Blocks, IReadOnlyList<IReadOnlyList<float[]>> Maps, float[] Rollout, bool FromClass)
{
    /// <summary>Looks at a picture.</summary>
    /// <param name="tower">The tower.</param>
    /// <param name="image">The picture.</param>
    /// <param name="block">The one block to look at, from 1; null: all.</param>
    /// <exception cref="NanoVlmException">The picture cannot be read or taken, or there is no such block.</exception>
    public static ImageAttention Of(Tower tower, StoredImage image, int? block = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        tower.RequireLayer(block);
        if (block == 0) throw new NanoVlmException($"{tower.Folder}: layer 0 is the embedded patches, where nothing attends yet; take 1 to {tower.LastLayer}.");
        var view = tower.View(image);
        var (pixels, states, output) = tower.Run(view);
        var (_, rows, columns) = tower.Model.Patches(output, pixels);
        var config = tower.Model.Config;
        var maps = new List<IReadOnlyList<float[]>>();
        var blocks = new List<int>();
        Tensor? rollout = null;
        for (var number = 1; number <= (block ?? tower.LastLayer); number++)
        {
            using var inner = NewDisposeScope();
            var probabilities = tower.Model.AttentionProbabilities(number - 1, states[number - 1], pixels)[0]; // [H, T, T]
            var before = rollout;
            rollout = AttentionRollout.Step(before, probabilities).MoveToOuterDisposeScope();
            before?.Dispose();
            if (block is { } only && number != only) continue;
            blocks.Add(number);
            maps.Add([.. OnPatches(probabilities, config.PrefixTokens, config.ClassToken).data<float>().ToArray().Chunk((int)(rows * columns))]);
        }
        var flow = OnPatches(rollout!.unsqueeze(0), config.PrefixTokens, config.ClassToken).to(ScalarType.Float32).data<float>().ToArray();
        return new ImageAttention(view.Seen, view.Name, (int)rows, (int)columns, blocks, maps, flow, config.ClassToken);
    }

    /// <summary>What is taken of the patches: by the CLS token, or by all patches on average.</summary>
    /// <param name="probabilities">[heads, T, T] of query by key.</param>
    /// <param name="prefix">Tokens before the patches.</param>
    /// <param name="fromClass">Whether the CLS token looks, which is the first.</param>
    /// <returns>[heads, patches], contiguous.</returns>
    public static Tensor OnPatches(Tensor probabilities, long prefix, bool fromClass)
    {
        using var scope = NewDisposeScope();
        var patches = probabilities.shape[^1] - prefix;
        var looks = fromClass ? probabilities.select(-2, 0) : probabilities.narrow(-2, prefix, patches).mean([-2]);
        return looks.narrow(-1, prefix, patches).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Writes <c>STEM.attention.png</c> (a row of pictures for each block, a column for each head, each map by its own largest value),
    /// <c>STEM.rollout.png</c> (beside the picture) and <c>STEM.attention.json</c> (the numbers).</summary>
    /// <param name="folder">The folder to write to; made where it is missing.</param>
    /// <param name="stem">What the files are called.</param>
    /// <exception cref="NanoVlmException">They cannot be written.</exception>
    public void Save(string folder, string stem)
    {
        var output = new OutputFolder(folder);
        output.Write($"{stem}.attention.png", Grid());
        var (width, height) = Shown(Image, 448);
        output.Write($"{stem}.rollout.png", Beside(Overlay.Enlarged(Image, width, height), Overlay.Draw(Image, Rollout, Rows, Columns, width, height)));
        output.Write($"{stem}.attention.json", new JsonObject
        {
            ["image"] = Name,
            ["from"] = FromClass ? "cls" : "mean over patches",
            ["rows"] = Rows,
            ["columns"] = Columns,
            ["rollout"] = OutputFolder.Map(Rollout, Columns),
            ["blocks"] = new JsonArray([.. Blocks.Select((number, i) => (JsonNode)new JsonObject
            {
                ["block"] = number,
                ["heads"] = new JsonArray([.. Maps[i].Select(map => OutputFolder.Map(map, Columns))]),
            })]),
        });
    }

    /// <summary>The size in which a picture is shown: its longer side is about what is asked for, a multiple of its own where it is much smaller.</summary>
    internal static (int Width, int Height) Shown(RgbImage image, int side)
    {
        var scale = (double)side / Math.Max(image.Width, image.Height);
        if (scale >= 3) scale = Math.Floor(scale);
        return (Math.Max(1, (int)Math.Round(image.Width * scale)), Math.Max(1, (int)Math.Round(image.Height * scale)));
    }

    /// <summary>Pictures of one size side by side.</summary>
    internal static RgbImage Beside(params RgbImage[] pictures)
    {
        const int gap = 8;
        var canvas = new Canvas(pictures.Sum(picture => picture.Width + gap) + gap, pictures[0].Height + 2 * gap);
        var left = gap;
        foreach (var picture in pictures)
        {
            canvas.Paste(picture, left, gap);
            left += picture.Width + gap;
        }
        return canvas.ToImage();
    }

    private RgbImage Grid()
    {
        const int gap = 4, text = 2;
        var heads = Maps[0].Count;
        var (width, height) = Shown(Image, Math.Clamp(1536 / heads, 96, 256));
        var side = Canvas.Extent("00", text) + 4 * gap;
        var top = PixelFont.Height * text + 4 * gap + PixelFont.Height * text;
        var canvas = new Canvas(side + heads * (width + gap), top + Maps.Count * (height + gap));
        canvas.Write("blocks down, heads across", gap, gap, text, Canvas.Ink);
        for (var head = 0; head < heads; head++)
            Centred((head + 1).ToString(CultureInfo.InvariantCulture), side + head * (width + gap) + width / 2, top - PixelFont.Height * text / 2 - gap);
        for (var i = 0; i < Maps.Count; i++)
        {
            var y = top + i * (height + gap);
            Centred(Blocks[i].ToString(CultureInfo.InvariantCulture), side / 2, y + height / 2);
            for (var head = 0; head < heads; head++)
                canvas.Paste(Overlay.Draw(Image, Maps[i][head], Rows, Columns, width, height), side + head * (width + gap), y);
        }
        return canvas.ToImage();

        void Centred(string label, int x, int y) => canvas.Write(label, x - Canvas.Extent(label, text) / 2, y - PixelFont.Height * text / 2, text, Canvas.Ink);
    }
}
