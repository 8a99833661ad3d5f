using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights.Hub;

public sealed class HubOfflineTests : IDisposable
{
    private readonly HubFixture fixture = new();

    public HubOfflineTests()
    {
        fixture.Hub.AddSmall("config.json", "{}");
        fixture.Hub.AddSmall("tokenizer.json", "[]");
    }

    [Fact]
    public async Task Offline_the_cache_serves_and_nobody_is_asked()
    {
        var snapshot = await fixture.DownloadSnapshot();
        var asked = fixture.Hub.Server.Requests.Count;
        fixture.Options = fixture.Options with { Offline = true };
        Assert.Equal(snapshot, await fixture.DownloadSnapshot());
        Assert.Equal(Path.Combine(snapshot, "config.json"), await fixture.DownloadFile("config.json"));
        using var client = new HubClient(fixture.Options);
        Assert.Equal(["config.json", "tokenizer.json"], await client.ListFiles(fixture.Repository));
        Assert.Equal(asked, fixture.Hub.Server.Requests.Count);
    }

    [Fact]
    public async Task Offline_what_is_missing_is_named()
    {
        await fixture.DownloadFile("config.json");
        fixture.Options = fixture.Options with { Offline = true };
        using var client = new HubClient(fixture.Options);
        await HubFixture.Refused(() => client.DownloadFiles(fixture.Repository, ["config.json", "a.json", "b.json"]),
            $"the cache {fixture.Options.CacheFolder} lacks org/name: a.json, b.json, and HF_HUB_OFFLINE", "nanovlm download org/name --file a.json b.json");
        await HubFixture.Refused(() => client.DownloadSnapshot(new HubRepository("org/name", "v2")), "lacks org/name@v2, and", "nanovlm download org/name@v2");
        await HubFixture.Refused(() => client.ListFiles(new HubRepository("org/data", kind: HubRepositoryKind.Dataset)), "nanovlm download --dataset org/data");
    }

    [Fact]
    public async Task A_cached_revision_serves_when_the_Hub_cannot_be_reached()
    {
        var snapshot = await fixture.DownloadSnapshot();
        fixture.Hub.Dispose();
        Assert.Equal(snapshot, await fixture.DownloadSnapshot());
        Assert.Equal(Path.Combine(snapshot, "config.json"), await fixture.DownloadFile("config.json"));
        await HubFixture.Refused(() => fixture.DownloadFile("other.json"), $"cannot reach {fixture.Hub.Endpoint}", $"the cache {fixture.Options.CacheFolder} has no copy of org/name");
    }

    [Theory]
    [InlineData(500)]
    [InlineData(401)]
    public async Task A_cached_revision_serves_when_the_Hub_refuses(int status)
    {
        var snapshot = await fixture.DownloadSnapshot();
        fixture.Hub.OnHub = _ => new ServedReply(status);
        Assert.Equal(snapshot, await fixture.DownloadSnapshot());
        Assert.Equal(Path.Combine(snapshot, "config.json"), await fixture.DownloadFile("config.json"));
    }

    [Fact]
    public async Task A_file_that_is_gone_from_the_revision_is_not_served_from_the_cache()
    {
        await fixture.DownloadFile("config.json");
        fixture.Hub.Remove("config.json");
        await HubFixture.Refused(() => fixture.DownloadFile("config.json"), "has no file 'config.json'");
    }

    [Fact]
    public async Task A_commit_s_cached_file_needs_no_network()
    {
        var pinned = new HubRepository("org/name", LoopbackHub.Commit);
        var path = await fixture.DownloadFile("config.json", pinned);
        var asked = fixture.Hub.Server.Requests.Count;
        Assert.Equal(path, await fixture.DownloadFile("config.json", pinned));
        Assert.Equal(asked, fixture.Hub.Server.Requests.Count);
    }

    [Fact]
    public async Task A_download_that_was_cut_short_leaves_the_revision_at_its_complete_snapshot()
    {
        var complete = await fixture.DownloadSnapshot();
        fixture.Hub.Revisions["main"] = new string('a', 40);
        fixture.Hub.AddLarge("model.safetensors", 1000);
        fixture.Hub.OnCdn = _ => new ServedReply(503);
        await HubFixture.Refused(() => fixture.DownloadSnapshot(), "503");
        fixture.Options = fixture.Options with { Offline = true };
        Assert.Equal(complete, await fixture.DownloadSnapshot());
    }

    public void Dispose() => fixture.Dispose();
}
