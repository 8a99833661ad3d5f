using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class RandomTests
{
    [Fact]
    public void The_same_seed_gives_the_same_numbers_and_another_seed_others()
    {
        using var scope = NewDisposeScope();
        foreach (var draw in new Func<Generator, Tensor>[]
        {
            g => rand(5, generator: g), g => randn(5, generator: g), g => randint(1 << 30, [5], generator: g), g => randperm(50, generator: g),
            g => normal(1, 2, [5], generator: g), g => bernoulli(full(60, 0.5), g), g => multinomial(ones(50), 20, generator: g), g => empty(5).normal_(generator: g),
            g => empty(5).uniform_(0, 1, g), g => empty(60).bernoulli_(0.5, g), g => empty(5).random_(0, 1 << 20, g), g => empty(5).exponential_(1, g), g => ones(50).multinomial(20, generator: g),
        })
        {
            using var first = new Generator(11);
            using var second = new Generator(11);
            using var third = new Generator(12);
            var numbers = draw(first).ToDoubles();
            Assert.Equal(numbers, draw(second).ToDoubles());
            Assert.NotEqual(numbers, draw(third).ToDoubles());
            Assert.NotEqual(numbers, draw(first).ToDoubles());
        }
    }

    [Fact]
    public void A_saved_state_continues_the_stream()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        _ = rand(7, generator: generator);
        var state = generator.get_state();
        var numbers = randn(9, generator: generator).ToDoubles();
        generator.set_state(state);
        Assert.Equal(numbers, randn(9, generator: generator).ToDoubles());
        using var other = new Generator(99);
        other.set_state(state);
        Assert.Equal(numbers, randn(9, generator: other).ToDoubles());
        Assert.ThrowsAny<Exception>(() => other.set_state(zeros(3, uint8)));
        Assert.Equal(3, generator.initial_seed());
        Assert.Equal(5, generator.manual_seed(5).initial_seed());
        Assert.NotEqual(generator.seed(), generator.seed());
    }

    [Fact]
    public void Streams_are_independent_of_each_other_and_of_the_default()
    {
        using var scope = NewDisposeScope();
        using var alone = new Generator(4);
        var expected = rand(4, generator: alone).ToDoubles();
        using var generator = new Generator(4);
        using var other = new Generator(5);
        manual_seed(1).Dispose();
        var numbers = new List<double>();
        for (var i = 0; i < 4; i++)
        {
            numbers.AddRange(rand(1, generator: generator).ToDoubles());
            _ = rand(3, generator: other);
            _ = rand(2);
        }
        Assert.Equal(expected, numbers);
    }

    [Fact]
    public void The_default_generator_is_seeded_saved_and_restored()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(42).Dispose();
        Assert.Equal(42, initial_seed());
        var state = get_rng_state();
        var numbers = rand(3).ToDoubles();
        set_rng_state(state);
        Assert.Equal(numbers, rand(3).ToDoubles());
        set_rng_state(state);
        Assert.Equal(nn.functional.dropout(ones(100)).ToDoubles(), Again());
        Assert.NotEqual(42, seed());
        _ = (rand_like(ones(2)), randn_like(ones(2)), randint_like(ones(2), 0, 5));

        double[] Again()
        {
            set_rng_state(state);
            return nn.functional.dropout(ones(100)).ToDoubles();
        }
    }
}
