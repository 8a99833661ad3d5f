namespace NanoVlm.Text.Models;

/// <summary>Merges adjacent tokens, the pair of the lowest rank first and of equal ones the leftmost, until no pair has a rank.</summary>
internal static class Merging
{
    private const long _none = long.MaxValue;
    private const int _short = 32;

    /// <summary>Merges in place and returns how many tokens are left, at the beginning.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="merges">From pairs of ids to rank &lt;&lt; 32 | merged id.</param>
    public static int Merge(Span<Token> tokens, PairTable merges) => tokens.Length <= _short ? MergeShort(tokens, merges) : MergeLong(tokens, merges);

    // A word: looking through all pairs for the lowest rank is faster than keeping them in order.
    private static int MergeShort(Span<Token> tokens, PairTable merges)
    {
        int count = tokens.Length;
        Span<long> pairs = stackalloc long[_short]; // the merge of i and i + 1
        for (int i = 0; i + 1 < count; i++)
            pairs[i] = Find(tokens[i], tokens[i + 1], merges);
        while (count > 1)
        {
            int at = 0;
            for (int i = 1; i + 1 < count; i++)
            {
                if (pairs[i] >> 32 < pairs[at] >> 32)
                    at = i;
            }
            if (pairs[at] == _none)
                break;
            tokens[at] = new Token((int)pairs[at], tokens[at].Start, tokens[at + 1].End);
            tokens[(at + 2)..count].CopyTo(tokens[(at + 1)..]);
            pairs[(at + 1)..(count - 1)].CopyTo(pairs[at..]);
            count--;
            if (at > 0)
                pairs[at - 1] = Find(tokens[at - 1], tokens[at], merges);
            if (at + 1 < count)
                pairs[at] = Find(tokens[at], tokens[at + 1], merges);
        }
        return count;
    }

    // Neighbours are a linked list and candidates a queue by (rank, position), so that even a piece of a megabyte takes n log n.
    private static int MergeLong(Span<Token> tokens, PairTable merges)
    {
        int count = tokens.Length;
        int[] previous = new int[count], next = new int[count];
        var candidates = new PriorityQueue<(int Position, int Id), long>(count);
        for (int i = 0; i < count; i++)
        {
            (previous[i], next[i]) = (i - 1, i + 1);
            if (i + 1 < count)
                Propose(tokens, i, i + 1, merges, candidates);
        }
        while (candidates.TryDequeue(out var candidate, out _))
        {
            var (at, id) = candidate;
            int right = tokens[at].Id < 0 ? count : next[at];
            // The neighbours may have changed since the candidate was proposed.
            if (right >= count || (int)Find(tokens[at], tokens[right], merges) != id)
                continue;
            tokens[at] = new Token(id, tokens[at].Start, tokens[right].End);
            tokens[right] = new Token(-1, 0, 0);
            next[at] = next[right];
            if (next[at] < count)
            {
                previous[next[at]] = at;
                Propose(tokens, at, next[at], merges, candidates);
            }
            if (previous[at] >= 0)
                Propose(tokens, previous[at], at, merges, candidates);
        }
        int kept = 0;
        for (int i = 0; i < count; i = next[i])
            tokens[kept++] = tokens[i];
        return kept;
    }

    private static void Propose(ReadOnlySpan<Token> tokens, int left, int right, PairTable merges, PriorityQueue<(int Position, int Id), long> candidates)
    {
        if (Find(tokens[left], tokens[right], merges) is var merge && merge != _none)
            candidates.Enqueue((left, (int)merge), (merge & ~(long)uint.MaxValue) | (uint)left);
    }

    private static long Find(Token left, Token right, PairTable merges) => merges.TryGet(left.Id, right.Id, out long merge) ? merge : _none;
}
