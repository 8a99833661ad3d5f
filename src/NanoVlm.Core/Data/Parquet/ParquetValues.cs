namespace NanoVlm.Data.Parquet;

/// <summary>
/// A column's values of one row group; a row has none, one, or where it is a list as many as that has. An absent element is null.
/// </summary>
/// <typeparam name="T">Bytes or numbers.</typeparam>
/// <param name="starts">Where each row's values begin, and where the last one's end.</param>
/// <param name="values">The values of all rows.</param>
internal sealed class ParquetValues<T>(IReadOnlyList<int> starts, IReadOnlyList<T?> values) where T : struct
{
    /// <summary>How many a row has.</summary>
    public int Count(int row) => starts[row + 1] - starts[row];

    /// <summary>One of a row's.</summary>
    public T? this[int row, int index] => values[starts[row] + index];
}
