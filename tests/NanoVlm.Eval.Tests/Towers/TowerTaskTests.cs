using NanoVlm.Configuration;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Tests.Towers;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class TowerTaskTests : IDisposable
{
    private static readonly (string Name, (byte, byte, byte) Colour)[] Colours = [("red", (230, 20, 20)), ("green", (20, 200, 20)), ("deep_blue", (10, 10, 180))];

    private readonly TowerFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory, InlineData("linear-probe", "siglip-full"), InlineData("knn", "siglip-full"), InlineData("linear-probe", "dinov3-vits16plus-like"), InlineData("knn", "clip-vision")]
    public void Colours_are_told_from_a_tower_s_features(string task, string model)
    {
        var data = ClassFolders("train", 10);
        ClassFolders("test", 4);
        var (figures, items) = TowerTasks.Run(task, folder.Model(model), data);
        var top = Assert.Single(figures);
        Assert.Equal(("top1", 12, 1.0), (top.Name, top.Count, top.Scale));
        Assert.InRange(top.Value, 0.75, 1);
        Assert.Equal(top.Value, items.Average(item => item.Score), 12);
        Assert.Equal(1.96 * Math.Sqrt(top.Value * (1 - top.Value) / 12), top.Interval, 9);
        Assert.Contains(items, item => item.Id == "test/deep_blue/3.png" && item.Reference.Answers.Single() == "deep_blue");
        Assert.All(items, item => Assert.Equal(item.Score == 1, item.Answer == item.Reference.Answers[0]));
    }

    [Fact]
    public void A_set_without_parts_is_divided_by_the_seed()
    {
        var data = ClassFolders("", 10);
        var model = folder.Model("siglip-full");
        Assert.Equal(Ids(1), Ids(1));
        Assert.NotEqual(Ids(1), Ids(2));
        Assert.Equal(6, Ids(1).Length);

        string[] Ids(int seed) => [.. TowerTasks.Run("knn", model, data, new TowerTaskOptions { Seed = seed }).Items.Select(item => item.Id)];
    }

    [Fact]
    public void A_broken_picture_counts_as_wrong_and_is_named()
    {
        var data = ClassFolders("train", 6);
        ClassFolders("test", 2);
        folder.Write("set/test/red/9.png", "no picture");
        folder.Write("set/train/red/9.png", "no picture");
        var said = new List<string>();
        var (figures, items) = TowerTasks.Run("knn", folder.Model("siglip-full"), data, new TowerTaskOptions { Said = said.Add });
        Assert.Equal(7, figures[0].Count);
        var broken = items.Single(item => item.Id == "test/red/9.png");
        Assert.Equal((0, ""), (broken.Score, broken.Answer));
        Assert.Contains("9.png' cannot be read", broken.Extracted);
        Assert.Equal(2, said.Count(line => line.Contains("9.png", StringComparison.Ordinal)));
    }

    // A random model's answers are known from its vectors.
    [Fact]
    public void Classes_by_names_are_those_whose_sentences_are_nearest()
    {
        var data = ClassFolders("", 3);
        folder.Write("set/classes.json", """{"classes": {"red": "red", "green": ["green", "lime"], "deep_blue": "blue"}, "templates": ["a {}.", "some {}"]}""");
        var model = folder.Model("siglip-full");
        var (_, items) = TowerTasks.Run("zero-shot-classification", model, data);
        using var scope = NewDisposeScope();
        using var towers = ImageTextTowers.Open(model);
        var directions = new Dictionary<string, string[]> { ["red"] = ["a red.", "some red"], ["green"] = ["a green.", "a lime.", "some green", "some lime"], ["blue"] = ["a blue.", "some blue"] };
        foreach (var item in items)
        {
            var image = towers.EmbedImages([new StoredImage(Path.Combine(data, item.Id))]);
            var nearest = directions.MaxBy(pair => nn.functional.normalize(towers.EmbedTexts(pair.Value).mean([0]), dim: 0).dot(image[0]).item<float>()).Key;
            Assert.Equal(nearest, item.Answer);
        }
        Assert.Equal(9, items.Count);
        Assert.Equal("blue", items.First(item => item.Id.StartsWith("deep_blue", StringComparison.Ordinal)).Reference.Category);
    }

    [Fact]
    public void Names_may_be_a_list_that_labels_number()
    {
        folder.Picture("p/a.png", (200, 0, 0));
        var rows = folder.Write("p/rows.jsonl", """
            {"image": "a.png", "label": 1}
            {"image": "a.png", "label": "cat"}
            """);
        var (_, items) = TowerTasks.Run("zero-shot-classification", folder.Model("siglip-full"), rows, new TowerTaskOptions { Classes = folder.Write("names.json", """{"classes": ["cat", "dog"]}""") });
        Assert.Equal(["dog", "cat"], items.Select(item => item.Reference.Answers[0]));
    }

    [Fact]
    public void Retrieval_ranks_both_ways_and_counts_several_captions()
    {
        folder.Picture("p/a.png", (200, 0, 0), 1);
        folder.Picture("p/b.png", (0, 200, 0), 2);
        folder.Picture("p/c.png", (0, 0, 200), 3);
        var rows = folder.Write("p/rows.jsonl", """
            {"image": "a.png", "caption": ["first", "one"]}
            {"image": "b.png", "caption": "second"}
            {"image": "c.png", "captions": ["third", "a very long caption that is cut to the text tower's twelve tokens"]}
            """);
        var model = folder.Model("siglip-full");
        var (figures, items) = TowerTasks.Run("retrieval", model, rows);
        Assert.Equal(["image_to_text_recall@1", "image_to_text_recall@5", "image_to_text_recall@10", "text_to_image_recall@1", "text_to_image_recall@5", "text_to_image_recall@10"], figures.Select(figure => figure.Name));
        Assert.Equal([3, 3, 3, 5, 5, 5], figures.Select(figure => figure.Count));
        Assert.Equal(1, figures[5].Value); // three pictures are found among ten
        Assert.Equal(["image-to-text/a.png", "image-to-text/b.png", "image-to-text/c.png", "text-to-image/a.png#0", "text-to-image/a.png#1", "text-to-image/b.png#0"], items.Take(6).Select(item => item.Id));
        using var scope = NewDisposeScope();
        using var towers = ImageTextTowers.Open(model);
        string[] texts = ["first", "one", "second", "third", "a very long caption that is cut to the text tower's twelve tokens"];
        var images = towers.EmbedImages([.. "abc".Select(name => new StoredImage(folder[$"p/{name}.png"]))]);
        var scores = images.mm(towers.EmbedTexts(texts).t());
        Assert.Equal(Enumerable.Range(0, 3).Select(i => texts[scores[i].argmax().item<long>()]), items.Take(3).Select(item => item.Answer));
        Assert.Equal(figures[0].Value, items.Take(3).Average(item => item.Score), 12);
        Assert.Equal(figures[3].Value, items.Skip(3).Average(item => item.Score), 12);
        var rank = 1 + texts.Select((_, i) => i).Count(i => i > 1 && scores[0, i].item<float>() >= Math.Max(scores[0, 0].item<float>(), scores[0, 1].item<float>()));
        Assert.Equal($"rank {rank}", items[0].Extracted);
    }

    [Fact]
    public void A_limit_draws_from_all_classes()
    {
        var data = ClassFolders("", 10);
        var (figures, items) = TowerTasks.Run("zero-shot-classification", folder.Model("siglip-full"), data, new TowerTaskOptions { Limit = 12 });
        Assert.Equal(12, figures[0].Count);
        Assert.Equal(3, items.Select(item => item.Reference.Category).Distinct().Count());
    }

    [Fact]
    public void CLIP_and_others_have_no_text_tower_here()
    {
        var data = ClassFolders("", 1);
        Assert.Contains("vision tower alone", Fails("zero-shot-classification", "clip-vision"));
        Assert.Contains("'dinov3_vit' has no text tower", Fails("zero-shot-classification", "dinov3-vits16plus-like"));
        Assert.Contains("no such folder", Assert.Throws<NanoVlmException>(() => TowerTasks.Run("zero-shot-classification", "nowhere", data)).Message);

        string Fails(string task, string model) => Assert.Throws<NanoVlmException>(() => TowerTasks.Run(task, folder.Model(model), data)).Message;
    }

    [Fact]
    public void An_unknown_task_is_answered_with_the_nearest() =>
        Assert.Contains("linear-probe", Assert.Throws<ConfigurationException>(() => TowerTasks.Run("linear-prob", "x", "y")).Message);

    [Fact]
    public void What_cannot_be_asked_is_said()
    {
        var model = folder.Model("siglip-full");
        var data = ClassFolders("train", 2);
        Assert.Contains("'train' alone", Fails("knn", data, null));
        Assert.Contains("has no part 'test'", Fails("knn", data, new TowerTaskOptions { Split = "test" }));
        Assert.Contains("no name for the label", Fails("zero-shot-classification", data, new TowerTaskOptions { Classes = folder.Write("c.json", """{"classes": ["red"]}""") }));

        string Fails(string task, string path, TowerTaskOptions? options) => Assert.Throws<NanoVlmException>(() => TowerTasks.Run(task, model, path, options)).Message;
    }

    private string ClassFolders(string part, int count)
    {
        foreach (var (name, colour) in Colours)
            for (var i = 0; i < count; i++)
                folder.Picture(Path.Combine("set", part, name, $"{i}.png"), colour, i + part.Length * 100);
        return folder["set"];
    }
}
