using FsCheck;
using FsCheck.Fluent;
using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class IndexingTests
{
    private static Tensor Cube() => arange(24, dtype: float64).view(2, 3, 4);

    [Fact]
    public void Numbers_slices_ellipses_and_new_axes_select_what_they_say()
    {
        using var scope = NewDisposeScope();
        var x = Cube();
        Assert.Equal(17, x[1, 1, 1].ToDouble());
        AssertValues(x[^1, 0], 12, 13, 14, 15);
        AssertValues(x[0, .., 1..3], 1, 2, 5, 6, 9, 10);
        AssertValues(x[0, 0, 1..^1], 1, 2);
        AssertValues(x[TensorIndex.Ellipsis, 0], 0, 4, 8, 12, 16, 20);
        AssertValues(x[0, TensorIndex.Ellipsis, 3], 3, 7, 11);
        AssertValues(x[0, 0, TensorIndex.Slice(step: 2)], 0, 2);
        AssertValues(x[0, 0, ^2..], 2, 3);
        Assert.Equal(0, x[0, 0, ^0..].numel());
        Assert.Equal(0, x[0, 0, 3..1].numel());
        Assert.Equal([1L, 2, 3, 4], x[TensorIndex.None, TensorIndex.Ellipsis].shape);
        Assert.Equal([2L, 1, 3, 4], x[TensorIndex.Colon, TensorIndex.Null].shape);
        Assert.Equal([0L, 2, 3, 4], x[TensorIndex.Bool(false)].shape);
        Assert.Equal([1L, 2, 3, 4], x[TensorIndex.Bool(true)].shape);
        Assert.Equal([2L, 3, 4], x[TensorIndex.Ellipsis].shape);
        Assert.NotSame(x, x[TensorIndex.Ellipsis]);
        Assert.Equal([1L, 3, 4], x[(0, 1)].shape);
    }

    [Fact]
    public void Tensors_of_indices_and_masks_select_copies()
    {
        using var scope = NewDisposeScope();
        var x = Cube();
        var ids = Integers(2, 0);
        AssertValues(x[0][ids], 8, 9, 10, 11, 0, 1, 2, 3);
        AssertValues(x[0, TensorIndex.Tensor(ids), 1], 9, 1);
        AssertValues(x[TensorIndex.Colon, TensorIndex.Colon, TensorIndex.Tensor(ids)][1, 2], 22, 20);
        AssertValues(x[TensorIndex.Tensor(Integers(0, 1)), TensorIndex.Tensor(ids)], 8, 9, 10, 11, 12, 13, 14, 15);
        AssertValues(x[x > 21], 22, 23);
        AssertValues(x[TensorIndex.Tensor(x[.., .., 0] > 16), 1..3], 21, 22);
        AssertValues(x[TensorIndex.Ellipsis, TensorIndex.Tensor(Integers(-1))][0], 3, 7, 11);
    }

    [Fact]
    public void Assignment_broadcasts_and_converts()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3);
        x[.., 0] = 7;
        x[1] = Of(1, 2, 3);
        x[x == 3] = -1f;
        x[0, 1..] = Of([1, 2], 5, 6);
        AssertValues(x, 7, 5, 6, 1, 2, -1);
        x[0, 0] += 1;
        Assert.Equal(8, x[0, 0].ToSingle());
        x.index_put_(Of(1, 1), [TensorIndex.Tensor(Integers(0, 0)), TensorIndex.Single(0)], accumulate: true);
        Assert.Equal(10, x[0, 0].ToSingle());
        x.index_put_(100, [TensorIndex.Single(0)], accumulate: true);
        Assert.Equal(110, x[0, 0].ToSingle());
        x.index_put_(Of(4), [Integers(1), Integers(1)]);
        Assert.Equal(4, x[1, 1].ToSingle());
    }

    [Fact]
    public void An_index_that_does_not_fit_is_an_error_with_a_reason()
    {
        using var scope = NewDisposeScope();
        var x = Cube();
        Assert.Contains("out of range", Assert.ThrowsAny<Exception>(() => x[2]).Message);
        Assert.Contains("Too many indices", Assert.Throws<ArgumentException>(() => x[0, 0, 0, 0]).Message);
        Assert.Throws<ArgumentException>(() => x[TensorIndex.Ellipsis, TensorIndex.Ellipsis]);
        Assert.ThrowsAny<Exception>(() => x[Integers(5)]);
        Assert.Throws<ArgumentOutOfRangeException>(() => x[^0]);
        Assert.ThrowsAny<Exception>(() => x[0] = zeros(5));
    }

    [Fact]
    public void A_slice_is_that_of_a_plain_loop()
    {
        var cases = from length in Gen.Choose(0, 7)
                    from start in Gen.Choose(-9, 9)
                    from stop in Gen.Choose(-9, 9)
                    from step in Gen.Choose(1, 4)
                    select (length, start, stop, step);
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(cases), one =>
        {
            var (length, start, stop, step) = one;
            using var scope = NewDisposeScope();
            var expected = new List<double>();
            var (from, to) = (Bound(start, length), Bound(stop, length));
            for (var i = from; i < to; i += step) expected.Add(i);
            return arange(length, dtype: float64)[TensorIndex.Slice(start, stop, step)].ToDoubles().SequenceEqual(expected);
        }));

        static int Bound(int index, int length) => Math.Clamp(index < 0 ? index + length : index, 0, length);
    }

    [Fact]
    public void Indices_in_two_dimensions_are_those_of_plain_loops()
    {
        var cases = from rows in Gen.Choose(1, 5)
                    from columns in Gen.Choose(1, 5)
                    from chosen in Gen.ArrayOf(Gen.Choose(0, rows - 1))
                    from first in Gen.Choose(0, columns - 1)
                    select (rows, columns, chosen, first);
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(cases), one =>
        {
            var (rows, columns, chosen, first) = one;
            using var scope = NewDisposeScope();
            var x = arange(rows * columns, dtype: float64).view(rows, columns);
            var ids = tensor(chosen.Select(i => (long)i).ToArray());
            var expected = chosen.SelectMany(row => Enumerable.Range(first, columns - first).Select(column => (double)(row * columns + column))).ToArray();
            var read = x[TensorIndex.Tensor(ids), first..].ToDoubles();
            x.index_put_(-1, [TensorIndex.Tensor(ids), first..]);
            var written = x.ToDoubles();
            for (var i = 0; i < written.Length; i++)
                if (written[i] == -1 != (chosen.Contains(i / columns) && i % columns >= first)) return false;
            return read.SequenceEqual(expected);
        }));
    }
}
