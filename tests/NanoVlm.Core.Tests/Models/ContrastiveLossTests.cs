using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>SigLIP's and CLIP's losses against their formulas in double precision, gradients against differences.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class ContrastiveLossTests
{
    public static TheoryData<int> Sizes => [1, 2, 3, 7];

    [Theory, MemberData(nameof(Sizes))]
    public void Sigmoid_is_the_mean_over_texts_of_every_pair_by_itself(int size) => Holds(size, ContrastiveLoss.Sigmoid, logits =>
    {
        var sum = 0.0;
        for (var i = 0; i < size; i++)
            for (var j = 0; j < size; j++)
                sum += Math.Log(1 + Math.Exp((i == j ? -1 : 1) * logits[i, j]));
        return sum / size;
    });

    [Theory, MemberData(nameof(Sizes))]
    public void InfoNce_is_the_mean_of_both_directions(int size) => Holds(size, ContrastiveLoss.InfoNce, logits =>
    {
        double rows = 0, columns = 0;
        for (var i = 0; i < size; i++)
        {
            rows += Math.Log(Enumerable.Range(0, size).Sum(j => Math.Exp(logits[i, j]))) - logits[i, i];
            columns += Math.Log(Enumerable.Range(0, size).Sum(j => Math.Exp(logits[j, i]))) - logits[i, i];
        }
        return (rows + columns) / 2 / size;
    });

    [Fact]
    public void Large_logits_overflow_nowhere()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in new Func<Tensor, Tensor>[] { ContrastiveLoss.Sigmoid, ContrastiveLoss.InfoNce })
        {
            var logits = (eye(3) * 2000 - 1000).requires_grad_();
            var (right, wrong) = (loss(logits), loss(-logits));
            Assert.Equal(0, right.ToDouble(), 1e-6);
            Assert.InRange(wrong.ToDouble(), 900, 3001);
            Assert.True(autograd.grad([wrong], [logits])[0].isfinite().all().ToBoolean());
        }
    }

    private static void Holds(int size, Func<Tensor, Tensor> loss, Func<double[,], double> formula)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)size);
        var values = (randn([size, size], ScalarType.Float64, generator: generator) * 3).data<double>().ToArray();
        var logits = tensor(values, [size, size]).requires_grad_();
        var made = loss(logits);
        Assert.Equal(formula(Square(values)), made.ToDouble(), 1e-9);
        Assert.Equal(formula(Square(values)), loss(tensor(values, [size, size]).to(ScalarType.Float32)).ToDouble(), 1e-5);
        var gradient = autograd.grad([made], [logits])[0];
        for (var i = 0; i < values.Length; i++)
        {
            const double step = 1e-5;
            var (up, down) = ((double[])values.Clone(), (double[])values.Clone());
            up[i] += step;
            down[i] -= step;
            Assert.Equal((formula(Square(up)) - formula(Square(down))) / (2 * step), gradient[i / size, i % size].ToDouble(), 1e-8);
        }

        double[,] Square(double[] flat)
        {
            var square = new double[size, size];
            Buffer.BlockCopy(flat, 0, square, 0, flat.Length * sizeof(double));
            return square;
        }
    }
}
