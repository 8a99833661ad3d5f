using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Layers;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Layers;

/// <summary>Learned positions for another grid.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class PositionInterpolationTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void The_same_grid_gives_the_same_positions(bool antialias)
    {
        using var scope = NewDisposeScope();
        var positions = Random(3, 5, 7);
        Near.Equal(positions, PositionInterpolation.Apply(positions, (3, 5), (3, 5), antialias), 1e-7);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Every_grid_to_every_other_is_torchs_bicubic_interpolation(bool antialias)
    {
        var grids = from rows in Gen.Choose(1, 9)
                    from columns in Gen.Choose(1, 9)
                    from newRows in Gen.Choose(1, 17)
                    from newColumns in Gen.Choose(1, 17)
                    select (rows, columns, newRows, newColumns);
        Prop.ForAll(grids.ToArbitrary(), grid =>
        {
            using var scope = NewDisposeScope();
            var positions = Random(grid.rows, grid.columns, 3);
            var picture = positions.view(1, grid.rows, grid.columns, 3).permute(0, 3, 1, 2);
            var expected = nn.functional.interpolate(picture, [grid.newRows, grid.newColumns], mode: InterpolationMode.Bicubic, align_corners: false, antialias: antialias)
                .permute(0, 2, 3, 1).reshape(1, -1, 3);
            Near.Equal(expected, PositionInterpolation.Apply(positions, (grid.rows, grid.columns), (grid.newRows, grid.newColumns), antialias), 1e-5, $"{grid}");
        }).QuickCheckThrowOnFailure();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_constant_stays_constant(bool antialias)
    {
        using var scope = NewDisposeScope();
        foreach (var to in new (long, long)[] { (1, 1), (2, 9), (16, 3), (7, 7) })
            Near.Equal(full(1, to.Item1 * to.Item2, 2, 3.5f), PositionInterpolation.Apply(full(1, 20, 2, 3.5f), (4, 5), to, antialias), 1e-6, $"{to}");
    }

    [Fact]
    public void Smoothing_takes_in_positions_that_the_nearest_four_leave_out()
    {
        using var scope = NewDisposeScope();
        var positions = zeros(1, 16, 1);
        positions[0, 0, 0] = tensor(1f); // a corner, far from the centre of a 1 x 1 grid
        Assert.Equal(0, PositionInterpolation.Apply(positions, (16, 1), (1, 1), antialias: false).ToSingle());
        Assert.NotEqual(0, PositionInterpolation.Apply(positions, (16, 1), (1, 1), antialias: true).ToSingle());
    }

    private static Tensor Random(int rows, int columns, int hidden)
    {
        using var generator = new Generator(3);
        return randn([1, rows * columns, hidden], generator: generator);
    }
}
