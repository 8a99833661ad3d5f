using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights.Hub;

public sealed class HubAccessTests : IDisposable
{
    private readonly HubFixture fixture = new();

    public HubAccessTests()
    {
        fixture.Hub.AddSmall("config.json", "{}");
        fixture.Hub.AddLarge("model.safetensors", 1000);
    }

    [Fact]
    public async Task Only_the_Hub_sees_the_token()
    {
        fixture.Options = fixture.Options with { Token = "hf_secret" };
        await fixture.DownloadSnapshot();
        Assert.All(fixture.Hub.Server.Requests, request => Assert.Equal("Bearer hf_secret", request["Authorization"]));
        Assert.NotEmpty(fixture.Hub.Cdn.Requests);
        Assert.All(fixture.Hub.Server.Requests.Concat(fixture.Hub.Cdn.Requests), request => Assert.Equal("identity", request["Accept-Encoding"]));
        Assert.All(fixture.Hub.Cdn.Requests, request => Assert.DoesNotContain("hf_secret", string.Join("\n", request.Headers.Values)));
    }

    [Fact]
    public async Task Without_a_token_nobody_is_told_one()
    {
        await fixture.DownloadSnapshot();
        Assert.All(fixture.Hub.Server.Requests, request => Assert.Null(request["Authorization"]));
    }

    [Fact]
    public async Task A_hash_is_asked_for_without_asking_the_other_host()
    {
        await fixture.DownloadFile("model.safetensors");
        Assert.Equal(["GET"], fixture.Hub.Cdn.Requests.Select(request => request.Method));
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task A_gated_model_says_which_page_and_which_variable(int status)
    {
        fixture.Hub.OnHub = request => request.Path.Contains("/resolve/") ? LoopbackHub.Error(status, "GatedRepo", "Access to model org/name is restricted.") : null;
        await HubFixture.Refused(() => fixture.DownloadSnapshot(), "org/name is gated", $"ask for access at {fixture.Hub.Endpoint}/org/name", "HF_TOKEN", $"{fixture.Hub.Endpoint}/settings/tokens");

        fixture.Options = fixture.Options with { Token = "hf_secret", TokenOrigin = "/h/token" };
        var e = await HubFixture.Refused(() => fixture.DownloadSnapshot(), "the account of the token from /h/token has no access", $"{fixture.Hub.Endpoint}/org/name");
        Assert.DoesNotContain("hf_secret", e.ToString());
    }

    [Fact]
    public async Task Who_is_unknown_is_told_to_set_a_token()
    {
        fixture.Hub.OnHub = _ => LoopbackHub.Error(401, "RepoNotFound", "Repository not found");
        await HubFixture.Refused(() => fixture.DownloadSnapshot(), "no model org/name", "check the name", "HF_TOKEN", "/settings/tokens");
    }

    [Fact]
    public async Task A_token_that_is_not_accepted_is_named_by_its_origin()
    {
        fixture.Options = fixture.Options with { Token = "hf_old", TokenOrigin = "/h/token" };
        fixture.Hub.OnHub = _ => new ServedReply(401, ("X-Error-Message", "Invalid credentials in Authorization header"));
        await HubFixture.Refused(() => fixture.DownloadSnapshot(), "Invalid credentials", "the token from /h/token is not accepted", "/settings/tokens");
        Assert.Single(fixture.Hub.Server.Requests); // no use in asking again
    }

    [Fact]
    public async Task A_model_that_is_not_there_is_named()
    {
        await HubFixture.Refused(() => fixture.DownloadSnapshot(repository: new HubRepository("org/nmae")), "no model org/nmae at 127.0.0.1", "check the name");
        await HubFixture.Refused(() => fixture.DownloadFile("config.json", new HubRepository("org/name", kind: HubRepositoryKind.Dataset)), "no data set org/name", "/datasets/org/name");
    }

    [Fact]
    public async Task A_revision_that_is_not_there_is_named() =>
        await HubFixture.Refused(() => fixture.DownloadSnapshot(repository: new HubRepository("org/name", "v9")), "org/name has no revision 'v9'");

    [Fact]
    public async Task A_file_that_is_not_there_is_named_before_anything_is_fetched()
    {
        using var client = new HubClient(fixture.Options);
        await HubFixture.Refused(() => client.DownloadFiles(fixture.Repository, ["model.safetensors", "modle.json"]), "org/name has no file 'modle.json'", "/org/name/tree/main");
        Assert.Empty(fixture.Hub.Cdn.Requests);
    }

    [Fact]
    public async Task A_snapshot_of_nothing_is_refused() =>
        await HubFixture.Refused(() => fixture.DownloadSnapshot(file => file == "x"), "org/name has none of the files that are wanted", "config.json, model.safetensors");

    [Fact]
    public async Task What_is_no_Hub_is_recognized()
    {
        fixture.Hub.OnHub = _ => new ServedReply(200, ("Content-Type", "text/html")) { Body = "<html>sign in</html>"u8.ToArray() };
        await HubFixture.Refused(() => fixture.DownloadSnapshot(), "does not answer with a list of files", "HF_ENDPOINT");
        await HubFixture.Refused(() => fixture.DownloadFile("config.json"), "does not answer as a Hub does", "HF_ENDPOINT");
    }

    [Fact]
    public async Task Redirects_without_end_are_not_followed()
    {
        fixture.Hub.OnHub = request => new ServedReply(307, ("Location", request.Path));
        await HubFixture.Refused(() => fixture.DownloadFile("config.json"), "redirects without end");
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("/etc/passwd")]
    [InlineData("a\\..\\x")]
    [InlineData("C:\\x")]
    [InlineData("a//b")]
    [InlineData("./a")]
    [InlineData("a/")]
    [InlineData("a\u001b[2Jb")]
    [InlineData("")]
    public async Task A_list_with_a_hostile_name_is_refused(string name)
    {
        fixture.Hub.AlsoListed.Add(name);
        var said = $"the file name '{name.Replace("\u001b", "\\u001b")}' is refused"; // nothing that a terminal would obey
        using var client = new HubClient(fixture.Options);
        await HubFixture.Refused(() => client.DownloadSnapshot(fixture.Repository), said);
        await HubFixture.Refused(() => client.ListFiles(fixture.Repository), said);
        await HubFixture.Refused(() => client.DownloadFile(fixture.Repository, name), said);
        Assert.False(Path.Exists(fixture.Options.CacheFolder));
    }

    [Theory]
    [InlineData("ETag", "../../../x")]
    [InlineData("ETag", "..")]
    [InlineData("X-Repo-Commit", "../../x")]
    public async Task A_hash_or_a_commit_that_is_a_path_is_refused(string header, string value)
    {
        fixture.Hub.OnHub = _ => new ServedReply(200, (header, value), (header == "ETag" ? "X-Repo-Commit" : "ETag", LoopbackHub.Commit)) { Body = [1] };
        await HubFixture.Refused(() => fixture.DownloadFile("config.json"), value, "which cannot be");
        Assert.False(Path.Exists(fixture.Options.CacheFolder));
    }

    public void Dispose() => fixture.Dispose();
}
