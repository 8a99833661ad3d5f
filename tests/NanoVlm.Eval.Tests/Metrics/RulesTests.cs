using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

public sealed class RulesTests
{
    [Fact]
    public void Rules_are_found_by_name() => Assert.All(Rules.All, rules => Assert.Same(rules, Rules.Named(rules.Name)));

    [Theory]
    [InlineData("lmms", "lmms-head")]
    [InlineData("lmms-0.7.2", "lmms-0.7.1")]
    [InlineData("VLMEvalKit", "vlmevalkit")]
    [InlineData("Strict", "strict")]
    [InlineData("", "strict")]
    public void An_unknown_name_is_answered_with_the_nearest_and_the_list(string name, string nearest)
    {
        var message = Assert.Throws<NanoVlmException>(() => Rules.Named(name)).Message;
        Assert.Contains($"'{name}'", message);
        Assert.Contains($"'{nearest}'", message);
        Assert.Contains("lmms-0.7.1, lmms-head, vlmevalkit, strict", message);
    }
}
