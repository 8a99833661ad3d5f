using NanoVlm.Configuration;
using NanoVlm.Projection;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>The ways from vision to language, each against its definition, on grids of any shape.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class ProjectorTests
{
    private const int Vision = 6;
    private const int Language = 10;

    public static TheoryData<ProjectorKind, int, int, int> Cases
    {
        get
        {
            var data = new TheoryData<ProjectorKind, int, int, int>();
            foreach (var kind in Enum.GetValues<ProjectorKind>())
                foreach (var (rows, columns, factor) in new[] { (4, 4, 2), (2, 6, 2), (6, 3, 3), (1, 5, 1) })
                    data.Add(kind, rows, columns, factor);
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Every_kind_is_its_definition_on_every_grid(ProjectorKind kind, int rows, int columns, int factor)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var projector = Make(kind, factor);
        using var generator = new Generator(2);
        var x = randn([2, rows * columns, Vision], generator: generator);
        var y = projector.forward(x, rows, columns);
        Assert.Equal([2, rows / factor * (columns / factor), Language], y.shape);
        for (var row = 0; row < rows / factor; row++)
            for (var column = 0; column < columns / factor; column++)
            {
                // The features of one square of patches, rows first: [2, r r, vision].
                var square = stack([.. Enumerable.Range(0, factor * factor).Select(i => x.select(1, (row * factor + i / factor) * columns + column * factor + i % factor))], 1).to(ScalarType.Float64);
                var expected = kind switch
                {
                    ProjectorKind.Linear => square.flatten(1).matmul(Weight("proj").t()),
                    ProjectorKind.Mlp => (Gelu(square.flatten(1).matmul(Weight("fc1").t()) + Bias("fc1"))).matmul(Weight("proj").t()) + Bias("proj"),
                    _ => Normed(square.mean([1])).matmul(Weight("proj").t()),
                };
                Near.Equal(expected, y.select(1, row * (columns / factor) + column), 1e-5, $"{row}, {column}");
            }

        Tensor Weight(string layer) => projector.get_parameter(layer + ".weight")!.to(ScalarType.Float64);
        Tensor Bias(string layer) => projector.get_parameter(layer + ".bias")!.to(ScalarType.Float64);
        Tensor Normed(Tensor mean) => mean / (mean.square().mean([-1], true) + 1e-6).sqrt() * (Weight("norm") + 1);
        static Tensor Gelu(Tensor z) => z * 0.5 * ((z / Math.Sqrt(2)).erf() + 1);
    }

    [Fact]
    public void A_grid_that_is_not_made_of_squares_is_refused()
    {
        using var scope = NewDisposeScope();
        using var projector = Make(ProjectorKind.AveragePool, 2);
        Assert.Contains("12 patches as 3 x 4 are not squares of 2 x 2", Assert.Throws<ArgumentException>(() => projector.forward(zeros(1, 12, Vision), 3, 4)).Message);
    }

    private static ModalityProjector Make(ProjectorKind kind, int factor)
    {
        var projector = new ModalityProjector(new VlmConfig { VitHiddenDim = Vision, LmHiddenDim = Language, MpKind = kind, MpPixelShuffleFactor = factor, VitLnEps = 1e-6 });
        using var generator = new Generator(1);
        foreach (var parameter in projector.parameters()) Drawn.Normal(parameter, 0, 0.5, generator);
        return projector;
    }
}
