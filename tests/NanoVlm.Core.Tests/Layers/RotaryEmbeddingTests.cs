using NanoVlm.Kernels;
using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Configuration;
using NanoVlm.Layers;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Layers;

/// <summary>Rotary angles against the formulas of the papers, in double precision.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class RotaryEmbeddingTests
{
    private const int HeadDim = 32;
    private const double Theta = 10_000;

    [Theory, InlineData(4.0), InlineData(1.0), InlineData(0.5)]
    public void Linear_scaling_divides_every_frequency(double factor) =>
        Holds(new RopeScaling(RopeType.Linear, factor), 64, [0, 1, 63, 500], i => Frequency(i) / factor);

    [Fact]
    public void Dynamic_scaling_leaves_texts_of_the_trained_length_alone() =>
        Holds(new RopeScaling(RopeType.Dynamic, 2), 64, [0, 1, 40, 63], Frequency);

    [Theory, InlineData(64), InlineData(100), InlineData(255)]
    public void Dynamic_scaling_enlarges_the_base_by_the_length_of_a_longer_text(int last)
    {
        const double factor = 2;
        var theta = Theta * Math.Pow(factor * (last + 1) / 64.0 - (factor - 1), HeadDim / (HeadDim - 2.0));
        Holds(new RopeScaling(RopeType.Dynamic, factor), 64, [0, 1, last], i => Math.Pow(theta, -2.0 * i / HeadDim));
    }

    [Fact]
    public void Dynamic_scaling_counts_from_the_models_length_and_ignores_an_original_one()
    {
        const double factor = 3;
        var theta = Theta * Math.Pow(factor * 65 / 32.0 - (factor - 1), HeadDim / (HeadDim - 2.0));
        Holds(new RopeScaling(RopeType.Dynamic, factor, OriginalMaxPositionEmbeddings: 16), 32, [0, 1, 64], i => Math.Pow(theta, -2.0 * i / HeadDim));
    }

    [Theory, InlineData(8.0, 1.0, 4.0, 64), InlineData(32.0, 1.0, 4.0, 128), InlineData(2.0, 0.5, 2.0, 32)]
    public void Llama3_scaling_slows_long_waves_leaves_short_ones_and_blends_between_at_every_length(double factor, double low, double high, int original)
    {
        var kinds = new HashSet<int>();
        Holds(new RopeScaling(RopeType.Llama3, factor, low, high, original), 512, [0, 1, 30, 511, 2000], i =>
        {
            var wavelength = 2 * Math.PI / Frequency(i);
            kinds.Add(wavelength < original / high ? 0 : wavelength > original / low ? 1 : 2);
            if (wavelength < original / high) return Frequency(i);
            if (wavelength > original / low) return Frequency(i) / factor;
            var smooth = (original / wavelength - low) / (high - low);
            return (1 - smooth) * Frequency(i) / factor + smooth * Frequency(i);
        });
        Assert.Equal(3, kinds.Count); // all three rules were used
    }

    [Fact]
    public void Without_scaling_nothing_changes_at_any_length() => Holds(new RopeScaling(RopeType.Default), 64, [0, 63, 64, 1000], Frequency);

    [Fact]
    public void NanoVLMs_own_scaling_divides_by_how_much_longer_the_text_is() =>
        Holds(new RopeScaling(RopeType.Nanovlm), 64, [0, 127], i => Frequency(i) / 2);

    // Su et al.: what a query and a key have to do with each other depends on their distance alone.
    [Fact]
    public void The_product_of_a_rotated_query_and_key_depends_on_their_distance_alone()
    {
        var places = from distance in Gen.Choose(0, 40)
                     from first in Gen.Choose(0, 400)
                     from second in Gen.Choose(0, 400)
                     from seed in Gen.Choose(0, 1000)
                     select (distance, first, second, seed);
        Prop.ForAll(places.ToArbitrary(), place =>
        {
            using var scope = NewDisposeScope();
            using var rope = new RotaryEmbedding(HeadDim, Theta, new RopeScaling(RopeType.Llama3, 8, 1, 4, 64), 512, 1);
            using var generator = new Generator((ulong)place.seed);
            var (q, k) = (randn([1, 1, 1, HeadDim], generator: generator), randn([1, 1, 1, HeadDim], generator: generator));
            Assert.Equal(Product(place.first), Product(place.second), 2e-3);

            double Product(long at) => (Turned(q, at + place.distance) * Turned(k, at)).sum().ToDouble();

            Tensor Turned(Tensor x, long at)
            {
                var (cos, sin) = rope.Angles(tensor(new[] { at }), at);
                return Operators.Rotary(x, cos, sin);
            }
        }).QuickCheckThrowOnFailure();
    }

    private static double Frequency(int i) => Math.Pow(Theta, -2.0 * i / HeadDim);

    private static void Holds(RopeScaling scaling, int max, long[] positions, Func<int, double> frequency)
    {
        using var scope = NewDisposeScope();
        using var rope = new RotaryEmbedding(HeadDim, Theta, scaling, max, 1);
        var (cos, sin) = rope.Angles(tensor(positions), positions[^1]);
        Assert.Equal([positions.Length, HeadDim], cos.shape);
        for (var p = 0; p < positions.Length; p++)
            for (var i = 0; i < HeadDim / 2; i++)
            {
                var angle = positions[p] * frequency(i);
                // A float32 frequency is off by 6e-8 of itself, and that times the position.
                var tolerance = 1e-6 + 5e-7 * Math.Max(1, angle);
                foreach (var half in new[] { i, i + HeadDim / 2 })
                {
                    Assert.Equal(Math.Cos(angle), cos[p, half].ToDouble(), tolerance);
                    Assert.Equal(Math.Sin(angle), sin[p, half].ToDouble(), tolerance);
                }
            }
    }
}
