using System.Collections;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>Items in memory, and what is wrong with those that could not be made: reading one of these throws.</summary>
internal sealed class ItemList : IReadOnlyList<TaskItem>
{
    private readonly List<(TaskItem? Item, NanoVlmException? Error)> items = [];

    public int Count => items.Count;

    public TaskItem this[int index] => items[index] is var (item, error) && error is not null ? throw new NanoVlmException(error.Message, error) : item!;

    public void Add(TaskItem item) => items.Add((item, null));

    public void Add(NanoVlmException error) => items.Add((null, error));

    public IEnumerator<TaskItem> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
