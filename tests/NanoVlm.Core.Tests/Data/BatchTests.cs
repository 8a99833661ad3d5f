using NanoVlm.Data;

namespace NanoVlm.Tests.Data;

public sealed class BatchTests
{
    private const long None = SampleBuilder.IgnoreLabel;

    [Fact]
    public void Samples_that_share_a_row_are_documents_each_from_position_0()
    {
        var batch = Batch.Collate([[Sample("a", 3), Sample("b", 4, tiles: 2)], [Sample("c", 5)], [Sample("d", 1, tiles: 1), Sample("e", 1), Sample("f", 7)]], 99, 2, default);
        Assert.Equal((3, 16), (batch.Size, batch.Length)); // 9 tokens, rounded up
        Assert.Equal(["a", "b", "c", "d", "e", "f"], batch.Origins);
        Assert.Equal([0, 1, 2, 0, 1, 2, 3], Row(batch.Layout!.Positions, 0)[..7]);
        Assert.Equal([1, 1, 1, 2, 2, 2, 2, -1], Row(batch.Layout.Documents, 0)[..8]);
        Assert.Equal([1, 1, 1, 1, 1, -1], Row(batch.Layout.Documents, 1)[..6]);
        Assert.Equal([1, 2, 3, 3], Row(batch.Layout.Documents, 2)[..4]);
        Assert.Equal([0, 0, 0, 1], Row(batch.Layout.Positions, 2)[..4]);
        Assert.Equal(6, batch.Layout.LastPosition);
        for (int row = 0; row < 3; row++)
        {
            var (ids, labels, mask, documents) = (Row(batch.InputIds, row), Row(batch.Labels, row), Row(batch.AttentionMask, row), Row(batch.Layout.Documents, row));
            for (int i = 0; i < 16; i++)
            {
                Assert.Equal(documents[i] > 0 ? 1 : 0, mask[i]);
                if (documents[i] < 0) Assert.Equal((99, None), (ids[i], labels[i]));
                else if (i + 1 < 16 && documents[i + 1] == documents[i]) Assert.Equal(ids[i + 1], labels[i]);
                else Assert.Equal(None, labels[i]); // nothing foretells the next document
            }
        }
        Assert.Equal(3, batch.Tiles);
        Assert.Equal([.. Sample("b", 4, 2).Pixels, .. Sample("d", 1, 1).Pixels], batch.Pixels);

        long[] Row(long[] of, int row) => of[(row * 16)..((row + 1) * 16)];
    }

    [Fact]
    public void Rows_of_one_sample_need_no_layout()
    {
        var alone = Batch.Collate([Sample("a", 3), Sample("b", 4)], 99, 2, default);
        Assert.Null(alone.Layout);
        Assert.Null(Batch.Collate([[Sample("a", 3)], [Sample("b", 4)]], 99, 2, default).Layout);
        Assert.Equal((2, 8), (alone.Size, alone.Length));
    }

    [Fact]
    public void Independent_turns_have_a_row_to_themselves()
    {
        var turns = Sample("turns", 4) with { Layout = new SampleLayout([0, 1, 2, 2], [0, 0, 1, 2]) };
        var batch = Batch.Collate([[turns], [Sample("b", 2), Sample("c", 2)]], 99, 2, default);
        Assert.Equal([0, 0, 1, 2, -1, -1, -1, -1, 1, 1, 2, 2, -1, -1, -1, -1], batch.Layout!.Documents);
        Assert.Contains("turns: a sample with independent turns", Assert.Throws<ArgumentException>(() => Batch.Collate([[turns, Sample("b", 2)]], 99, 2, default)).Message);
    }

    private static Sample Sample(string origin, int tokens, int tiles = 0)
    {
        var ids = Enumerable.Range(origin[0] * 10, tokens).ToArray();
        return new Sample(origin, ids, [.. ids[1..], SampleBuilder.IgnoreLabel], [.. Enumerable.Range(0, tiles * 3 * 2 * 2).Select(i => origin[0] + i / 100f)], tiles);
    }
}
