namespace NanoVlm.Text.Models;

/// <summary>Texts that share their beginnings, each with an id; walked a character at a time.</summary>
internal sealed class Trie
{
    /// <summary>Where every walk begins.</summary>
    public const int Root = 0;

    private readonly PairTable _children;
    private readonly List<int> _ids = [-1];

    public Trie(IEnumerable<(string Text, int Id)> texts, int capacity)
    {
        _children = new PairTable(4 * capacity);
        foreach (var (text, id) in texts)
        {
            int node = Root;
            foreach (char c in text)
            {
                if (!_children.TryGet(node, c, out long child))
                {
                    child = _ids.Count;
                    _children.Set(node, c, child);
                    _ids.Add(-1);
                }
                node = (int)child;
            }
            _ids[node] = id;
        }
    }

    /// <summary>The next node of a walk, if texts go on that way.</summary>
    public bool TryStep(ref int node, char c)
    {
        if (!_children.TryGet(node, c, out long child))
            return false;
        node = (int)child;
        return true;
    }

    /// <summary>The id of the text that ends at a node, or -1.</summary>
    public int IdAt(int node) => _ids[node];
}
