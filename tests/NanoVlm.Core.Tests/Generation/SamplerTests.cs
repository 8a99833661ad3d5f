using NanoVlm.Generation;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Generation;

[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class SamplerTests
{
    private static readonly float[] Likely = [4, 3, 2, 1, 0, -1];

    [Fact]
    public void Tokens_are_drawn_as_often_as_they_are_likely()
    {
        using var scope = NewDisposeScope();
        using var sampler = new Sampler(new Sampling { Temperature = 2 }, [7]);
        const int draws = 4000;
        var counts = new int[Likely.Length];
        for (var i = 0; i < draws; i++)
        {
            using var inner = NewDisposeScope();
            counts[sampler.Next(tensor(Likely, [1, Likely.Length])).ToInt64()]++;
        }
        var chances = (tensor(Likely) / 2).softmax(-1).data<float>().ToArray();
        for (var i = 0; i < counts.Length; i++) Assert.Equal(chances[i], counts[i] / (double)draws, 4 * Math.Sqrt(chances[i] / draws));
    }

    [Theory]
    [InlineData(1e-300, 1)] // as good as greedy
    [InlineData(1e-40, 1e3)]
    [InlineData(1e-6, 1e-3)]
    [InlineData(1e300, 1)] // all alike
    [InlineData(double.PositiveInfinity, 1e-3)]
    public void The_coldest_and_the_hottest_draw_is_a_draw(double temperature, double penalty)
    {
        using var scope = NewDisposeScope();
        using var sampler = new Sampler(new Sampling { Temperature = temperature, TopK = 3, RepetitionPenalty = penalty }, [7]);
        sampler.Begin([[1]], Likely.Length, CPU);
        for (var i = 0; i < 20; i++)
        {
            var drawn = sampler.Next(tensor(Likely, [1, Likely.Length])).ToInt64();
            Assert.InRange(drawn, 0, temperature < 1 && penalty == 1 ? 0 : Likely.Length - 1);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new Sampling { RepetitionPenalty = 1e-40 }, [7]));
    }

    [Fact]
    public void A_row_draws_the_same_whatever_rows_are_beside_it()
    {
        using var scope = NewDisposeScope();
        var logits = randn([3, 50]);
        var sampling = new Sampling { Temperature = 1, TopK = 20, MinP = 0.01 };
        using var together = new Sampler(sampling, [11, 12, 13]);
        using var alone = new Sampler(sampling, [13]);
        for (var i = 0; i < 5; i++) Assert.Equal(together.Next(logits)[2].ToInt64(), alone.Next(logits.narrow(0, 2, 1)).ToInt64());
        together.Select([2]);
        for (var i = 0; i < 5; i++) Assert.Equal(together.Next(logits.narrow(0, 2, 1)).ToInt64(), alone.Next(logits.narrow(0, 2, 1)).ToInt64());
    }

    [Theory]
    [InlineData(0, 1, 0, 6)]
    [InlineData(2, 1, 0, 2)]
    [InlineData(0, 1, 0.1, 3)] // e^-2 = 0.135 stays, e^-3 = 0.0498 goes
    [InlineData(0, 0.7, 0, 1)] // the first has 0.63, with the second 0.87
    [InlineData(0, 0.9, 0, 2)]
    [InlineData(100, 1, 1, 1)]
    public void Filters_keep_the_likeliest(int topK, double topP, double minP, int kept)
    {
        using var scope = NewDisposeScope();
        var filtered = Sampler.Filter(tensor(Likely, [1, Likely.Length]), topK, topP, minP).data<float>().ToArray();
        Assert.Equal(Likely.Take(kept), filtered.Take(kept));
        Assert.All(filtered.Skip(kept), value => Assert.Equal(float.NegativeInfinity, value));
    }

    [Fact]
    public void What_a_row_holds_already_is_less_likely()
    {
        using var scope = NewDisposeScope();
        using var sampler = new Sampler(new Sampling { Temperature = 0, RepetitionPenalty = 1.5 }, [0, 1]);
        sampler.Begin([[0], [5]], Likely.Length, CPU);
        var logits = tensor(Likely, [1, Likely.Length]).expand(2, Likely.Length);
        Assert.Equal([1, 0], sampler.Next(logits).data<long>().ToArray()); // 4 / 1.5 is less than 3
        Assert.Equal([0, 1], sampler.Next(logits).data<long>().ToArray()); // both held now: 2.67 against 2; and 2.67 against 3
        sampler.Select([1]);
        Assert.Equal(0, sampler.Next(logits.narrow(0, 0, 1)).ToInt64());
    }

    [Theory]
    [InlineData(-1, 0, 1, 0, 1)]
    [InlineData(1, -1, 1, 0, 1)]
    [InlineData(1, 0, 0, 0, 1)]
    [InlineData(1, 0, 1.1, 0, 1)]
    [InlineData(1, 0, 1, 1.1, 1)]
    [InlineData(1, 0, 1, 0, 0)]
    public void Values_out_of_their_range_are_refused(double temperature, int topK, double topP, double minP, double penalty) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new Sampling { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP, RepetitionPenalty = penalty }, [0]));
}
