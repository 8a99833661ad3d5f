using System.Runtime.InteropServices;

namespace NanoVlm.Text.Models;

/// <summary>A fast hash of short texts; take its high bits.</summary>
internal static class TextHash
{
    public static ulong Of(ReadOnlySpan<char> text)
    {
        ulong hash = (ulong)text.Length;
        var blocks = MemoryMarshal.Cast<char, ulong>(text);
        foreach (ulong block in blocks)
            hash = Mix(hash, block);
        foreach (char c in text[(4 * blocks.Length)..])
            hash = Mix(hash, c);
        return hash;
    }

    // A product's high bits depend on all of its factor's; folding brings them down for the next block.
    private static ulong Mix(ulong hash, ulong block)
    {
        hash = (hash ^ block) * 0x9E3779B97F4A7C15;
        return (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93;
    }
}
