namespace NanoVlm.Bench;

/// <summary>
/// Packing as nanoVLM does it (data/advanced_datasets.py): of a buffer, the longest first, each into the emptiest of a number of rows that
/// would hold them all and a few more; a further row where none has room.
/// </summary>
internal static class BalancedKnapsack
{
    internal static IReadOnlyList<IReadOnlyList<int>> Groups(IReadOnlyList<(int Tokens, int Images)> items, int budget, int delta = 5, int? maxImages = null)
    {
        var rows = new List<(int Tokens, int Images, List<int> Items)>();
        long rowCount = (items.Sum(item => (long)item.Tokens) + budget - 1) / budget + delta;
        for (long row = 0; row < rowCount; row++) rows.Add((0, 0, []));
        foreach (int item in Enumerable.Range(0, items.Count).OrderByDescending(i => items[i].Tokens))
        {
            int best = -1;
            for (int row = 0; row < rows.Count; row++)
                if (rows[row].Tokens + items[item].Tokens <= budget && (maxImages is null || rows[row].Images + items[item].Images <= maxImages)
                    && (best < 0 || rows[row].Tokens < rows[best].Tokens))
                    best = row;
            if (best < 0)
            {
                best = rows.Count;
                rows.Add((0, 0, []));
            }
            rows[best].Items.Add(item);
            rows[best] = (rows[best].Tokens + items[item].Tokens, rows[best].Images + items[item].Images, rows[best].Items);
        }
        return [.. rows.Select(row => row.Items).Where(row => row.Count > 0)];
    }
}
