using System.Text.Json.Nodes;
using NanoVlm.Evaluation.Analysis;
using NanoVlm.Evaluation.Tests.Towers;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Analysis;

[Collection(TensorTests.Name)]
public sealed class PatchComponentsTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly TowerFolder folder = new();

    public void Dispose()
    {
        folder.Dispose();
        scope.Dispose();
    }

    // Along (3, 4) / 5 by -2, 0 and 2; a little across it. The heavier feature of the axis is the second, so it weighs more than 0.
    [Fact]
    public void A_case_by_hand()
    {
        var (projections, explained) = PatchComponents.Of(RandomFeatures.Matrix(new[,] { { 10 - 1.2, 20 - 1.6 }, { 10.08, 19.94 }, { 10 + 1.2, 20 + 1.6 }, { 9.92, 20.06 } }), 2);
        var values = projections.data<double>().ToArray();
        Assert.Equal([-2, 0, 0, -0.1, 2, 0, 0, 0.1], values.Select(value => Math.Round(value, 9)), (a, b) => Math.Abs(Math.Abs(a) - Math.Abs(b)) < 1e-9);
        Assert.True(values[0] < 0 && values[4] > 0);
        Assert.Equal([8 / 8.02, 0.02 / 8.02], explained, (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void Components_are_uncorrelated_and_their_signs_do_not_depend_on_the_items_order()
    {
        var x = RandomFeatures.Normal(1, 40, 6) * tensor(new double[] { 5, 4, 3, 2, 1, 1 });
        var (projections, explained) = PatchComponents.Of(x);
        var products = projections.t().mm(projections);
        Assert.True((products * (1 - eye(3, dtype: ScalarType.Float64))).abs().max().item<double>() < 1e-9);
        Assert.True(explained[0] > explained[1] && explained[1] > explained[2] && explained.Sum() < 1);
        Assert.True((PatchComponents.Of(x.flip(0)).Projections.flip(0) - projections).abs().max().item<double>() < 1e-9);
    }

    [Fact]
    public void Components_that_there_are_not_are_nothing()
    {
        var (projections, explained) = PatchComponents.Of(RandomFeatures.Matrix(new double[,] { { 1 }, { 2 }, { 4 } }));
        Assert.Equal([1.0, 0, 0], explained);
        Assert.Equal([128, 128, 128], PatchComponents.ToColours(projections).Where((_, i) => i % 3 == 1).Select(value => (int)value));
        Assert.Equal([0.0, 0, 0], PatchComponents.Of(full(5, 4, 0.1, ScalarType.Float32)).Explained);
    }

    [Fact]
    public void Colours_go_from_percentile_to_percentile()
    {
        var values = arange(101).to(ScalarType.Float64).unsqueeze(1).expand(-1, 3).contiguous();
        var reds = PatchComponents.ToColours(values, 10).Where((_, i) => i % 3 == 0).ToArray();
        Assert.Equal((0, 0, 128, 255, 255), ((int)reds[0], (int)reds[10], (int)reds[50], (int)reds[90], (int)reds[100]));
    }

    [Fact]
    public void Pictures_share_their_components_or_have_their_own()
    {
        using var tower = Tower.Open(folder.Model("dinov2-registers"));
        var images = folder.Pictures(3);
        var (joint, apart) = (PatchPicture.Of(tower, images, joint: true), PatchPicture.Of(tower, images));
        Assert.Single(joint.Select(picture => picture.Explained[0]).Distinct());
        Assert.Equal(3, apart.Select(picture => picture.Explained[0]).Distinct().Count());
        Assert.Equal(PatchPicture.Of(tower, [images[1]])[0].Projections, apart[1].Projections);
        var sums = joint.Select(picture => picture.Projections.Where((_, i) => i % 3 == 0).Sum()).ToArray();
        Assert.InRange(sums.Sum(), -1e-3, 1e-3); // the mean of all together is 0, not of each
        Assert.Contains(sums, sum => Math.Abs(sum) > 0.1);
        Assert.NotEqual(apart[0].Projections, PatchPicture.Of(tower, images, layer: 0)[0].Projections);
    }

    [Fact]
    public void The_files_hold_a_picture_of_the_image_s_size_and_the_numbers()
    {
        using var tower = Tower.Open(folder.Model("dinov2-registers"));
        PatchPicture.Of(tower, folder.Pictures(1))[0].Save(folder["out"], "a");
        var picture = ImageCodec.Load(folder["out/a.pca.png"]);
        Assert.Equal((3 * 448 + 32, 448 + 16), (picture.Width, picture.Height));
        var json = JsonNode.Parse(File.ReadAllText(folder["out/a.pca.json"]))!;
        Assert.Equal((4, 4, 3), (json["components"]!.AsArray().Count, json["components"]![0]!.AsArray().Count, json["components"]![0]![0]!.AsArray().Count));
        Assert.Equal(3, json["explained_variance"]!.AsArray().Count);
    }
}
