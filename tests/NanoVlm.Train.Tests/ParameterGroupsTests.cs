using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Optimization;
using static TorchSharp.torch;

namespace NanoVlm.Training.Tests;

public sealed class ParameterGroupsTests : IDisposable
{
    private readonly VisionLanguageModel model = new(RunConfig.Parse(TinyRun.Config).ToVlmConfig(300), 7);

    [Fact]
    public void Every_parameter_is_in_one_group()
    {
        var (parts, groups) = ParameterGroups.Of(model, new TrainSection());
        var grouped = groups.SelectMany(g => g.Group.Parameters).ToArray();
        Assert.Equal(model.parameters().Count(), grouped.Length);
        Assert.Equal(grouped.Length, grouped.Select(p => p.Handle).Distinct().Count());
        Assert.Equal(model.parameters().Sum(p => p.numel()), parts.Sum(p => p.Parameters));
    }

    [Fact]
    public void Each_part_has_its_rate()
    {
        var (parts, groups) = ParameterGroups.Of(model, new TrainSection { LrProjector = 1, LrVision = 2, LrLanguage = 3 });
        Assert.Equal([("projector", 1.0), ("vision", 2.0), ("language", 3.0)], parts.Select(p => (p.Name, p.PeakRate)));
        foreach (var (name, parameter) in model.named_parameters())
        {
            var rate = groups.Single(g => g.Group.Parameters.Any(p => p.Handle == parameter.Handle)).PeakRate;
            Assert.Equal(name[0] switch { 'M' => 1, 'v' => 2, _ => 3 }, rate);
        }
    }

    [Fact]
    public void Norms_biases_and_embeddings_do_not_decay()
    {
        var (_, groups) = ParameterGroups.Of(model, new TrainSection { WeightDecay = 0.5 });
        var decayed = model.named_parameters()
            .Where(p => groups.Single(g => g.Group.Parameters.Any(q => q.Handle == p.parameter.Handle)).Group.Options.weight_decay == 0.5).Select(p => p.name).ToArray();
        Assert.Contains("MP.proj.weight", decayed);
        Assert.Contains("decoder.blocks.0.attn.q_proj.weight", decayed);
        Assert.Contains("vision_encoder.patch_embedding.conv.weight", decayed);
        Assert.DoesNotContain(decayed, name => name.Contains("norm") || name.Contains("ln") || name.EndsWith("bias", StringComparison.Ordinal) || name.Contains("position") || name.Contains("token_embedding"));
    }

    [Fact]
    public void Everything_decays_if_asked_for_as_in_nanoVLM()
    {
        var (parts, groups) = ParameterGroups.Of(model, new TrainSection { WeightDecay = 0.5, WeightDecayOn = WeightDecayOn.All });
        Assert.All(groups, g => Assert.Equal(0.5, g.Group.Options.weight_decay));
        Assert.All(parts, part => Assert.Equal(part.Parameters, part.Decayed));
    }

    [Fact]
    public void The_table_tells_what_is_trained_and_how()
    {
        var (parts, _) = ParameterGroups.Of(model, new TrainSection { LrVision = 0, LrProjector = 5e-3 });
        string[] table = [.. ParameterGroups.Table(parts)];
        Assert.Equal(["part", "projector", "vision", "language", "all"], table.Select(line => line.Split(' ')[0]));
        Assert.Matches(@"^projector +4,096 +4,096 +5\.0e-3 +0\.01 on 4,096 +float32$", table[1]);
        Assert.Matches(@"^vision +33,728 +0 +frozen +none +float32$", table[2]);
        Assert.Equal(model.parameters().Where(p => p.requires_grad).Sum(p => p.numel()), parts.Sum(part => part.Trainable));
    }

    [Fact]
    public void A_rate_of_nothing_freezes_a_part_and_another_call_thaws_it()
    {
        var (_, groups) = ParameterGroups.Of(model, new TrainSection { LrVision = 0 });
        Assert.All(model.named_parameters(), p => Assert.Equal(!p.name.StartsWith("vision_encoder.", StringComparison.Ordinal), p.parameter.requires_grad));
        Assert.DoesNotContain(groups, g => g.PeakRate == 0);
        ParameterGroups.Of(model, new TrainSection());
        Assert.All(model.parameters(), p => Assert.True(p.requires_grad));
    }

    [Fact]
    public void What_a_pattern_freezes_has_neither_gradient_nor_moments()
    {
        var train = new TrainSection { Freeze = ["vision_encoder.blocks.*", "decoder.blocks.[0-5].attn.?_proj.*"] };
        var (_, groups) = ParameterGroups.Of(model, train);
        bool Frozen(string name) => name.StartsWith("vision_encoder.blocks.", StringComparison.Ordinal) || (name.StartsWith("decoder.blocks.", StringComparison.Ordinal) && name[^13..] is "q_proj.weight" or "k_proj.weight" or "v_proj.weight");
        using var optimizer = new FusedAdamW(groups.Select(g => g.Group));
        using (NewDisposeScope())
        {
            var ids = tensor(new long[] { 1, 7, 7, 7, 7, 2, 3 }, [1, 7]);
            model.Loss(ids, rand(1, 3, 64, 64), where(ids == 3, 4L, -100L)).Sum.backward();
            optimizer.step();
        }
        foreach (var (name, parameter) in model.named_parameters())
        {
            Assert.Equal(!Frozen(name), parameter.requires_grad);
            Assert.Equal(!Frozen(name), optimizer.StateOf(parameter) is not null);
            Assert.Equal(!Frozen(name), parameter.grad is not null);
        }
        model.zero_grad();
    }

    [Fact]
    public void A_pattern_that_matches_nothing_is_refused_with_the_nearest_that_would()
    {
        var error = Assert.Throws<ConfigurationException>(() => ParameterGroups.Of(model, new TrainSection { Freeze = ["decoder.*", "vision_encoder.block.*", "MP.prj.weight"] }));
        Assert.Equal(["train.freeze[1]", "train.freeze[2]"], error.Problems.Select(problem => problem.Path));
        Assert.Contains("'vision_encoder.block.*' matches no parameter; nearest are 'vision_encoder.blocks.*'", error.Message);
        Assert.Contains("nearest are 'MP.proj.weight'", error.Message);
    }

    [Fact]
    public void A_run_in_which_nothing_trains_is_refused()
    {
        var error = Assert.Throws<ConfigurationException>(() => ParameterGroups.Of(model, new TrainSection { LrVision = 0, Freeze = ["decoder.*", "MP.*"] }));
        Assert.Equal("train.freeze", error.Path);
        Assert.Contains("nothing would train", error.Message);
    }

    [Theory]
    [InlineData("a.b.c", "*", true), InlineData("a.b.c", "a.*", true), InlineData("a.b.c", "a", false), InlineData("a.b.c", "a.?.c", true), InlineData("a.bb.c", "a.?.c", false)]
    [InlineData("a.7.c", "a.[5-7].c", true), InlineData("a.8.c", "a.[5-7].c", false), InlineData("a.8.c", "a.[!5-7].c", true), InlineData("a+b", "a+b", true), InlineData("aab", "a+b", false)]
    [InlineData("a[b", "a[b", true), InlineData("a.b", "aXb", false), InlineData("axb", "a.b", false)]
    public void Patterns_are_a_shell_s(string name, string pattern, bool matches)
    {
        if (matches) Assert.Equal([name], FrozenParameters.Of([name], [pattern]));
        else Assert.Throws<ConfigurationException>(() => FrozenParameters.Of([name], [pattern]));
    }

    public void Dispose() => model.Dispose();
}
