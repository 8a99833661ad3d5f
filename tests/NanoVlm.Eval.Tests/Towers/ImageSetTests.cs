using NanoVlm.Evaluation.Tests.Tasks;
using NanoVlm.Evaluation.Towers;

namespace NanoVlm.Evaluation.Tests.Towers;

public sealed class ImageSetTests : IDisposable
{
    private readonly TowerFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Folders_are_classes_and_parts_stand_above_them()
    {
        folder.Picture("a/cat/1.png", (1, 1, 1));
        folder.Picture("a/dog/deep/2.png", (1, 1, 1));
        folder.Write("a/dog/notes.txt", "not a picture");
        Assert.Equal([("cat/1.png", "cat", null), ("dog/deep/2.png", "dog", (string?)null)], ImageSet.Read(folder["a"], captions: false).Select(image => (image.Id, image.Label, image.Split)));
        folder.Picture("b/train/cat/1.png", (1, 1, 1));
        folder.Picture("b/val/cat/2.png", (1, 1, 1));
        Assert.Equal([("cat", "train"), ("cat", "validation")], ImageSet.Read(folder["b"], captions: false).Select(image => (image.Label, image.Split)));
    }

    [Fact]
    public void Rows_name_pictures_from_their_own_folder()
    {
        folder.Picture("a/x/1.png", (1, 1, 1));
        folder.Write("a/metadata.jsonl", """
            {"file_name": "x/1.png", "label": 3, "caption": "one", "split": "val"}

            {"image": "x/1.png", "label": "cat", "captions": ["one", "two"]}
            """);
        var set = ImageSet.Read(folder["a"], captions: false);
        Assert.Equal([("3", "validation"), ("cat", null)], set.Select(image => (image.Label, image.Split)));
        Assert.Equal(40, set[0].Image.Decode().Width);
        Assert.Equal([["one"], ["one", "two"]], ImageSet.Read(folder["a/metadata.jsonl"], captions: true).Select(image => image.Captions));
    }

    [Theory]
    [InlineData("""{"image": "x.png"}""", "the key \"label\"")]
    [InlineData("""{"label": "cat"}""", "the key \"image\"")]
    [InlineData("""[1]""", "a JSON object")]
    [InlineData("""{"image": """, "not valid JSON")]
    public void A_row_that_is_not_as_expected_is_named(string row, string problem)
    {
        var file = folder.Write("rows.jsonl", "{\"image\": \"y.png\", \"label\": \"dog\"}\n" + row);
        var message = Assert.Throws<NanoVlmException>(() => ImageSet.Read(file, captions: false)).Message;
        Assert.Contains($"{file}:2", message);
        Assert.Contains(problem, message);
    }

    [Fact]
    public void Parquet_files_have_a_picture_and_a_label_or_captions_and_their_names_tell_the_part()
    {
        PublishedRows.Write(folder["a/data/train-00000-of-00001.parquet"], [.. PublishedRows.Image("image"), new("label:int", 2, 0, 1)]);
        PublishedRows.Write(folder["a/data/test-00000-of-00001.parquet"], [.. PublishedRows.Image("image"), new("label:int", 1, 1, 0)]);
        var set = ImageSet.Read(folder["a"], captions: false);
        Assert.Equal(["test/0", "test/1", "test/2", "train/0", "train/1", "train/2"], set.Select(image => image.Id));
        Assert.Equal(["1", "1", "0", "2", "0", "1"], set.Select(image => image.Label));
        Assert.Equal("train", set[^1].Split);
        Assert.Equal(12, set[^1].Image.Decode().Width);
        object[] two = ["one", "two"], none = ["three"];
        PublishedRows.Write(folder["b.parquet"], [.. PublishedRows.Image("image"), new("caption[]", two, none, two)]);
        Assert.Equal([["one", "two"], ["three"], ["one", "two"]], ImageSet.Read(folder["b.parquet"], captions: true).Select(image => image.Captions));
        PublishedRows.Write(folder["c.parquet"], [.. PublishedRows.Image("image"), new("caption", "x", "y", "z")]);
        Assert.Equal([["x"], ["y"], ["z"]], ImageSet.Read(folder["c.parquet"], captions: true).Select(image => image.Captions));
        Assert.Contains("there is no column label", Assert.Throws<NanoVlmException>(() => ImageSet.Read(folder["c.parquet"], captions: false)).Message);
    }

    [Fact]
    public void What_holds_no_set_is_named()
    {
        folder.Picture("a/1.png", (1, 1, 1));
        Assert.Contains("outside of them", Assert.Throws<NanoVlmException>(() => ImageSet.Read(folder["a"], captions: false)).Message);
        Assert.Contains("captions are read", Assert.Throws<NanoVlmException>(() => ImageSet.Read(folder["a"], captions: true)).Message);
        Assert.Contains("no such file", Assert.Throws<NanoVlmException>(() => ImageSet.Read("nowhere", captions: true)).Message);
        Assert.Contains("found no pictures", Assert.Throws<NanoVlmException>(() => ImageSet.Read(Directory.CreateDirectory(folder["empty"]).FullName, captions: false)).Message);
        Assert.Contains("'.csv'", Assert.Throws<NanoVlmException>(() => ImageSet.Read(folder.Write("x.csv", ""), captions: false)).Message);
    }

    [Fact]
    public void Class_names_say_what_is_wrong()
    {
        Assert.Contains("has no {}", Fails("""{"classes": ["a"], "templates": ["a photo"]}"""));
        Assert.Contains("\"classes\"", Fails("{}"));
        Assert.Contains("classes.b", Fails("""{"classes": {"b": 3}}"""));
        Assert.Contains("not valid JSON", Fails("{"));
        var names = ClassNames.Load(folder.Write("good.json", """{"classes": {"n01": ["tench", "fish"]}, "templates": ["a {}.", "the {}."]}"""));
        Assert.Equal(["a tench.", "a fish.", "the tench.", "the fish."], names.Sentences("n01"));
        Assert.Equal(["This is a photo of deep blue."], ClassNames.Of(["deep_blue"]).Sentences("deep_blue"));

        string Fails(string json) => Assert.Throws<NanoVlmException>(() => ClassNames.Load(folder.Write("bad.json", json))).Message;
    }
}
