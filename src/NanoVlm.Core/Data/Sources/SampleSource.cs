using System.Collections;

namespace NanoVlm.Data.Sources;

/// <summary>
/// A set of conversations as it is stored. Its size is known once it is open, a row is read when it is asked for, from any thread, and is
/// the same each time.
/// </summary>
public abstract class SampleSource : IReadOnlyList<RawSample>, IDisposable
{
    /// <summary>What messages and reports call it.</summary>
    public abstract string Name { get; }

    /// <summary>How many rows there are.</summary>
    public abstract int Count { get; }

    /// <summary>How many rows in a row are read at once, such as a parquet file's row groups, in order; null: each by itself. Shuffling keeps the
    /// rows of a group near each other.</summary>
    public virtual IReadOnlyList<int>? Groups => null;

    /// <summary>The file that a row lies in, for messages.</summary>
    /// <param name="index">Its index from 0.</param>
    public virtual string FileOf(int index) => Name;

    /// <summary>Reads a row.</summary>
    /// <param name="index">Its index from 0.</param>
    /// <exception cref="NanoVlmException">The row is not as expected; names file and row.</exception>
    public abstract RawSample this[int index] { get; }

    /// <summary>Reads the rows in order.</summary>
    public IEnumerator<RawSample> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
            yield return this[i];
    }

    /// <summary>Closes the files.</summary>
    public abstract void Dispose();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
