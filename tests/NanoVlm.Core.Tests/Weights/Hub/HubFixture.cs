using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights.Hub;

/// <summary>A Hub on the loopback, an empty cache, and clients that join them.</summary>
internal sealed class HubFixture : IDisposable
{
    /// <summary>For a loaded machine; nothing waits for it to pass.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    public HubFixture(string id = "org/name", HubRepositoryKind kind = HubRepositoryKind.Model)
    {
        Hub = new LoopbackHub(id, kind == HubRepositoryKind.Dataset);
        Repository = new HubRepository(id, kind: kind);
        Options = new HubOptions { Endpoint = new Uri(Hub.Endpoint), CacheFolder = Folder["hub"], RetryDelay = TimeSpan.Zero, Timeout = Patience };
    }

    public TemporaryFolder Folder { get; } = new();

    public LoopbackHub Hub { get; }

    public HubRepository Repository { get; }

    public HubOptions Options { get; set; }

    public string Root => Path.Combine(Options.CacheFolder, $"models--{Repository.Id.Replace("/", "--")}");

    public string Blob(string file) => Path.Combine(Root, "blobs", Hub.Etag(file));

    public async Task<string> DownloadFile(string file, HubRepository? repository = null, CancellationToken cancellation = default)
    {
        using var client = new HubClient(Options);
        return await client.DownloadFile(repository ?? Repository, file, cancellation);
    }

    public async Task<string> DownloadSnapshot(Func<string, bool>? wanted = null, IProgress<HubProgress>? progress = null, HubRepository? repository = null)
    {
        using var client = new HubClient(Options);
        return await client.DownloadSnapshot(repository ?? Repository, wanted, progress);
    }

    /// <summary>Asserts that it fails with a message that holds all of these.</summary>
    public static async Task<NanoVlmException> Refused(Func<Task> act, params string[] said)
    {
        var e = await Assert.ThrowsAsync<NanoVlmException>(act);
        Assert.All(said, text => Assert.Contains(text, e.Message));
        return e;
    }

    public void Dispose()
    {
        Hub.Dispose();
        Folder.Dispose();
    }
}

/// <summary>Notes every report.</summary>
internal sealed class Reports : IProgress<HubProgress>
{
    public List<HubProgress> All { get; } = [];

    public void Report(HubProgress value) => All.Add(value);
}
