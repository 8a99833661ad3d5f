namespace NanoVlm.Data.Packing;

/// <summary>
/// Decides which samples share a row, from their sizes alone. The rows depend on the order of the items and on nothing else, such as how many
/// wait. The state is the items that wait and the number of rows made: an assembler made anew with <see cref="Rows"/> and given
/// <see cref="Pending"/> in order goes on exactly as this one would.
/// </summary>
/// <typeparam name="T">What stands for a sample.</typeparam>
internal abstract class RowAssembler<T>
{
    private readonly List<Waiting> _waiting = [];
    private bool _finished;

    /// <summary>Begins, or goes on.</summary>
    /// <param name="rows">How many rows of this stream of items were made before.</param>
    private protected RowAssembler(long rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Rows = rows;
    }

    /// <summary>An item and what decides where it goes.</summary>
    private protected readonly record struct Waiting(T Item, int Tokens, int Images);

    /// <summary>How many rows have been made.</summary>
    public long Rows { get; private set; }

    /// <summary>The items that no row has taken yet, as they are to be added to an assembler that goes on.</summary>
    public IReadOnlyList<T> Pending => [.. _waiting.Select(waiting => waiting.Item)];

    /// <summary>Gives it an item.</summary>
    /// <param name="item">The item.</param>
    /// <param name="tokens">Its length, at least 1.</param>
    /// <param name="images">Its images.</param>
    /// <exception cref="ArgumentException">No row has room for it.</exception>
    /// <exception cref="InvalidOperationException">It was told that there are no more.</exception>
    public void Add(T item, int tokens, int images)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(images);
        if (_finished) throw new InvalidOperationException("An item after the last.");
        if (Refusal(tokens, images) is { } reason) throw new ArgumentException(reason);
        _waiting.Add(new Waiting(item, tokens, images));
    }

    /// <summary>There are no more items: the rows that are left need not wait for any.</summary>
    public void Finish() => _finished = true;

    /// <summary>The next row, if there is one yet.</summary>
    /// <param name="row">The items that share it, in order.</param>
    public bool TryTake(out IReadOnlyList<T> row)
    {
        row = [];
        if (_waiting.Count == 0 || (_waiting.Count < Needed && !_finished)) return false;
        row = Take(_waiting);
        Rows++;
        return true;
    }

    /// <summary>How many items must wait before the next row can be made, unless there are no more.</summary>
    private protected abstract int Needed { get; }

    /// <summary>Why an item fits no row; null: it does.</summary>
    private protected virtual string? Refusal(int tokens, int images) => null;

    /// <summary>Takes the items of the next row.</summary>
    /// <param name="waiting">The items that wait, at least one, the oldest first; those after the first <see cref="Needed"/> must not matter.</param>
    private protected abstract IReadOnlyList<T> Take(List<Waiting> waiting);
}
