using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights.Hub;

public sealed class HubOptionsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("/h/.cache/huggingface/hub", "HOME=/h")]
    [InlineData("/x/huggingface/hub", "HOME=/h", "XDG_CACHE_HOME=/x")]
    [InlineData("/hf/hub", "HOME=/h", "XDG_CACHE_HOME=/x", "HF_HOME=/hf")]
    [InlineData("/h/hf/hub", "HOME=/h", "HF_HOME=~/hf")]
    [InlineData("/scratch/hf/hub", "HOME=/h", "SCRATCH=/scratch", "HF_HOME=$SCRATCH/hf")]
    [InlineData("/legacy", "HF_HOME=/hf", "HUGGINGFACE_HUB_CACHE=/legacy")]
    [InlineData("/cache", "HF_HOME=/hf", "HF_HUB_CACHE=/cache", "HUGGINGFACE_HUB_CACHE=/legacy")]
    [InlineData("/hf/hub", "HF_HOME=/hf", "HF_HUB_CACHE=")]
    public void The_cache_is_where_huggingface_hub_has_it(string expected, params string[] variables) =>
        Assert.Equal(expected, Read(variables).CacheFolder);

    [Fact]
    public void The_token_comes_from_the_variable_before_the_file()
    {
        File.WriteAllText(folder["token"], "hf_file\n");
        File.WriteAllText(folder["other"], " hf_other \r\n");
        Assert.Equal("hf_file", Read($"HF_HOME={folder.Path}").Token);
        Assert.Equal(folder["token"], Read($"HF_HOME={folder.Path}").TokenOrigin);
        Assert.Equal("hf_other", Read($"HF_HOME={folder.Path}", $"HF_TOKEN_PATH={folder["other"]}").Token);
        Assert.Equal("hf_variable", Read($"HF_HOME={folder.Path}", "HF_TOKEN= hf_variable\n").Token);
        Assert.Equal("hf_legacy", Read($"HF_HOME={folder.Path}", "HF_TOKEN=", "HUGGING_FACE_HUB_TOKEN=hf_legacy").Token);
        Assert.Null(Read($"HF_HOME={folder["none"]}").Token);
    }

    [Fact]
    public void A_token_that_cannot_be_sent_is_refused_by_its_origin() =>
        Assert.Equal("the token from HF_TOKEN holds a character that no token has; expected one line such as hf_...",
            Assert.Throws<NanoVlmException>(() => Read("HOME=/h", "HF_TOKEN=hf_seçret")).Message);

    [Fact]
    public void A_token_is_never_printed() => Assert.DoesNotContain("hf_secret", Read("HOME=/h", "HF_TOKEN=hf_secret").ToString());

    [Theory]
    [InlineData(true, "HF_HUB_OFFLINE=1")]
    [InlineData(true, "HF_HUB_OFFLINE=true")]
    [InlineData(true, "HF_HUB_OFFLINE=YES")]
    [InlineData(true, "TRANSFORMERS_OFFLINE=on")]
    [InlineData(false, "HF_HUB_OFFLINE=0", "TRANSFORMERS_OFFLINE=1")]
    [InlineData(false, "HF_HUB_OFFLINE=")]
    [InlineData(false)]
    public void Offline_is_said_as_to_huggingface_hub(bool offline, params string[] variables) => Assert.Equal(offline, Read(variables).Offline);

    [Fact]
    public void The_endpoint_may_be_another_one_with_or_without_a_slash()
    {
        Assert.Equal("https://huggingface.co/", Read().Endpoint.ToString());
        Assert.Equal("https://mirror.example/hub/", Read("HF_ENDPOINT=https://mirror.example/hub").Endpoint.ToString());
        Assert.Equal("https://mirror.example/", Read("HF_ENDPOINT=https://mirror.example//").Endpoint.ToString());
        Assert.Contains("HF_ENDPOINT is 'mirror.example'", Assert.Throws<NanoVlmException>(() => Read("HF_ENDPOINT=mirror.example")).Message);
    }

    public void Dispose() => folder.Dispose();

    private static HubOptions Read(params string[] variables) =>
        HubOptions.FromEnvironment(name => variables.Select(v => v.Split('=', 2)).FirstOrDefault(v => v[0] == name)?[1]);
}
