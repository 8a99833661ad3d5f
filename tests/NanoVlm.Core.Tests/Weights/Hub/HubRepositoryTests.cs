using NanoVlm.Weights.Hub;

namespace NanoVlm.Tests.Weights.Hub;

public sealed class HubRepositoryTests
{
    [Theory]
    [InlineData("google/gemma-3-270m-it", "google/gemma-3-270m-it", "main")]
    [InlineData("org/name@v1.0", "org/name", "v1.0")]
    [InlineData("Org_1/a.b-c_d@refs/pr/7", "Org_1/a.b-c_d", "refs/pr/7")]
    [InlineData("o/n@0123456789abcdef0123456789abcdef01234567", "o/n", "0123456789abcdef0123456789abcdef01234567")]
    public void A_name_may_have_a_revision(string text, string id, string revision)
    {
        var repository = HubRepository.Parse(text);
        Assert.Equal((id, revision), (repository.Id, repository.Revision));
        Assert.Equal(text, repository.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("name")]
    [InlineData("a/b/c")]
    [InlineData("/a/b")]
    [InlineData("../b")]
    [InlineData("a/..")]
    [InlineData("./b")]
    [InlineData("a/b--c")]
    [InlineData("a/b..c")]
    [InlineData("a/-b")]
    [InlineData("a/b.git")]
    [InlineData("a\\b")]
    [InlineData("a/ä")]
    [InlineData("a/b\n")]
    [InlineData("a/b c")]
    public void What_is_no_name_is_refused(string text)
    {
        Assert.False(HubRepository.TryParse(text, out _));
        Assert.Contains($"'{text}'", Assert.Throws<NanoVlmException>(() => HubRepository.Parse(text)).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../../x")]
    [InlineData("/main")]
    [InlineData("a/../b")]
    [InlineData("a//b")]
    [InlineData("a/.b")]
    [InlineData("main/")]
    [InlineData("a\\b")]
    [InlineData("a b")]
    [InlineData("a:b")]
    [InlineData("x.lock")]
    public void What_is_no_revision_is_refused(string revision) =>
        Assert.Contains($"'{revision}' is not a revision of org/name", Assert.Throws<NanoVlmException>(() => HubRepository.Parse("org/name@" + revision)).Message);
}
