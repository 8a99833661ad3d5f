using NanoVlm.Kernels;
using NanoVlm.Configuration;
using NanoVlm.Layers;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Layers;

/// <summary>DINOv3's positions: by row and column, whatever the grid.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class RotaryEmbedding2DTests
{
    private const int HeadDim = 16;
    private const int Prefix = 1 + 3;

    private static readonly VisionConfig Config = new()
    {
        HiddenSize = 2 * HeadDim,
        IntermediateSize = 8,
        NumHiddenLayers = 1,
        NumAttentionHeads = 2,
        PatchSize = 4,
        ImageSize = 16,
        PositionEmbedding = PositionEmbedding.Rope2d,
        ClassToken = true,
        NumRegisterTokens = 3,
    };

    [Theory, InlineData(1, 1), InlineData(4, 4), InlineData(3, 7), InlineData(9, 2), InlineData(1, 5)]
    public void Angles_are_of_centres_between_minus_one_and_one_rows_first(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        using var rope = new RotaryEmbedding2D(Config);
        var (cos, sin) = rope.Angles(rows, columns, CPU);
        Assert.Equal([Prefix + rows * columns, HeadDim], cos.shape);
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                for (var i = 0; i < HeadDim / 2; i++)
                {
                    var coordinate = i < HeadDim / 4 ? (row + 0.5) / rows * 2 - 1 : (column + 0.5) / columns * 2 - 1;
                    var angle = 2 * Math.PI * coordinate / Math.Pow(Config.RopeTheta, i % (HeadDim / 4) * 4.0 / HeadDim);
                    foreach (var half in new[] { i, i + HeadDim / 2 })
                    {
                        Assert.Equal(Math.Cos(angle), cos[Prefix + row * columns + column, half].ToDouble(), 2e-6);
                        Assert.Equal(Math.Sin(angle), sin[Prefix + row * columns + column, half].ToDouble(), 2e-6);
                    }
                }
    }

    [Fact]
    public void Tokens_before_the_patches_are_not_turned()
    {
        using var scope = NewDisposeScope();
        using var rope = new RotaryEmbedding2D(Config with { RopeShift = 0.5 });
        var (cos, sin) = rope.Angles(3, 5, CPU); // a new module is in training
        using var generator = new Generator(1);
        var x = randn([2, Prefix + 15, 2, HeadDim], generator: generator);
        var turned = Operators.Rotary(x, cos, sin);
        Assert.True(x.narrow(1, 0, Prefix).contiguous().bytes.SequenceEqual(turned.narrow(1, 0, Prefix).contiguous().bytes));
        Assert.True((x - turned).narrow(1, Prefix, 15).abs().max().ToDouble() > 0.1);
    }

    [Fact]
    public void In_evaluation_coordinates_stay_where_they_are()
    {
        using var scope = NewDisposeScope();
        using var moving = new RotaryEmbedding2D(Config with { RopeShift = 0.3, RopeJitter = 1.5, RopeRescale = 2 });
        using var still = new RotaryEmbedding2D(Config);
        moving.eval();
        Assert.True(still.Angles(3, 5, CPU).Sin.bytes.SequenceEqual(moving.Angles(3, 5, CPU).Sin.bytes));
        moving.train();
        Assert.False(still.Angles(3, 5, CPU).Sin.bytes.SequenceEqual(moving.Angles(3, 5, CPU).Sin.bytes));
    }

    [Fact]
    public void Without_options_training_moves_nothing()
    {
        using var scope = NewDisposeScope();
        using var rope = new RotaryEmbedding2D(Config);
        rope.train();
        var first = rope.Angles(3, 5, CPU).Cos;
        rope.eval();
        Assert.True(first.bytes.SequenceEqual(rope.Angles(3, 5, CPU).Cos.bytes));
    }

    [Fact]
    public void The_same_seed_moves_them_alike()
    {
        using var scope = NewDisposeScope();
        using var rope = new RotaryEmbedding2D(Config with { RopeShift = 0.3, RopeJitter = 1.5, RopeRescale = 2 });
        Assert.True(Seeded(5).bytes.SequenceEqual(Seeded(5).bytes));
        Assert.False(Seeded(5).bytes.SequenceEqual(Seeded(6).bytes));

        Tensor Seeded(long seed)
        {
            manual_seed(seed);
            return rope.Angles(4, 4, CPU).Sin;
        }
    }

    [Fact]
    public void A_shift_moves_all_patches_alike_along_each_axis_and_no_further_than_it_says()
    {
        var seen = new List<(double, double)>();
        Each(Config with { RopeShift = 0.2 }, (rows, columns) =>
        {
            var (down, across) = (rows[0] - Centre(0, 3), columns[0] - Centre(0, 4));
            for (var i = 0; i < 12; i++)
            {
                Assert.Equal(Centre(i / 4, 3) + down, rows[i], 1e-5);
                Assert.Equal(Centre(i % 4, 4) + across, columns[i], 1e-5);
            }
            Assert.InRange(down, -0.2001, 0.2001);
            Assert.InRange(across, -0.2001, 0.2001);
            seen.Add((down, across));
        });
        Assert.Contains(seen, move => Math.Abs(move.Item1 - move.Item2) > 0.02); // by axis
        Assert.Contains(seen, move => move.Item1 > 0.05);
        Assert.Contains(seen, move => move.Item1 < -0.05);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Jitter_stretches_each_axis_by_itself_and_rescale_both_alike_within_the_factor(bool jitter)
    {
        var seen = new List<(double, double)>();
        Each(jitter ? Config with { RopeJitter = 1.5 } : Config with { RopeRescale = 1.5 }, (rows, columns) =>
        {
            var (down, across) = (rows[0] / Centre(0, 3), columns[0] / Centre(0, 4));
            for (var i = 0; i < 12; i++)
            {
                Assert.Equal(Centre(i / 4, 3) * down, rows[i], 1e-5);
                Assert.Equal(Centre(i % 4, 4) * across, columns[i], 1e-5);
            }
            Assert.InRange(down, 1 / 1.5001, 1.5001);
            Assert.InRange(across, 1 / 1.5001, 1.5001);
            seen.Add((down, across));
        });
        Assert.Contains(seen, by => by.Item1 > 1.1);
        Assert.Contains(seen, by => by.Item1 < 0.9);
        Assert.Equal(jitter, seen.Any(by => Math.Abs(by.Item1 - by.Item2) > 0.02));
    }

    private static double Centre(int index, int count) => (index + 0.5) / count * 2 - 1;

    // The coordinates of a 3 x 4 grid in training, read back from the sines of a wavelength so long that they are those of tiny angles.
    private static void Each(VisionConfig config, Action<double[], double[]> check)
    {
        using var scope = NewDisposeScope();
        using var rope = new RotaryEmbedding2D(config with { RopeTheta = 1e8 });
        manual_seed(3);
        for (var run = 0; run < 20; run++)
        {
            var angles = rope.Angles(3, 4, CPU).Sin; // of so small an angle the sine is the angle
            var slowest = 2 * Math.PI / Math.Pow(1e8, 1 - 4.0 / HeadDim); // of the last of the D / 4 frequencies
            check(Read(HeadDim / 4 - 1), Read(HeadDim / 2 - 1));

            double[] Read(int feature) => [.. angles.narrow(0, Prefix, 12).select(1, feature).to(ScalarType.Float64).contiguous().data<double>().ToArray().Select(angle => angle / slowest)];
        }
    }
}
