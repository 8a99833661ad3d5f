namespace NanoVlm.Data.Packing;

/// <summary>A row for each item, as they come.</summary>
/// <typeparam name="T">What stands for a sample.</typeparam>
/// <param name="rows">How many rows of this stream of items were made before.</param>
internal sealed class InOrder<T>(long rows = 0) : RowAssembler<T>(rows)
{
    private protected override int Needed => 1;

    private protected override IReadOnlyList<T> Take(List<Waiting> waiting)
    {
        var first = waiting[0].Item;
        waiting.RemoveAt(0);
        return [first];
    }
}
