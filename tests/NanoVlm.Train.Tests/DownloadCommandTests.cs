namespace NanoVlm.Training.Tests;

public sealed class DownloadCommandTests : IDisposable
{
    private const int Interrupt = 2, Terminate = 15;

    private readonly TemporaryFolder folder = new();
    private readonly LoopbackHub hub = new();
    private readonly Dictionary<string, string> environment;

    public DownloadCommandTests() => environment = new()
    {
        ["HF_HOME"] = folder["hf"],
        ["HF_ENDPOINT"] = hub.Endpoint,
        ["HF_HUB_CACHE"] = "",
        ["HF_HUB_OFFLINE"] = "",
        ["HF_TOKEN"] = "",
        ["HF_HUB_DOWNLOAD_TIMEOUT"] = "180", // silence is part of these tests
    };

    private string Snapshot => Path.Combine(folder["hf"], "hub", "models--org--name", "snapshots", LoopbackHub.Commit);

    [Fact]
    public void The_cache_is_filled_and_the_snapshot_printed()
    {
        hub.AddSmall("config.json", "{}");
        var weights = hub.AddLarge("model.safetensors", 300_000);
        hub.AddLarge("pytorch_model.bin", 200_000);
        var result = Run("download", "org/name");
        Assert.Equal(Snapshot + "\n", result.Succeeded());
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(Snapshot, "model.safetensors")));
        Assert.False(Path.Exists(Path.Combine(Snapshot, "pytorch_model.bin")));
        foreach (var line in new[] { "fetching 2 files, 300.0 kB\n", "config.json (2 B)\n", "model.safetensors (300.0 kB)\n", "2 files, 300.0 kB, in 0:00:" }) Assert.Contains(line, result.Error);
        Assert.DoesNotContain("\u001b", result.Error); // no bar where there is no terminal

        var again = Run("download", "org/name");
        Assert.Equal(Snapshot + "\n", again.Succeeded());
        Assert.Equal("all files were in the cache\n", again.Error);
    }

    [Fact]
    public void Named_files_come_alone()
    {
        hub.AddSmall("config.json", "{}");
        hub.AddSmall("README.md", "x");
        hub.AddSmall("LICENSE", "y");
        Run("download", "org/name@main", "--file", "README.md", "LICENSE").Succeeded();
        Assert.Equal(["LICENSE", "README.md"], Directory.GetFiles(Snapshot).Select(Path.GetFileName).Order());
        Run("download", "org/name", "--file", "README.me").Failed(1, "nanovlm: org/name has no file 'README.me'");
    }

    [Fact]
    public void A_data_set_comes_whole_into_its_own_folder()
    {
        using var data = new LoopbackHub("org/data", dataset: true);
        data.AddLarge("ai2d/train-00000-of-00001.parquet", 1000);
        data.AddSmall("README.md", "x");
        environment["HF_ENDPOINT"] = data.Endpoint;
        var snapshot = Path.Combine(folder["hf"], "hub", "datasets--org--data", "snapshots", LoopbackHub.Commit);
        Assert.Equal(snapshot + "\n", Run("download", "--dataset", "org/data").Succeeded());
        Assert.True(File.Exists(Path.Combine(snapshot, "ai2d", "train-00000-of-00001.parquet")));
        Assert.True(File.Exists(Path.Combine(snapshot, "README.md")));
    }

    [UnixTheory("signals")]
    [InlineData(Interrupt)]
    [InlineData(Terminate)]
    public async Task A_signal_stops_and_the_next_run_goes_on_from_there(int signal)
    {
        var content = hub.AddLarge("model.safetensors", 300_000);
        var resumed = new TaskCompletionSource();
        var forever = new TaskCompletionSource();
        hub.OnCdn = request =>
        {
            if (request.From is null) return hub.Broken(request, "model.safetensors", 90_000);
            resumed.TrySetResult(); // so the first 90,000 bytes are there
            return hub.Broken(request, "model.safetensors", 0, forever.Task);
        };
        using (var program = Start("download", "org/name"))
        {
            await resumed.Task.WaitAsync(NanoVlmProgram.Patience);
            program.Signal(signal);
            var result = program.Finish();
            result.Failed(130, "nanovlm: stopped; what came is kept");
            Assert.Empty(result.Output);
        }
        var incomplete = Path.Combine(folder["hf"], "hub", "models--org--name", "blobs", hub.Etag("model.safetensors") + ".incomplete");
        Assert.Equal(content[..90_000], File.ReadAllBytes(incomplete));

        hub.OnCdn = _ => null;
        var again = Run("download", "org/name");
        Assert.Contains("fetching 1 file, 300.0 kB, of which 90.0 kB are here\n", again.Error);
        Assert.Equal(Snapshot + "\n", again.Succeeded());
        Assert.Equal(90_000, hub.Cdn.Requests.Last().From);
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(Snapshot, "model.safetensors")));
    }

    [Fact]
    public async Task Two_processes_download_a_blob_once()
    {
        var content = hub.AddLarge("model.safetensors", 300_000);
        var waits = new TaskCompletionSource();
        hub.OnCdn = request => hub.Broken(request, "model.safetensors", 0, waits.Task); // the first one holds the lock meanwhile
        using var first = Start("download", "org/name");
        await first.Says("fetching 1 file");
        using var second = Start("download", "org/name");
        await second.Says("waiting for another process that downloads model.safetensors");
        hub.OnCdn = _ => null;
        waits.SetResult();
        Assert.Equal(Snapshot + "\n", first.Finish().Succeeded());
        Assert.Equal(Snapshot + "\n", second.Finish().Succeeded());
        Assert.Equal(content, File.ReadAllBytes(Path.Combine(Snapshot, "model.safetensors")));
        Assert.Equal(2, hub.Cdn.Requests.Count); // the broken one and the whole one
    }

    [Theory]
    [InlineData("name")]
    [InlineData("a/b/c")]
    [InlineData("../name")]
    [InlineData("org/name@")]
    public void What_is_no_name_is_wrong_usage(string name)
    {
        Run("download", name).Failed(2, "nanovlm: '", "see 'nanovlm download --help'");
        Assert.False(Directory.Exists(folder["hf"]));
    }

    [Fact]
    public void A_gated_model_is_one_message_and_exit_code_1()
    {
        hub.AddSmall("config.json", "{}");
        hub.OnHub = request => request.Path.Contains("/resolve/") ? LoopbackHub.Error(401, "GatedRepo", "restricted") : null;
        var result = Run("download", "org/name");
        result.Failed(1);
        Assert.Equal($"nanovlm: org/name is gated: ask for access at {hub.Endpoint}/org/name, then set HF_TOKEN to a token of your account from {hub.Endpoint}/settings/tokens\n", result.Error);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void The_token_of_the_environment_goes_to_the_Hub()
    {
        hub.AddSmall("config.json", "{}");
        environment["HF_TOKEN"] = "hf_secret";
        Run("download", "org/name").Succeeded();
        Assert.All(hub.Server.Requests, request => Assert.Equal("Bearer hf_secret", request["Authorization"]));
    }

    [Fact]
    public void Offline_says_what_is_missing()
    {
        environment["HF_HUB_OFFLINE"] = "1";
        Run("download", "org/name", "--file", "a.json", "b.json").Failed(1, "nanovlm: the cache ", "lacks org/name: a.json, b.json", "HF_HUB_OFFLINE");
        Assert.Empty(hub.Server.Requests);
    }

    [Fact]
    public void An_endpoint_that_is_no_address_is_named()
    {
        environment["HF_ENDPOINT"] = "huggingface.co";
        Run("download", "org/name").Failed(1, "nanovlm: HF_ENDPOINT is 'huggingface.co'");
    }

    public void Dispose()
    {
        hub.Dispose();
        folder.Dispose();
    }

    private NanoVlmProgram Start(params string[] arguments) => NanoVlmProgram.Start(folder.Path, environment, arguments);

    private ProgramResult Run(params string[] arguments)
    {
        using var program = Start(arguments);
        return program.Finish();
    }
}
