namespace NanoVlm.Text.Models;

/// <summary>A table from pairs of small numbers to values, with open addressing; several times as fast as a dictionary of tuples.</summary>
internal sealed class PairTable
{
    // No pair of numbers from 0 up makes this key.
    private const ulong _free = ulong.MaxValue;

    private ulong[] _keys;
    private long[] _values;
    private int _count;

    public PairTable(int capacity)
    {
        int size = 16;
        while (size < 2 * (long)capacity)
            size *= 2;
        (_keys, _values) = (new ulong[size], new long[size]);
        Array.Fill(_keys, _free);
    }

    public bool TryGet(int first, int second, out long value)
    {
        ulong key = Key(first, second);
        int slot = SlotOf(key);
        value = _values[slot];
        return _keys[slot] == key;
    }

    /// <summary>Sets the value of a pair.</summary>
    public void Set(int first, int second, long value)
    {
        if (2 * (_count + 1) > _keys.Length)
            Grow();
        ulong key = Key(first, second);
        int slot = SlotOf(key);
        if (_keys[slot] != key)
            _count++;
        (_keys[slot], _values[slot]) = (key, value);
    }

    private static ulong Key(int first, int second) => ((ulong)(uint)first << 32) | (uint)second;

    private int SlotOf(ulong key)
    {
        // Fibonacci hashing, and then the next slot that is the key's or free.
        int mask = _keys.Length - 1;
        int slot = (int)((key * 0x9E3779B97F4A7C15) >> 32) & mask;
        while (_keys[slot] != key && _keys[slot] != _free)
            slot = (slot + 1) & mask;
        return slot;
    }

    private void Grow()
    {
        var (keys, values) = (_keys, _values);
        (_keys, _values) = (new ulong[2 * keys.Length], new long[2 * keys.Length]);
        Array.Fill(_keys, _free);
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i] == _free)
                continue;
            int slot = SlotOf(keys[i]);
            (_keys[slot], _values[slot]) = (keys[i], values[i]);
        }
    }
}
