using System.Numerics;

namespace NanoVlm.Text.Models;

/// <summary>A table from pairs of small numbers to values, with open addressing; several times as fast as a dictionary of tuples.</summary>
internal sealed class PairTable
{
    // No pair of numbers from 0 up makes this key.
    private const ulong _free = ulong.MaxValue;

    private (ulong Key, long Value)[] _slots;
    private int _count;

    public PairTable(int capacity)
    {
        int size = 16;
        while (size < 2 * (long)capacity)
            size *= 2;
        _slots = Free(size);
    }

    public bool TryGet(int first, int second, out long value)
    {
        ulong key = Key(first, second);
        var slot = _slots[SlotOf(key)];
        value = slot.Value;
        return slot.Key == key;
    }

    /// <summary>Sets the value of a pair.</summary>
    public void Set(int first, int second, long value)
    {
        if (2 * (_count + 1) > _slots.Length)
            Grow();
        ulong key = Key(first, second);
        ref var slot = ref _slots[SlotOf(key)];
        if (slot.Key != key)
            _count++;
        slot = (key, value);
    }

    private static ulong Key(int first, int second) => ((ulong)(uint)first << 32) | (uint)second;

    private static (ulong, long)[] Free(int size)
    {
        var slots = new (ulong, long)[size];
        Array.Fill(slots, (_free, 0));
        return slots;
    }

    private int SlotOf(ulong key)
    {
        // Fibonacci hashing, and then the next slot that is the key's or free.
        var slots = _slots;
        int slot = (int)((key * 0x9E3779B97F4A7C15) >> BitOperations.LeadingZeroCount((ulong)slots.Length - 1));
        while (slots[slot].Key != key && slots[slot].Key != _free)
            slot = (slot + 1) & (slots.Length - 1);
        return slot;
    }

    private void Grow()
    {
        var slots = _slots;
        _slots = Free(2 * slots.Length);
        foreach (var slot in slots)
        {
            if (slot.Key != _free)
                _slots[SlotOf(slot.Key)] = slot;
        }
    }
}
