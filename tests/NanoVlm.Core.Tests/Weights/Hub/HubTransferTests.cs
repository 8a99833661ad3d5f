using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights.Hub;

public sealed class HubTransferTests : IDisposable
{
    private const string Weights = "model.safetensors";

    private readonly HubFixture fixture = new();
    private readonly byte[] content;

    public HubTransferTests() => content = fixture.Hub.AddLarge(Weights, 300_000);

    private string Incomplete => fixture.Blob(Weights) + ".incomplete";

    private IEnumerable<long?> AskedFrom => fixture.Hub.Cdn.Requests.Select(request => request.From);

    [Fact]
    public async Task A_broken_transfer_goes_on_where_it_stopped()
    {
        fixture.Hub.OnCdn = request => request.From is null ? fixture.Hub.Broken(request, Weights, 100_000) : null;
        await Arrives();
        Assert.Equal([null, 100_000], AskedFrom);
    }

    [Fact]
    public async Task Any_number_of_interruptions_is_borne_while_it_gets_further()
    {
        fixture.Hub.OnCdn = request => (request.From ?? 0) < 270_000 ? fixture.Hub.Broken(request, Weights, 30_000) : null;
        await Arrives();
        Assert.Equal(10, fixture.Hub.Cdn.Requests.Count);
    }

    [Fact]
    public async Task What_an_earlier_download_left_is_not_fetched_again()
    {
        Leave(content[..123_456]);
        await Arrives();
        Assert.Equal([123_456], AskedFrom);
        Assert.False(File.Exists(Incomplete));
    }

    [Fact]
    public async Task What_was_whole_but_not_yet_checked_is_only_checked()
    {
        Leave(content);
        await Arrives();
        Assert.Empty(fixture.Hub.Cdn.Requests);
    }

    [Theory]
    [InlineData(100)] // damaged
    [InlineData(400_000)] // longer than the file
    public async Task A_useless_leftover_is_replaced(int length)
    {
        Leave(new byte[length]);
        await Arrives();
        Assert.Null(AskedFrom.Last());
    }

    [Fact]
    public async Task A_server_that_ignores_the_range_sends_all_of_it_again()
    {
        Leave(content[..1000]);
        fixture.Hub.OnCdn = _ => new ServedReply(200) { Body = content };
        await Arrives();
        Assert.Equal([1000], AskedFrom);
    }

    [Fact]
    public async Task A_server_that_refuses_the_range_is_asked_for_the_whole()
    {
        Leave(content[..1000]);
        fixture.Hub.OnCdn = request => request.From is null ? null : new ServedReply(416);
        await Arrives();
        Assert.Equal([1000, null], AskedFrom);
    }

    [Fact]
    public async Task A_server_that_sends_another_part_is_asked_for_the_whole()
    {
        Leave(content[..1000]);
        fixture.Hub.OnCdn = request => request.From is null ? null
            : new ServedReply(206, ("Content-Range", $"bytes 500-299999/300000")) { Body = content[500..] };
        await Arrives();
        Assert.Equal([1000, null], AskedFrom);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    public async Task A_server_that_stumbles_is_asked_again(int status)
    {
        int hub = 0, cdn = 0;
        fixture.Hub.OnHub = _ => Interlocked.Increment(ref hub) <= 2 ? new ServedReply(status) : null;
        fixture.Hub.OnCdn = _ => Interlocked.Increment(ref cdn) <= 2 ? new ServedReply(status) : null;
        await Arrives();
    }

    [Fact]
    public async Task A_signed_address_that_ran_out_is_signed_anew()
    {
        var signatures = 0;
        fixture.Hub.OnCdn = _ => Interlocked.Increment(ref signatures) == 1 ? new ServedReply(403) : null;
        await Arrives();
        Assert.Equal(2, fixture.Hub.Server.Requests.Count(request => request.Method == "GET"));
    }

    [Fact]
    public async Task A_server_that_never_recovers_is_given_up_after_some_attempts()
    {
        fixture.Hub.OnCdn = _ => new ServedReply(503);
        await HubFixture.Refused(Download, "127.0.0.1 answers 503 ServiceUnavailable for org/name", Weights);
        Assert.Equal(4, fixture.Hub.Cdn.Requests.Count);
        Nothing_is_in_the_snapshot();
    }

    [Fact]
    public async Task A_transfer_that_always_breaks_is_given_up_and_what_came_is_kept()
    {
        fixture.Hub.OnCdn = request => request.From is null ? fixture.Hub.Broken(request, Weights, 100_000) : fixture.Hub.Broken(request, Weights, 0);
        await HubFixture.Refused(Download, "org/name: model.safetensors: 127.0.0.1 broke off after 100000 of 300000 bytes", "goes on from there");
        Assert.Equal(content[..100_000], File.ReadAllBytes(Incomplete));
        Nothing_is_in_the_snapshot();
        fixture.Hub.OnCdn = _ => null;
        await Arrives();
        Assert.Equal(100_000, AskedFrom.Last());
    }

    [Fact]
    public async Task A_server_that_falls_silent_is_left_and_asked_again()
    {
        fixture.Options = fixture.Options with { Timeout = TimeSpan.FromSeconds(2) };
        var forever = new TaskCompletionSource();
        fixture.Hub.OnCdn = request => request.From is null ? fixture.Hub.Broken(request, Weights, 1000, forever.Task) : null;
        await Arrives();
        Assert.Contains(1000, AskedFrom); // on a busy machine other answers may be late, too
    }

    [Fact]
    public async Task An_interrupted_download_keeps_what_came_and_resumes()
    {
        using var interrupt = new CancellationTokenSource();
        using var client = new HubClient(fixture.Options);
        var forever = new TaskCompletionSource();
        fixture.Hub.OnCdn = request => request.From is null ? fixture.Hub.Broken(request, Weights, 90_000, forever.Task) : null;
        var stop = new Stop(interrupt, 90_000);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.DownloadFiles(fixture.Repository, [Weights], stop, interrupt.Token));
        Assert.Equal(content[..90_000], File.ReadAllBytes(Incomplete));
        Nothing_is_in_the_snapshot();
        await Arrives();
        Assert.Equal([null, 90_000], AskedFrom);
    }

    [Fact]
    public async Task Another_hash_than_announced_deletes_what_came()
    {
        fixture.Hub.AnnouncedEtags[Weights] = new string('0', 64);
        await HubFixture.Refused(Download, "org/name", Weights, fixture.Hub.Etag(Weights), new string('0', 64), "deleted");
        Assert.Empty(Directory.GetFiles(Path.Combine(fixture.Root, "blobs")));
        Nothing_is_in_the_snapshot();
    }

    [Fact]
    public async Task Another_git_hash_than_announced_is_found_too()
    {
        fixture.Hub.AddSmall("config.json", "{}");
        fixture.Hub.AnnouncedEtags["config.json"] = new string('0', 40);
        await HubFixture.Refused(() => fixture.DownloadFile("config.json"), fixture.Hub.Etag("config.json"), "deleted");
    }

    [Fact]
    public async Task An_empty_file_is_a_file()
    {
        fixture.Hub.AddSmall("empty.txt", "");
        Assert.Empty(File.ReadAllBytes(await fixture.DownloadFile("empty.txt")));
    }

    [Theory]
    [InlineData(299_999, null, "announced 299999 bytes and sends 300000")]
    [InlineData(300_001, null, "announced 300001 bytes and sends 300000")]
    [InlineData(299_999, -1L, "announced 299999 bytes and sends more")]
    [InlineData(300_001, -1L, "announced 300001 bytes and does not go on from byte 300000")]
    public async Task A_server_that_lies_about_the_size_is_not_believed(long announced, long? length, string said)
    {
        fixture.Hub.AnnouncedSizes[Weights] = announced;
        fixture.Hub.OnCdn = request => fixture.Hub.Content(request, Weights) with { Length = length };
        await HubFixture.Refused(Download, Weights, said);
        Nothing_is_in_the_snapshot();
    }

    [Fact]
    public async Task A_cache_that_cannot_be_written_is_named()
    {
        fixture.Options = fixture.Options with { CacheFolder = fixture.Folder["file"] };
        File.WriteAllText(fixture.Folder["file"], "");
        await HubFixture.Refused(Download, $"the cache {fixture.Folder["file"]} cannot be used");
    }

    public void Dispose() => fixture.Dispose();

    private Task<string> Download() => fixture.DownloadFile(Weights);

    private async Task Arrives() => Assert.Equal(content, File.ReadAllBytes(await Download()));

    private void Leave(byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Incomplete)!);
        File.WriteAllBytes(Incomplete, bytes);
    }

    private void Nothing_is_in_the_snapshot() => Assert.False(Path.Exists(Path.Combine(fixture.Root, "snapshots", LoopbackHub.Commit, Weights)));

    private sealed class Stop(CancellationTokenSource source, long at) : IProgress<HubProgress>
    {
        public void Report(HubProgress value)
        {
            if (value.BytesDone >= at) source.Cancel();
        }
    }
}
