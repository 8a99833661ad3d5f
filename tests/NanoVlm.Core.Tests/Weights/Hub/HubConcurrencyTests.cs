using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights.Hub;

public sealed class HubConcurrencyTests : IDisposable
{
    private readonly HubFixture fixture = new();

    [Fact]
    public async Task Clients_that_want_one_blob_at_once_download_it_once()
    {
        var content = fixture.Hub.AddLarge("model.safetensors", 2_000_000);
        var paths = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => fixture.DownloadFile("model.safetensors"))));
        Assert.Single(paths.Distinct());
        Assert.Equal(content, File.ReadAllBytes(paths[0]));
        Assert.Single(fixture.Hub.Cdn.Requests);
    }

    [Fact]
    public async Task Who_waits_for_another_download_says_so_and_takes_its_result()
    {
        var content = fixture.Hub.AddLarge("model.safetensors", 1000);
        var path = Path.Combine(fixture.Options.CacheFolder, ".locks", "models--org--name", fixture.Hub.Etag("model.safetensors") + ".lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        var reports = new Awaited(HubFileState.Waiting);
        var download = fixture.DownloadSnapshot(progress: reports);
        await reports.Seen.WaitAsync(HubFixture.Patience);
        Assert.Empty(fixture.Hub.Cdn.Requests);

        Directory.CreateDirectory(Path.GetDirectoryName(fixture.Blob("model.safetensors"))!);
        File.WriteAllBytes(fixture.Blob("model.safetensors"), content);
        held.Dispose();
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(await download, "model.safetensors")));
        Assert.Empty(fixture.Hub.Cdn.Requests);
    }

    [Fact]
    public async Task A_wait_can_be_given_up()
    {
        fixture.Hub.AddLarge("model.safetensors", 1000);
        var path = Path.Combine(fixture.Options.CacheFolder, ".locks", "models--org--name", fixture.Hub.Etag("model.safetensors") + ".lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        using var client = new HubClient(fixture.Options);
        using var interrupt = new CancellationTokenSource();
        var reports = new Awaited(HubFileState.Waiting);
        var download = client.DownloadSnapshot(fixture.Repository, null, reports, interrupt.Token);
        await reports.Seen.WaitAsync(HubFixture.Patience);
        interrupt.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => download);
    }

    [Fact]
    public async Task Files_come_side_by_side_and_progress_adds_up()
    {
        foreach (var shard in Enumerable.Range(1, 4)) fixture.Hub.AddLarge($"model-0000{shard}-of-00004.safetensors", 100_000 * shard);
        fixture.Hub.AddSmall("config.json", "{}");
        await fixture.DownloadFile("config.json"); // no part of what is downloaded

        // No file ends before all four have begun.
        var begun = new TaskCompletionSource();
        fixture.Hub.OnCdn = request =>
        {
            if (fixture.Hub.Cdn.Requests.Count == 4) begun.TrySetResult();
            return fixture.Hub.Content(request, request.Path["/cdn/".Length..].Split('?')[0]) with { After = begun.Task };
        };
        var reports = new Reports();
        await fixture.DownloadSnapshot(progress: reports);
        Assert.All(reports.All, report => Assert.Equal((4, 1_000_000), (report.Files, report.Bytes)));
        Assert.Equal(reports.All.Select(report => report.BytesDone).Order(), reports.All.Select(report => report.BytesDone));
        Assert.Equal(0, reports.All[0].BytesDone);
        Assert.Equal((4, 1_000_000, HubFileState.Done), (reports.All[^1].FilesDone, reports.All[^1].BytesDone, reports.All[^1].State));
        Assert.Equal(4, reports.All.Where(report => report.State == HubFileState.Done).Select(report => report.File).Distinct().Count());
    }

    [Fact]
    public async Task One_file_that_fails_keeps_what_came_of_the_others()
    {
        fixture.Hub.AddSmall("config.json", "{}");
        fixture.Hub.AddLarge("model.safetensors", 1000);
        var whole = new Awaited(HubFileState.Done);
        fixture.Hub.OnCdn = _ => new ServedReply(503) { After = whole.Seen }; // config.json comes first
        await HubFixture.Refused(() => fixture.DownloadSnapshot(progress: whole), "503", "model.safetensors");
        fixture.Hub.OnCdn = _ => null;
        await fixture.DownloadSnapshot();
        Assert.Single(fixture.Hub.Server.Requests, request => request.Method == "GET" && request.Path == "/resolve-cache/config.json");
    }

    public void Dispose() => fixture.Dispose();

    private sealed class Awaited(HubFileState state) : IProgress<HubProgress>
    {
        private readonly TaskCompletionSource seen = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Seen => seen.Task;

        public void Report(HubProgress value)
        {
            if (value.State == state) seen.TrySetResult();
        }
    }
}
