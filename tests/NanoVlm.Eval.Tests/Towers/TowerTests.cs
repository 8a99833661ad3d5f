using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Towers;

[Collection(TensorTests.Name)]
public sealed class TowerTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly TowerFolder folder = new();

    public void Dispose()
    {
        folder.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void What_the_tower_sees_is_the_picture_resized()
    {
        using var tower = Tower.Open(folder.Model("clip-vision"));
        var image = folder.Pictures(1)[0];
        var view = tower.View(image);
        Assert.Equal(Resample.Resize(image.Decode(), 32, 32, ResampleFilter.Bicubic).Pixels, view.Seen.Pixels);
    }

    [Theory, InlineData(TokenPooling.Mean), InlineData(TokenPooling.Class)]
    public void Features_of_a_layer_are_those_of_its_hidden_state(TokenPooling pooling)
    {
        using var tower = Tower.Open(folder.Model("dinov2-registers"));
        var images = folder.Pictures(19); // more than are run at once
        var features = tower.LayerFeatures(images, pooling);
        Assert.Equal(tower.LastLayer + 1, features.Count);
        foreach (var i in new[] { 0, 15, 16, 18 })
        {
            var (pixels, states, _) = tower.Run(tower.View(images[i]));
            for (var layer = 0; layer <= tower.LastLayer; layer++)
            {
                var expected = pooling == TokenPooling.Class ? states[layer][0][0] : states[layer][0].narrow(0, 5, 16).mean([0]); // CLS and 4 registers, then 4 by 4 patches
                Assert.True((expected - features[layer][i]).abs().max().item<float>() < 1e-4, $"picture {i}, layer {layer}");
            }
        }
    }

    [Fact]
    public void Vectors_do_not_depend_on_the_batch()
    {
        using var tower = Tower.Open(folder.Model("siglip-full"));
        var images = folder.Pictures(18);
        var together = tower.Embed(images);
        foreach (var i in new[] { 0, 16, 17 }) Assert.True((together[i] - tower.Embed([images[i]])[0]).abs().max().item<float>() < 1e-4);
    }

    [Fact]
    public void A_picture_that_cannot_be_read_ends_it_or_is_reported()
    {
        using var tower = Tower.Open(folder.Model("siglip-full"));
        StoredImage[] images = [.. folder.Pictures(3), new(folder.Write("half.png", File.ReadAllBytes(folder.Picture("whole.png", (1, 2, 3)))[..200])), new(folder["pictures/00.png"])];
        Assert.Contains("half.png", Assert.Throws<NanoVlmException>(() => tower.Embed(images)).Message);
        var failed = new List<(int, string)>();
        var vectors = tower.Embed(images, (place, error) => failed.Add((place, error.Message)));
        Assert.Equal(3, Assert.Single(failed).Item1);
        Assert.Equal(0, vectors[3].abs().max().item<float>());
        Assert.True((vectors[4] - vectors[0]).abs().max().item<float>() < 1e-5);
    }

    [Fact]
    public void A_tower_without_a_CLS_token_gives_none()
    {
        using var tower = Tower.Open(folder.Model("siglip-full"));
        Assert.Contains("no CLS token", Assert.Throws<NanoVlmException>(() => tower.LayerFeatures(folder.Pictures(1), TokenPooling.Class)).Message);
    }

    [Fact]
    public void Nothing_is_left_alive()
    {
        var images = folder.Pictures(3);
        var model = folder.Model("dinov3-vits16plus-like");
        LeakCheck.AssertNone(() =>
        {
            using var inner = NewDisposeScope();
            using var tower = Tower.Open(model);
            tower.Embed(images);
            tower.LayerFeatures(images, TokenPooling.Mean);
            tower.Run(tower.View(images[0]));
        });
    }
}
