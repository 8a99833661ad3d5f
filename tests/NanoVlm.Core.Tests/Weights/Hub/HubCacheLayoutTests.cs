using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights.Hub;

public sealed class HubCacheLayoutTests : IDisposable
{
    private readonly HubFixture fixture = new();

    [Fact]
    public async Task The_cache_is_laid_out_as_by_huggingface_hub_path_by_path()
    {
        var hub = fixture.Hub;
        hub.AddSmall("config.json", "{}");
        hub.AddSmall("1_Pooling/deep/config.json", "{ }");
        hub.AddSmall("copy of config.json", "{}");
        hub.AddLarge("model.safetensors", 1000);
        var snapshot = await fixture.DownloadSnapshot();

        const string repository = "models--org--name";
        var commit = $"{repository}/snapshots/{LoopbackHub.Commit}";
        string[] expected =
        [
            $".locks/{repository}/{hub.Etag("config.json")}.lock",
            $".locks/{repository}/{hub.Etag("1_Pooling/deep/config.json")}.lock",
            $".locks/{repository}/{hub.Etag("model.safetensors")}.lock",
            $"{repository}/blobs/{hub.Etag("config.json")}",
            $"{repository}/blobs/{hub.Etag("1_Pooling/deep/config.json")}",
            $"{repository}/blobs/{hub.Etag("model.safetensors")}",
            $"{repository}/refs/main",
            $"{commit}/config.json -> ../../blobs/{hub.Etag("config.json")}",
            $"{commit}/copy of config.json -> ../../blobs/{hub.Etag("config.json")}",
            $"{commit}/1_Pooling/deep/config.json -> ../../../../blobs/{hub.Etag("1_Pooling/deep/config.json")}",
            $"{commit}/model.safetensors -> ../../blobs/{hub.Etag("model.safetensors")}",
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), Entries());
        Assert.Equal(Path.Combine(fixture.Options.CacheFolder, commit), snapshot);
        Assert.Equal(LoopbackHub.Commit, File.ReadAllText(Path.Combine(fixture.Root, "refs", "main")));
        Assert.Equal("{ }", File.ReadAllText(Path.Combine(snapshot, "1_Pooling/deep/config.json")));
    }

    [Fact]
    public async Task A_data_set_has_its_own_addresses_and_folder()
    {
        using var fixture = new HubFixture("org/data", HubRepositoryKind.Dataset);
        fixture.Hub.AddLarge("ai2d/train-00000-of-00001.parquet", 500);
        using var client = new HubClient(fixture.Options);
        Assert.Equal(["ai2d/train-00000-of-00001.parquet"], await client.ListFiles(fixture.Repository));
        var path = await client.DownloadFile(fixture.Repository, "ai2d/train-00000-of-00001.parquet");
        Assert.Equal(Path.Combine(fixture.Options.CacheFolder, "datasets--org--data/snapshots", LoopbackHub.Commit, "ai2d/train-00000-of-00001.parquet"), path);
        Assert.Equal(500, new FileInfo(path).ResolveLinkTarget(true) is FileInfo target ? target.Length : 0);
        Assert.StartsWith("/api/datasets/org/data/revision/main", fixture.Hub.Server.Requests.First().Path);
        Assert.StartsWith("/datasets/org/data/resolve/main/ai2d/", fixture.Hub.Server.Requests.ElementAt(1).Path);
    }

    [Fact]
    public async Task A_revision_with_slashes_is_a_reference_in_folders()
    {
        fixture.Hub.AddSmall("config.json", "{}");
        fixture.Hub.Revisions["refs/pr/1"] = LoopbackHub.Commit;
        await fixture.DownloadFile("config.json", new HubRepository("org/name", "refs/pr/1"));
        Assert.Equal(LoopbackHub.Commit, File.ReadAllText(Path.Combine(fixture.Root, "refs/refs/pr/1")));
        Assert.Equal("/org/name/resolve/refs%2Fpr%2F1/config.json", fixture.Hub.Server.Requests.First().Path);
    }

    [Fact]
    public async Task A_pinned_commit_leaves_no_reference()
    {
        fixture.Hub.AddSmall("config.json", "{}");
        await fixture.DownloadFile("config.json", new HubRepository("org/name", LoopbackHub.Commit));
        Assert.False(Directory.Exists(Path.Combine(fixture.Root, "refs")));
    }

    [Fact]
    public async Task A_new_commit_shares_the_blobs_that_stayed_the_same()
    {
        fixture.Hub.AddSmall("config.json", "{}");
        fixture.Hub.AddLarge("model.safetensors", 1000);
        var before = await fixture.DownloadSnapshot();
        var next = new string('a', 40);
        fixture.Hub.Revisions["main"] = next;
        fixture.Hub.AddSmall("config.json", "{ \"changed\": true }");
        fixture.Hub.OnHub = request => request.Path.StartsWith("/resolve-cache/", StringComparison.Ordinal) && request.Method == "HEAD"
            ? new ServedReply(200, ("ETag", $"\"{fixture.Hub.Etag("config.json")}\""), ("X-Repo-Commit", next)) { Length = 19 }
            : null;
        var after = await fixture.DownloadSnapshot();
        Assert.Equal((LoopbackHub.Commit, next), (Path.GetFileName(before), Path.GetFileName(after)));
        Assert.Equal("{}", File.ReadAllText(Path.Combine(before, "config.json")));
        Assert.Contains("changed", File.ReadAllText(Path.Combine(after, "config.json")));
        Assert.Single(fixture.Hub.Cdn.Requests);
        Assert.Equal(next, File.ReadAllText(Path.Combine(fixture.Root, "refs", "main")));
    }

    [Fact]
    public async Task Without_links_a_snapshot_holds_the_files_themselves()
    {
        fixture.Options = fixture.Options with { Symlinks = false };
        var content = fixture.Hub.AddLarge("model.safetensors", 1000);
        var path = await fixture.DownloadFile("model.safetensors");
        Assert.Null(new FileInfo(path).LinkTarget);
        Assert.Equal(content, File.ReadAllBytes(path));
        Assert.False(File.Exists(fixture.Blob("model.safetensors"))); // moved, not kept twice

        // A blob that another snapshot may link to is copied.
        Directory.CreateDirectory(Path.GetDirectoryName(fixture.Blob("model.safetensors"))!);
        File.Move(path, fixture.Blob("model.safetensors"));
        Assert.Equal(content, File.ReadAllBytes(await fixture.DownloadFile("model.safetensors")));
        Assert.True(File.Exists(fixture.Blob("model.safetensors")));
        Assert.Single(fixture.Hub.Cdn.Requests);
    }

    [Fact]
    public async Task A_link_whose_blob_was_deleted_is_mended()
    {
        var content = fixture.Hub.AddLarge("model.safetensors", 1000);
        var path = await fixture.DownloadFile("model.safetensors");
        File.Delete(fixture.Blob("model.safetensors"));
        Assert.Equal(path, await fixture.DownloadFile("model.safetensors"));
        Assert.Equal(content, File.ReadAllBytes(path));
    }

    public void Dispose() => fixture.Dispose();

    private IEnumerable<string> Entries() => Directory.EnumerateFiles(fixture.Options.CacheFolder, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(fixture.Options.CacheFolder, path) + (new FileInfo(path).LinkTarget is { } target ? $" -> {target}" : ""))
        .Select(entry => entry.Replace(Path.DirectorySeparatorChar, '/'))
        .Order(StringComparer.Ordinal);
}
