using System.Text.Json.Nodes;
using NanoVlm.Evaluation.Analysis;
using NanoVlm.Evaluation.Analysis.Drawing;
using NanoVlm.Evaluation.Tests.Towers;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Analysis;

[Collection(TensorTests.Name)]
public sealed class LayerSimilarityTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly TowerFolder folder = new();

    public void Dispose()
    {
        folder.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void CKA_of_two_towers_is_that_of_their_layers_features()
    {
        using var one = Tower.Open(folder.Model("siglip-full"));
        using var other = Tower.Open(folder.Model("dinov3-vits16plus-like"));
        var images = folder.Pictures(12);
        var plain = LayerSimilarity.Cka(one, other, images, unbiased: false);
        var (x, y) = (one.LayerFeatures(images, TokenPooling.Mean), other.LayerFeatures(images, TokenPooling.Mean));
        Assert.Equal((4, 4), (plain.Values.GetLength(0), plain.Values.GetLength(1)));
        Assert.Equal(LinearCka.Of(x[1], y[2]), plain.Values[1, 2], 9);
        using var batches = new MinibatchCka();
        foreach (var start in new[] { 0, 4, 8 })
            batches.Add([.. x.Select(layer => layer.narrow(0, start, 4))], [.. y.Select(layer => layer.narrow(0, start, 4))]);
        var unbiased = LayerSimilarity.Cka(one, other, images, batchSize: 5); // three batches of four, not two of five and a rest that is too small
        Assert.Equal(batches.Result()[3, 1], unbiased.Values[3, 1], 5);
        var second = LayerSimilarity.Cka(one, other, images, layer: 2);
        Assert.Equal([2], second.Layers);
        Assert.Equal(LayerSimilarity.Cka(one, other, images).Values[2, 3], second.Values[0, 3], 9);
    }

    [Fact]
    public void A_tower_is_wholly_like_itself()
    {
        using var tower = Tower.Open(folder.Model("clip-vision"));
        var values = LayerSimilarity.Cka(tower, tower, folder.Pictures(9), TokenPooling.Class).Values;
        for (var i = 1; i < values.GetLength(0); i++) Assert.Equal(1, values[i, i], 9);
        Assert.True(double.IsNaN(values[0, 1])); // the CLS token before the first block is the same for all pictures
    }

    [Fact]
    public void NPIB_comes_with_what_there_is_by_chance()
    {
        using var one = Tower.Open(folder.Model("siglip-full"));
        using var other = Tower.Open(folder.Model("dinov3-vits16plus-like"));
        var images = folder.Pictures(16);
        var result = LayerSimilarity.Npib(one, other, images, temperature: 0.05);
        var (x, y) = (Npib.Profiles(one.LayerFeatures(images, TokenPooling.Mean)[2]), Npib.Profiles(other.LayerFeatures(images, TokenPooling.Mean)[1]));
        Assert.Equal(Npib.Of(x, y, 0.05), result.Values[2, 1], 9);
        Assert.True(result.Values[0, 0] > result.Chance![0, 0], $"{result.Values[0, 0]} {result.Chance[0, 0]}");
        Assert.Null(LayerSimilarity.Npib(one, one, images, sharedSpace: true).Chance);
    }

    [Fact]
    public void The_files_hold_a_heat_map_and_its_numbers()
    {
        using var tower = Tower.Open(folder.Model("clip-vision"));
        var path = LayerSimilarity.Cka(tower, tower, folder.Pictures(5), TokenPooling.Class).Save(folder["out"]);
        var map = ImageCodec.Load(path);
        Assert.Contains(ColourMap.Of(1), Colours(map));
        Assert.Contains(Canvas.Grey, Colours(map)); // not a number
        var json = JsonNode.Parse(File.ReadAllText(folder["out/cka.json"]))!;
        Assert.Equal(("cka", "unbiased", "cls", 5), ((string)json["measure"]!, (string)json["estimator"]!, (string)json["pool"]!, (int)json["images"]!));
        Assert.Equal(1, (double)json["values"]![1]![1]!);
        Assert.Null(json["values"]![0]![1]);
        Assert.Equal(tower.LastLayer + 1, json["layers"]!.AsArray().Count);
    }

    [Fact]
    public void Too_few_pictures_and_other_widths_are_refused()
    {
        using var one = Tower.Open(folder.Model("siglip-full"));
        Assert.Contains("3 pictures are too few", Assert.Throws<NanoVlmException>(() => LayerSimilarity.Cka(one, one, folder.Pictures(3))).Message);
        Assert.Contains("there is no layer 9", Assert.Throws<NanoVlmException>(() => LayerSimilarity.Cka(one, one, folder.Pictures(4), layer: 9)).Message);
    }

    [Fact]
    public void Nothing_is_left_alive()
    {
        var (model, images) = (folder.Model("clip-vision"), folder.Pictures(4));
        LeakCheck.AssertNone(() =>
        {
            using var tower = Tower.Open(model);
            LayerSimilarity.Cka(tower, tower, images);
            LayerSimilarity.Cka(tower, tower, images, unbiased: false);
            LayerSimilarity.Npib(tower, tower, images);
        });
    }

    [Fact]
    public void A_heat_map_shows_its_cells_from_the_bottom_up_with_labels()
    {
        var map = HeatMap.Draw(new[,] { { 0, 0.5 }, { 1, double.NaN } }, [0, 1], [0, 1], "cka", "a", "b");
        var colours = Colours(map);
        foreach (var colour in new[] { ColourMap.Of(0), ColourMap.Of(0.5), ColourMap.Of(1), Canvas.Grey, Canvas.Ink }) Assert.Contains(colour, colours);
        Assert.True(First(ColourMap.Of(1)) < First(ColourMap.Of(0)), "the second row stands above the first");

        int First(Colour colour) => Array.IndexOf(Colours(map), colour) / map.Width;
    }

    [Fact]
    public void The_colour_map_grows_lighter_all_the_way()
    {
        var lights = Enumerable.Range(0, 101).Select(i => ColourMap.Of(i / 100.0)).Select(colour => 0.3 * colour.Red + 0.59 * colour.Green + 0.11 * colour.Blue).ToArray();
        Assert.All(lights.Zip(lights.Skip(1)), pair => Assert.True(pair.Second > pair.First));
        Assert.Equal((ColourMap.Of(0), ColourMap.Of(1)), (ColourMap.Of(-3), ColourMap.Of(7)));
    }

    private static Colour[] Colours(RgbImage image) => [.. image.Pixels.Chunk(3).Select(pixel => new Colour(pixel[0], pixel[1], pixel[2]))];
}
