using NanoVlm.Data.Sources;

namespace NanoVlm.Tests.Data.Sources;

public sealed class DataFilesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public DataFilesTests()
    {
        foreach (var name in (string[])["b/2.tar", "a/1.tar", "a/x/10.tar", "a/x/9.tar", "a/.hidden/0.tar", "s-000.tar", "s-001.tar", "s-002.tar", "notes.txt"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder.Path, name))!);
            folder.Write(name, "");
        }
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("s-001.tar", "s-001.tar")]
    [InlineData("", "a/1.tar a/x/10.tar a/x/9.tar b/2.tar s-000.tar s-001.tar s-002.tar")]
    [InlineData("a", "a/1.tar a/x/10.tar a/x/9.tar")]
    [InlineData("*.tar", "s-000.tar s-001.tar s-002.tar")]
    [InlineData("s-00?.tar", "s-000.tar s-001.tar s-002.tar")]
    [InlineData("*/*.tar", "a/1.tar b/2.tar")]
    [InlineData("a/**/*.tar", "a/1.tar a/x/10.tar a/x/9.tar")]
    [InlineData("**", "a/1.tar a/x/10.tar a/x/9.tar b/2.tar notes.txt s-000.tar s-001.tar s-002.tar")]
    [InlineData("**/x/*", "a/x/10.tar a/x/9.tar")]
    [InlineData("{b,a}/*.tar", "b/2.tar a/1.tar")]
    [InlineData("s-{000..002}.tar", "s-000.tar s-001.tar s-002.tar")]
    [InlineData("a/x/{9..10}.tar", "a/x/9.tar a/x/10.tar")]
    [InlineData("{s-{000..001},b/2}.tar", "s-000.tar b/2.tar s-001.tar")]
    public void A_file_a_folder_and_a_pattern_name_files_in_a_fixed_order(string path, string expected) =>
        Assert.Equal(expected.Split(' '), DataFiles.Find(Path.Combine(folder.Path, path), [".tar"]).Select(file => Path.GetRelativePath(folder.Path, file)));

    [Theory]
    [InlineData("s-{000..003}.tar", "there is no file")]
    [InlineData("s-{3..1}.tar", "{3..1} must go from a number to a larger one")]
    [InlineData("s-{0..99999999}.tar", "at most 100000 files")]
    [InlineData("{0..999}{0..999}.tar", "list more than 100000 files")]
    [InlineData("*.zip", "no file matches")]
    [InlineData("c/*.tar", "there is no folder")]
    [InlineData("c.tar", "no such file or folder; expected a file, a folder, a pattern or org/name")]
    public void What_matches_nothing_is_refused(string path, string said) =>
        Assert.Contains(said, Assert.Throws<NanoVlmException>(() => DataFiles.Find(Path.Combine(folder.Path, path), [".tar"])).Message);

    [Fact]
    public void A_subset_or_a_split_goes_with_a_folder()
    {
        Assert.Equal([Path.Combine(folder.Path, "b", "2.tar")], DataFiles.Find(folder.Path, [".tar"], subset: "b"));
        Assert.Contains("goes with a folder", Assert.Throws<NanoVlmException>(() => DataFiles.Find(Path.Combine(folder.Path, "*.tar"), [".tar"], split: "test")).Message);
        Assert.Contains("has no *.parquet files; it has *.tar, *.txt.", Assert.Throws<NanoVlmException>(() => DataFiles.Find(folder.Path, [".parquet"])).Message);
    }

    private static readonly string[] Cauldron =
        ["README.md", "ai2d/train-00000-of-00001-2ce340398c113b79.parquet", "docvqa/train-00001-of-00002.parquet", "docvqa/train-00000-of-00002.parquet", "docvqa/validation-00000-of-00001.parquet"];

    [Theory]
    [InlineData("ai2d", null, "ai2d/train-00000-of-00001-2ce340398c113b79.parquet")]
    [InlineData("docvqa", null, "docvqa/train-00000-of-00002.parquet docvqa/train-00001-of-00002.parquet")]
    [InlineData("docvqa/", "val", "docvqa/validation-00000-of-00001.parquet")]
    public void A_subset_is_a_folder_of_the_set_and_train_is_the_split_unless_another_is_named(string subset, string? split, string expected) =>
        Assert.Equal(expected.Split(' '), DataSplit.Select("set", Cauldron, [".parquet"], subset, split, oneSubset: true));

    [Theory]
    [InlineData("data/train-00000-of-00001.parquet data/test-00000-of-00001.parquet", null, null, "data/train-00000-of-00001.parquet")]
    [InlineData("data/train_sft-00000-of-00001.parquet data/test_sft-00000-of-00001.parquet", null, "test_sft", "data/test_sft-00000-of-00001.parquet")]
    [InlineData("data/train_sft-00000-of-00001.parquet data/test_sft-00000-of-00001.parquet", null, null, "data/train_sft-00000-of-00001.parquet")]
    [InlineData("a-train.jsonl a-test.jsonl", null, null, "a-train.jsonl")]
    [InlineData("data/part_one-00000-of-00001.parquet data/part_two-00000-of-00001.parquet", null, "part_two", "data/part_two-00000-of-00001.parquet")]
    [InlineData("default/train/0000.parquet default/test/0000.parquet", null, null, "default/train/0000.parquet")]
    [InlineData("default/partial-train/0000.parquet", null, null, "default/partial-train/0000.parquet")]
    [InlineData("a/train/0000.parquet b/train/0000.parquet", "b", "train", "b/train/0000.parquet")]
    [InlineData("train.parquet valid.parquet", null, "validation", "valid.parquet")]
    [InlineData("data/dev-00000-of-00001.parquet data/validation-00000-of-00001.parquet", null, "validation", "data/validation-00000-of-00001.parquet")]
    [InlineData("data/dev-00000-of-00001.parquet data/validation-00000-of-00001.parquet", null, "dev", "data/dev-00000-of-00001.parquet")]
    [InlineData("x.parquet y.parquet", null, null, "x.parquet y.parquet")]
    [InlineData("training_shapes.parquet", null, null, "training_shapes.parquet")]
    public void Names_of_files_tell_the_split(string files, string? subset, string? split, string expected) =>
        Assert.Equal(expected.Split(' '), DataSplit.Select("set", files.Split(' '), [".parquet", ".jsonl"], subset, split, oneSubset: true));

    [Theory]
    [InlineData("mmstar.parquet README.md", null, "val", "mmstar.parquet")]
    [InlineData("data/test-00000-of-00001.parquet Full/random-00000-of-00001.parquet", "", "test", "data/test-00000-of-00001.parquet")]
    [InlineData("A/test-00000-of-00001.parquet B/test-00000-of-00001.parquet", "B", "test", "B/test-00000-of-00001.parquet")]
    [InlineData("copy/test-00000-of-00001.parquet copy/train-00000-of-00001.parquet", "B", "test", "copy/test-00000-of-00001.parquet")]
    public void Of_a_published_subset_and_split_a_copy_has_what_its_names_tell(string files, string? subset, string split, string expected) =>
        Assert.Equal(expected.Split(' '), DataSplit.SelectPublished("set", files.Split(' '), [".parquet"], subset, split));

    [Fact]
    public void A_copy_without_the_published_subset_or_split_is_refused()
    {
        Assert.Contains("its subsets are ai2d, docvqa", Assert.Throws<NanoVlmException>(() => DataSplit.SelectPublished("set", Cauldron, [".parquet"], "chartqa", "train")).Message);
        Assert.Contains("has no split 'test'", Assert.Throws<NanoVlmException>(() => DataSplit.SelectPublished("set", Cauldron, [".parquet"], "docvqa", "test")).Message);
    }

    [Theory]
    [InlineData(null, null, "set: has 2 subsets; name one of them: ai2d, docvqa.")]
    [InlineData("docvga", null, "set: has no subset 'docvga'; did you mean 'docvqa'; its subsets are docvqa, ai2d.")]
    [InlineData("docvqa", "test", "set: docvqa: has no split 'test'")]
    [InlineData("docvqa", "test", "its splits are train, validation.")]
    public void What_is_not_there_is_answered_with_what_is(string? subset, string? split, string said) =>
        Assert.Contains(said, Assert.Throws<NanoVlmException>(() => DataSplit.Select("set", Cauldron, [".parquet"], subset, split, oneSubset: true)).Message);
}
