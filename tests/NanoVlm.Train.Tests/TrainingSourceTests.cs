using NanoVlm.Configuration;
using NanoVlm.Shared;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Training.Tests;

public sealed class TrainingSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly LoopbackHub hub = new("org/pictures", dataset: true);

    public TrainingSourceTests()
    {
        foreach (var name in (string[])["README.md", "charts/train-00000-of-00002.parquet", "charts/train-00001-of-00002.parquet", "charts/test-00000-of-00001.parquet", "maps/train-00000-of-00001.parquet"])
            hub.AddLarge(name, File.ReadAllBytes(RepositoryFiles.At($"tests/goldens/parquet/{(name.Contains("00001-") ? "single" : "snappy")}.parquet")));
    }

    public void Dispose()
    {
        hub.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void The_files_of_a_subset_and_a_split_are_fetched_from_the_Hub_and_no_others()
    {
        using var source = TrainingSource.Open(new ParquetFileSource { Path = "org/pictures", Subset = "charts" }, hub: Client);
        Assert.Equal(120, source.Count);
        Assert.Equal("org/pictures (charts)", source.Name);
        Assert.Equal("question 0 of row 59? Größe 😀", source[59].Turns[0].User);
        Assert.Single(source[119].Images);
        Assert.Equal(2, hub.Cdn.Requests.Count(request => request.Method == "GET"));
        Assert.All(hub.Cdn.Requests, request => Assert.Contains("/charts/train-", request.Path));

        using var again = TrainingSource.Open(new ParquetFileSource { Path = $"org/pictures@{LoopbackHub.Commit}", Subset = "charts", Split = "train" }, hub: Client);
        Assert.Equal(2, hub.Cdn.Requests.Count(request => request.Method == "GET"));
        using var test = TrainingSource.Open(new ParquetFileSource { Path = "org/pictures", Subset = "charts", Split = "test" }, hub: Client);
        Assert.Equal(60, test.Count);
    }

    [Theory]
    [InlineData(null, null, "org/pictures: has 2 subsets; name one of them: charts, maps.")]
    [InlineData("chart", null, "has no subset 'chart'; did you mean 'charts'; its subsets are charts, maps.")]
    [InlineData("maps", "test", "has no split 'test'; its splits are train.")]
    public void What_the_set_has_is_said_and_nothing_is_fetched_when_it_has_not_what_is_named(string? subset, string? split, string said)
    {
        var source = new ParquetFileSource { Path = "org/pictures", Subset = subset, Split = split };
        Assert.Contains(said, Assert.Throws<NanoVlmException>(() => TrainingSource.Open(source, hub: Client)).Message);
        Assert.Empty(hub.Cdn.Requests);
        Assert.Contains("has no *.tar files; it has *.md, *.parquet.", Assert.Throws<NanoVlmException>(() => TrainingSource.Open(new WebDatasetFileSource { Path = "org/pictures" }, hub: Client)).Message);
    }

    [Fact]
    public void A_file_that_is_not_there_is_not_looked_for_on_the_Hub()
    {
        var source = new JsonlSource { Path = "my/train.jsonl" };
        Assert.Contains("my/train.jsonl: no such file", Assert.Throws<NanoVlmException>(() => TrainingSource.Open(source, hub: Client)).Message);
        Assert.Empty(hub.Server.Requests);
    }

    [Fact]
    public void A_folder_laid_out_like_a_data_set_serves_in_its_place()
    {
        Directory.CreateDirectory(folder["set/charts"]);
        File.Copy(RepositoryFiles.At("tests/goldens/parquet/snappy.parquet"), folder["set/charts/train-00000-of-00001.parquet"]);
        File.Copy(RepositoryFiles.At("tests/goldens/parquet/single.parquet"), folder["set/charts/validation-00000-of-00001.parquet"]);
        using var data = TrainingData.Open(
            new DataSection { Train = [new ParquetFileSource { Path = folder["set"] }], Validation = [new ParquetFileSource { Path = folder["set"], Subset = "charts", Split = "validation" }] }, _ => { }, default);
        Assert.Equal(60, data.Train.EpochLength);
        Assert.Equal(60, data.Validation.Count);
        Assert.Equal(2, data.Train.Sources[0][2].Images.Count);
        Assert.Single(data.Validation[2].Images);
    }

    private HubClient Client() => new(new HubOptions { Endpoint = new Uri(hub.Endpoint), CacheFolder = folder["hub"], RetryDelay = TimeSpan.Zero });
}
