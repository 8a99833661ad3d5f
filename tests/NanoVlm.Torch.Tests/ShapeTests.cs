using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class ShapeTests
{
    private static Tensor Grid(params long[] shape) => arange(shape.Aggregate(1L, (a, b) => a * b), dtype: float64).reshape(shape);

    [Fact]
    public void Views_share_memory_and_have_the_shape_asked_for()
    {
        using var scope = NewDisposeScope();
        var x = Grid(2, 3, 4);
        foreach (var (view, shape) in new[]
        {
            (x.view(6, 4), new long[] { 6, 4 }), (x.reshape(4, -1), [4, 6]), (x.view_as(zeros(24)), [24]), (x.permute(2, 0, 1), [4, 2, 3]),
            (x.transpose(0, 2), [4, 3, 2]), (x.swapaxes(-1, -2), [2, 4, 3]), (x[0].t(), [4, 3]), (x[0].T, [4, 3]), (x.mT, [2, 4, 3]),
            (x.movedim([0], [2]), [3, 4, 2]), (x.unsqueeze(0).expand(5, 2, 3, 4), [5, 2, 3, 4]), (x[0, 0].expand_as(zeros(7, 4)), [7, 4]),
            (x[0, 0].broadcast_to(2, 4), [2, 4]), (x.unsqueeze(1), [2, 1, 3, 4]), (x.unsqueeze(1).squeeze(1), [2, 3, 4]), (x.unsqueeze(0).squeeze(), [2, 3, 4]),
            (x.flatten(), [24]), (x.flatten(1), [2, 12]), (x.unflatten(2, 2, 2), [2, 3, 2, 2]), (x.unflatten(-1, 2, -1), [2, 3, 2, 2]),
            (x.select(1, 2), [2, 4]), (x.narrow(2, 1, 2), [2, 3, 2]), (x.slice(2, 0, 4, 2), [2, 3, 2]), (x.as_strided([2, 2], [12, 1], 3), [2, 2]),
            (x.unfold(2, 2, 1), [2, 3, 3, 2]), (x.diagonal(0, 1, 2), [2, 3]), (x.alias(), [2, 3, 4]), (x.detach(), [2, 3, 4]),
        })
        {
            Assert.Equal(shape, view.shape);
            view.fill_(-1);
            Assert.Contains(-1.0, x.ToDoubles());
            x.copy_(Grid(2, 3, 4));
        }
    }

    [Fact]
    public void Parts_of_a_tensor_together_are_the_tensor()
    {
        using var scope = NewDisposeScope();
        var x = Grid(3, 5);
        foreach (var parts in new[] { x.split(2, 1), x.split([1, 4], 1), x.chunk(3, 1), [.. x.unbind(1).Select(part => part.unsqueeze(1))] })
            Assert.Equal(x.ToDoubles(), cat(parts, 1).ToDoubles());
        Assert.Equal([2, 2, 1], x.split(2, 1).Select(part => part.shape[1]));
    }

    [Fact]
    public void Joining_and_rearranging_have_their_values() => AssertAll(
    [
        ("cat", () => cat([Of(1), Of(2, 3)]), [1, 2, 3]),
        ("cat list", () => cat(new List<Tensor> { Of(1), Of(2) }), [1, 2]),
        ("concat", () => concat([Of([1, 1], 1), Of([1, 1], 2)], 1), [1, 2]),
        ("stack", () => stack([Of(1, 2), Of(3, 4)], 1), [1, 3, 2, 4]),
        ("hstack", () => hstack(Of(1), Of(2)), [1, 2]),
        ("vstack", () => vstack([Of(1), Of(2)]), [1, 2]),
        ("repeat", () => Of(1, 2).repeat(2), [1, 2, 1, 2]),
        ("tile", () => Of(1, 2).tile([2]), [1, 2, 1, 2]),
        ("repeat_interleave", () => Of(1, 2).repeat_interleave(2, 0), [1, 1, 2, 2]),
        ("repeat_interleave tensor", () => Of(1, 2).repeat_interleave(Integers(1, 3)), [1, 2, 2, 2]),
        ("roll flat", () => Of(1, 2, 3).roll(1), [3, 1, 2]),
        ("roll dim", () => Grid(2, 2).roll(1, 1), [1, 0, 3, 2]),
        ("roll dims", () => Grid(2, 2).roll([1, 1], [0, 1]), [3, 2, 1, 0]),
        ("torch.roll", () => roll(Of(1, 2, 3), -1), [2, 3, 1]),
        ("flip", () => Of(1, 2, 3).flip(0), [3, 2, 1]),
        ("triu", () => Grid(2, 2).triu(), [0, 1, 0, 3]),
        ("tril", () => Grid(2, 2).tril(), [0, 0, 2, 3]),
        ("nonzero", () => Of(0, 5, 0, 7).nonzero(), [1, 3]),
        ("argwhere", () => Of(0, 5, 0, 7).argwhere(), [1, 3]),
        ("torch.where one", () => where(tensor(new[] { false, true }))[0], [1]),
        ("slice_scatter", () => zeros(4, float64).slice_scatter(Of(7, 8), 0, 1, 3), [0, 7, 8, 0]),
        ("meshgrid", () => meshgrid([Of(1, 2), Of(3, 4)])[1], [3, 4, 3, 4]),
        ("broadcast_tensors", () => broadcast_tensors(Of(1, 2), Of(5))[1], [5, 5]),
        ("searchsorted", () => searchsorted(Of(1, 3, 5), Of(2, 5)), [1, 2]),
        ("searchsorted right", () => searchsorted(Of(1, 3, 5), Of(5), right: true), [3]),
    ]);

    [Fact]
    public void Gathering_and_scattering_have_their_values() => AssertAll(
    [
        ("index_select", () => Of(5, 6, 7).index_select(0, Integers(2, 0)), [7, 5]),
        ("index_add", () => Of(1, 1).index_add(0, Integers(0, 0), Of(2, 3), 10), [51, 1]),
        ("index_add_", () => Of(1, 1).index_add_(0, Integers(1), Of(2), 1), [1, 3]),
        ("index_copy", () => Of(1, 1).index_copy(0, Integers(1), Of(9)), [1, 9]),
        ("index_copy_", () => Of(1, 1).index_copy_(0, Integers(0), Of(9)), [9, 1]),
        ("index_fill", () => Of(1, 1).index_fill(0, Integers(0), 4), [4, 1]),
        ("masked_fill", () => Of(1, 2).masked_fill(tensor(new[] { true, false }), 8), [8, 2]),
        ("masked_fill_", () => Of(1, 2).masked_fill_(tensor(new[] { true, false }), 8), [8, 2]),
        ("masked_select", () => Of(1, 2).masked_select(tensor(new[] { false, true })), [2]),
        ("masked_scatter", () => Of(1, 2, 3).masked_scatter(tensor(new[] { true, false, true }), Of(8, 9)), [8, 2, 9]),
        ("masked_scatter_", () => Of(1, 2).masked_scatter_(tensor(new[] { true, false }), Of(8)), [8, 2]),
        ("gather", () => Of([2, 2], 1, 2, 3, 4).gather(1, tensor(new long[,] { { 1 }, { 0 } })), [2, 3]),
        ("take_along_dim", () => Of([2, 2], 1, 2, 3, 4).take_along_dim(tensor(new long[,] { { 1 }, { 0 } }), 1), [2, 3]),
        ("scatter", () => zeros(3, float64).scatter(0, Integers(2, 0), Of(5, 6)), [6, 0, 5]),
        ("scatter_", () => zeros(3, float64).scatter_(0, Integers(2), Of(5)), [0, 0, 5]),
        ("scatter_add", () => ones(2, float64).scatter_add(0, Integers(0, 0), Of(5, 6)), [12, 1]),
        ("scatter_add_", () => ones(2, float64).scatter_add_(0, Integers(1), Of(5)), [1, 6]),
    ]);

    [Fact]
    public void Reductions_have_their_values() => AssertAll(
    [
        ("sum", () => Grid(2, 3).sum(), [15]),
        ("sum type", () => Integers(1, 2).sum(ScalarType.Float64), [3]),
        ("sum dim", () => Grid(2, 3).sum(1), [3, 12]),
        ("sum dims", () => Grid(2, 3).sum([0, 1], keepdim: true), [15]),
        ("torch.sum", () => sum(Of(1, 2)), [3]),
        ("mean", () => Of(1, 2, 6).mean(), [3]),
        ("torch.mean", () => mean(Of(1, 2, 6)), [3]),
        ("mean dims", () => Grid(2, 3).mean([-1], true), [1, 4]),
        ("var", () => Of(1, 3).var(), [2]),
        ("var biased", () => Of(1, 3).var(false), [1]),
        ("var dim", () => Of([1, 2], 1, 3).var(1), [2]),
        ("std", () => Of(1, 3).std(false), [1]),
        ("std dim", () => Of([1, 2], 1, 3).std(1, false), [1]),
        ("max", () => Of(1, 3, 2).max(), [3]),
        ("max other", () => Of(1, 3).max(Of(2, 2)), [2, 3]),
        ("max dim", () => Of([1, 2], 1, 3).max(1).values, [3]),
        ("max dim index", () => Of([1, 2], 1, 3).max(1).indexes, [1]),
        ("min", () => Of(1, 3, 2).min(), [1]),
        ("min other", () => Of(1, 3).min(Of(2, 2)), [1, 2]),
        ("min dim", () => Of([1, 2], 1, 3).min(1).values, [1]),
        ("amax", () => Grid(2, 3).amax(1), [2, 5]),
        ("amax keepdim", () => Grid(2, 3).amax([0, 1], true), [5]),
        ("amin", () => Grid(2, 3).amin(1), [0, 3]),
        ("amin keepdim", () => Grid(2, 3).amin([0], true), [0, 1, 2]),
        ("argmax", () => Of(1, 3, 2).argmax(), [1]),
        ("argmax dim", () => Grid(2, 3).argmax(0), [1, 1, 1]),
        ("torch.argmax", () => argmax(Grid(2, 3), 1), [2, 2]),
        ("argmin", () => Of(1, 3, 0).argmin(), [2]),
        ("argmin dim", () => Grid(2, 3).argmin(0), [0, 0, 0]),
        ("prod", () => Of([2, 2], 1, 2, 3, 4).prod(1), [2, 12]),
        ("logsumexp", () => Of(0, 0).logsumexp(0), [Math.Log(2)]),
        ("norm", () => Of(3, 4).norm(), [5]),
        ("norm 1", () => Of(3, -4).norm(1f), [7]),
        ("norm dim", () => Of([1, 2], 3, 4).norm(1, true, 2f), [5]),
        ("all", () => Of(1, 0).all(), [0]),
        ("all dim", () => Of([2, 2], 1, 1, 1, 0).all(1), [1, 0]),
        ("any", () => Of(1, 0).any(), [1]),
        ("any dim", () => Of([2, 2], 0, 0, 1, 0).any(1), [0, 1]),
        ("cumsum", () => Of(1, 2, 3).cumsum(0), [1, 3, 6]),
        ("cumprod", () => Of(1, 2, 3).cumprod(0), [1, 2, 6]),
        ("sort", () => Of(3, 1, 2).sort(descending: true).Values, [3, 2, 1]),
        ("sort indices", () => Of(3, 1, 2).sort().Indices, [1, 2, 0]),
        ("argsort", () => Of(3, 1, 2).argsort(), [1, 2, 0]),
        ("topk", () => Of(3, 1, 2).topk(2).values, [3, 2]),
        ("topk smallest", () => Of(3, 1, 2).topk(2, largest: false).indexes, [1, 2]),
        ("bincount", () => Integers(0, 2, 2).bincount(), [1, 0, 2]),
        ("bincount weights", () => Integers(0, 2, 2).bincount(Of(1, 2, 3), 4), [1, 0, 5, 0]),
        ("unique", () => Integers(3, 1, 3).unique().output, [1, 3]),
        ("unique counts", () => Integers(3, 1, 3).unique(return_counts: true).counts!, [1, 2]),
        ("unique inverse", () => Integers(3, 1, 3).unique(return_inverse: true).inverse_indices!, [1, 0, 1]),
        ("unique dim", () => Integers(3, 1, 3).unique(dim: 0).output, [1, 3]),
        ("softmax", () => Of(0, Math.Log(3)).softmax(0), [0.25, 0.75]),
        ("torch.softmax", () => softmax(Of(0, Math.Log(3)), 0), [0.25, 0.75]),
        ("log_softmax", () => Of(0, Math.Log(3)).log_softmax(0), [Math.Log(0.25), Math.Log(0.75)]),
        ("diagonal", () => Grid(2, 2).diagonal(), [0, 3]),
    ]);

    [Fact]
    public void Products_have_their_values() => AssertAll(
    [
        ("matmul", () => matmul(Of([1, 2], 1, 2), Of([2, 1], 3, 4)), [11]),
        ("mm", () => mm(Of([1, 2], 1, 2), Of([2, 2], 1, 2, 3, 4)), [7, 10]),
        ("bmm", () => bmm(Of([2, 1, 1], 2, 3), Of([2, 1, 1], 5, 7)), [10, 21]),
        ("mv", () => Of([2, 2], 1, 2, 3, 4).mv(Of(1, 1)), [3, 7]),
        ("dot", () => Of(1, 2).dot(Of(3, 4)), [11]),
        ("outer", () => outer(Of(1, 2), Of(3, 4)), [3, 4, 6, 8]),
        ("addmm", () => addmm(Of([1, 1], 1), Of([1, 2], 1, 2), Of([2, 1], 3, 4), 10, 2), [32]),
        ("baddbmm is beta input + alpha a b", () => Of([1, 1, 1], 1).baddbmm(Of([1, 1, 1], 3), Of([1, 1, 1], 5), 2, 10), [152]),
        ("einsum", () => einsum("ij,j->i", Of([2, 2], 1, 2, 3, 4), Of(1, 10)), [21, 43]),
    ]);

    [Fact]
    public void Factories_have_their_values_and_dtypes()
    {
        using var scope = NewDisposeScope();
        AssertAll(
        [
            ("zeros", () => zeros(2, 1), [0, 0]), ("ones", () => ones(new long[] { 2 }), [1, 1]), ("ones 4d", () => ones(1, 1, 1, 2), [1, 1]),
            ("full", () => full(2, 7.5), [7.5, 7.5]), ("full_like", () => full_like(Of(1), 3), [3]), ("zeros_like", () => zeros_like(Of(1)), [0]),
            ("ones_like", () => ones_like(Of(5)), [1]), ("arange", () => arange(3), [0, 1, 2]), ("arange step", () => arange(1, 2, 0.5), [1, 1.5]),
            ("linspace", () => linspace(0, 1, 3), [0, 0.5, 1]), ("logspace", () => logspace(0, 2, 3), [1, 10, 100]), ("eye", () => eye(2), [1, 0, 0, 1]),
            ("eye 2x3", () => eye(1, 2), [1, 0]),
        ], 1e-6);
        Assert.Equal(ScalarType.Int64, arange(3).dtype);
        Assert.Equal(ScalarType.Float32, arange(3.0).dtype);
        Assert.Equal(ScalarType.Int64, full(2, 1).dtype);
        Assert.Equal(ScalarType.Int64, full(2, true).dtype);
        Assert.Equal(ScalarType.Float32, full(2, 1f).dtype);
        Assert.Equal(ScalarType.Float32, zeros(1).dtype);
        Assert.Equal(ScalarType.Int64, randint(3, [2]).dtype);
        Assert.Equal([2L, 3], empty([2L, 3]).shape);
        Assert.Equal([2L, 3], empty_like(zeros(2, 3)).shape);
        Assert.Equal([1L, 2], empty_strided([2, 2], [1, 2]).stride());
        Assert.True(zeros(1, requires_grad: true).requires_grad);
        Assert.True(zeros(3, device: META).is_meta);
        Assert.False(allclose(Of(1), Of(1.1)));
        Assert.True(allclose(Of(1), Of(1 + 1e-9)));
    }

    [Fact]
    public void Empty_tensors_and_tensors_without_dimensions_are_tensors_too()
    {
        using var scope = NewDisposeScope();
        var none = zeros(0, 3);
        Assert.Equal([0L, 3], none.shape);
        Assert.Empty(none.data<float>().ToArray());
        Assert.True(none.bytes.IsEmpty);
        AssertValues(none.sum(), 0);
        Assert.Equal([4L, 3], cat([none, ones(4, 3)]).shape);
        Assert.Equal(0, tensor(Array.Empty<long>()).numel());
        Assert.Equal(0, from_array(Array.Empty<float>()).numel());
        Assert.True(none.mean().isnan().ToBoolean());
        var number = tensor(2.5);
        Assert.Empty(number.shape);
        Assert.Equal(0, number.dim());
        Assert.Equal(2.5, number.item<double>());
        Assert.Equal([2.5], number.data<double>().ToArray());
        Assert.Equal(2.5, number.data<double>()[0]);
        Assert.Equal(5, (number + number).ToDouble());
        Assert.Throws<ArgumentOutOfRangeException>(() => number.size(0));
    }

    [Fact]
    public void Metadata_describes_the_tensor()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3, dtype: bfloat16);
        Assert.Equal((2, 2, 2L, 6L), ((int)x.dim(), (int)x.ndim, x.element_size(), x.numel()));
        Assert.Equal([3L, 1], x.stride());
        Assert.Equal((3, 2), ((int)x.size(-1), (int)x.size(0)));
        Assert.Equal((1L, 0L), (x.stride(-1), x.storage_offset()));
        Assert.Equal(3, x[1].storage_offset());
        Assert.True(x.is_contiguous());
        Assert.False(x.t().is_contiguous());
        Assert.True(x.t().contiguous().is_contiguous());
        Assert.True(x.is_cpu() && x.is_floating_point() && !x.is_integral() && !x.is_complex() && !x.is_cuda && !x.is_meta && !x.is_sparse && !x.is_pinned());
        Assert.Equal((DeviceType.CPU, -1), (x.device.type, x.device.index));
        Assert.Equal("BFloat16[2, 3] on cpu", x.ToString());
    }
}
