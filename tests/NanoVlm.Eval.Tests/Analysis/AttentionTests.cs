using System.Text.Json.Nodes;
using NanoVlm.Evaluation.Analysis;
using NanoVlm.Evaluation.Tests.Towers;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Analysis;

[Collection(TensorTests.Name)]
public sealed class AttentionTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly TowerFolder folder = new();

    public void Dispose()
    {
        folder.Dispose();
        scope.Dispose();
    }

    // Two heads whose mean is ((1, 0), (0.5, 0.5)); with half of the identity ((1, 0), (0.25, 0.75)); its square ((1, 0), (0.4375, 0.5625)).
    [Fact]
    public void A_rollout_by_hand()
    {
        var layer = stack([RandomFeatures.Matrix(new double[,] { { 1, 0 }, { 1, 0 } }), RandomFeatures.Matrix(new double[,] { { 1, 0 }, { 0, 1 } })]);
        Assert.Equal([1, 0, 0.25, 0.75], AttentionRollout.Of([layer]).data<double>().ToArray());
        Assert.Equal([1, 0, 0.4375, 0.5625], AttentionRollout.Of([layer, layer]).data<double>().ToArray());
        Assert.Throws<ArgumentException>(() => AttentionRollout.Of([]));
    }

    // The last layer's rows weigh the first layer's tokens: its matrix stands on the left.
    [Fact]
    public void Later_layers_look_through_earlier_ones()
    {
        var first = RandomFeatures.Matrix(new double[,] { { 0, 1, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }).unsqueeze(0);
        var last = RandomFeatures.Matrix(new double[,] { { 0, 0, 1 }, { 0, 1, 0 }, { 1, 0, 0 } }).unsqueeze(0);
        var rollout = AttentionRollout.Of([first, last]);
        Assert.Equal([0.25, 0.25, 0.5], rollout[0].data<double>().ToArray());
        Assert.Equal([1.0, 1, 1], rollout.sum(1).data<double>().ToArray());
    }

    [Fact]
    public void Patches_are_looked_at_by_the_CLS_token_or_by_all_on_average()
    {
        var probabilities = arange(16).view(1, 4, 4).to(ScalarType.Float32); // prefix of 2, then 2 patches
        Assert.Equal([2f, 3f], ImageAttention.OnPatches(probabilities, 2, fromClass: true).data<float>().ToArray());
        Assert.Equal([12f, 13f], ImageAttention.OnPatches(probabilities, 2, fromClass: false).data<float>().ToArray());
    }

    [Theory]
    [InlineData("dinov3-vits16plus-like", true)]
    [InlineData("clip-vision", true)]
    [InlineData("siglip-full", false)]
    public void Maps_are_those_of_the_tower_s_own_probabilities(string model, bool fromClass)
    {
        using var tower = Tower.Open(folder.Model(model));
        var image = new StoredImage(folder.Picture("a.png", (200, 30, 30)));
        var attention = ImageAttention.Of(tower, image);
        var config = tower.Model.Config;
        Assert.Equal((fromClass, config.NumHiddenLayers, config.NumAttentionHeads), (attention.FromClass, attention.Maps.Count, attention.Maps[0].Count));
        var (pixels, states, _) = tower.Run(tower.View(image));
        var all = Enumerable.Range(0, config.NumHiddenLayers).Select(block => tower.Model.AttentionProbabilities(block, states[block], pixels)[0]).ToArray();
        for (var block = 0; block < all.Length; block++)
            for (var head = 0; head < config.NumAttentionHeads; head++)
                Assert.Equal(ImageAttention.OnPatches(all[block], config.PrefixTokens, fromClass)[head].data<float>().ToArray(), attention.Maps[block][head]);
        var rollout = ImageAttention.OnPatches(AttentionRollout.Of(all).unsqueeze(0), config.PrefixTokens, fromClass).to(ScalarType.Float32).data<float>().ToArray();
        Assert.Equal(rollout, attention.Rollout);
        Assert.InRange(attention.Rollout.Sum(), 0.1, 1.00001);
        if (!fromClass) Assert.Equal(1, attention.Rollout.Sum(), 4); // there is nothing but patches
    }

    [Fact]
    public void The_files_hold_pictures_in_which_something_can_be_seen_and_the_numbers()
    {
        using var tower = Tower.Open(folder.Model("dinov3-vits16plus-like"));
        ImageAttention.Of(tower, new StoredImage(folder.Picture("a.png", (200, 30, 30)))).Save(folder["out"], "a");
        Assert.Equal(["a.attention.json", "a.attention.png", "a.rollout.png"], Directory.EnumerateFiles(folder["out"]).Select(Path.GetFileName).Order());
        var rollout = ImageCodec.Load(folder["out/a.rollout.png"]);
        Assert.Equal((2 * 448 + 24, 448 + 16), (rollout.Width, rollout.Height));
        Assert.True(ImageCodec.Load(folder["out/a.attention.png"]).Pixels.Chunk(3).Select(pixel => (pixel[0], pixel[1], pixel[2])).Distinct().Count() > 500);
        var json = JsonNode.Parse(File.ReadAllText(folder["out/a.attention.json"]))!;
        Assert.Equal(("cls", 4, 4), ((string)json["from"]!, (int)json["rows"]!, json["rollout"]!.AsArray().Count));
        Assert.Equal([1, 2, 3], json["blocks"]!.AsArray().Select(block => (int)block!["block"]!));
        Assert.Equal(3, json["blocks"]![0]!["heads"]!.AsArray().Count);
    }

    [Fact]
    public void One_block_is_looked_at_alone_and_there_are_no_others()
    {
        using var tower = Tower.Open(folder.Model("siglip-full"));
        var image = new StoredImage(folder.Picture("a.png", (200, 30, 30)));
        var (all, second) = (ImageAttention.Of(tower, image), ImageAttention.Of(tower, image, 2));
        Assert.Equal([2], second.Blocks);
        Assert.Equal(all.Maps[1], second.Maps.Single());
        Assert.NotEqual(all.Rollout, second.Rollout);
        Assert.Contains("there is no layer 4", Assert.Throws<NanoVlmException>(() => ImageAttention.Of(tower, image, 4)).Message);
        Assert.Contains("nothing attends yet", Assert.Throws<NanoVlmException>(() => ImageAttention.Of(tower, image, 0)).Message);
    }

    [Fact]
    public void Nothing_is_left_alive()
    {
        var (model, picture) = (folder.Model("clip-vision"), folder.Picture("a.png", (1, 2, 3)));
        LeakCheck.AssertNone(() =>
        {
            using var tower = Tower.Open(model);
            ImageAttention.Of(tower, new StoredImage(picture)).Save(folder["out"], "a");
            PatchPicture.Of(tower, [new StoredImage(picture)]).Single().Save(folder["out"], "a");
        });
    }
}
