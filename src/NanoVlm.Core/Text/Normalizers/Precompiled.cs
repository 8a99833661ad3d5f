using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace NanoVlm.Text.Normalizers;

/// <summary>
/// SentencePiece's compiled character map: a double-array trie (Aoe 1989, laid out as in darts-clone) from UTF-8 to replacements.
/// Applied as the tokenizers library does: to whole grapheme clusters of up to five bytes, else to their characters; of several keys that
/// a text begins with the shortest counts, and its replacement takes the place of all of it.
/// </summary>
internal sealed class Precompiled : Normalizer
{
    private const int _longestCluster = 5;

    private readonly uint[] _units;
    private readonly byte[] _replacements;

    private Precompiled(JsonPart part)
    {
        byte[] map;
        try
        {
            map = Convert.FromBase64String(part.String());
        }
        catch (FormatException)
        {
            throw part.Refuse("is not base64");
        }
        uint size = map.Length < 4 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(map);
        if (size > map.Length - 4 || size % 4 != 0)
            throw part.Refuse($"the trie in it would have {size} bytes, of {map.Length} in all");
        _units = new uint[size / 4];
        for (int i = 0; i < _units.Length; i++)
            _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(map.AsSpan(4 + 4 * i));
        _replacements = map[(int)(4 + size)..];
        if (!System.Text.Unicode.Utf8.IsValid(_replacements))
            throw part.Refuse("its replacements are not UTF-8");
    }

    public static new Precompiled Read(JsonPart part) => new(part.Get("precompiled_charsmap"));

    public override AlignedText Apply(AlignedText text)
    {
        var output = new List<(Rune Rune, int Change)>(text.Length);
        var characters = text.Characters;
        for (int at = 0, length; at < characters.Length; at += length)
        {
            length = StringInfo.GetNextTextElementLength(characters[at..]);
            var cluster = characters.Slice(at, length);
            if (System.Text.Encoding.UTF8.GetByteCount(cluster) <= _longestCluster && TryReplace(cluster, out var replacement))
            {
                Append(cluster, replacement, output);
                continue;
            }
            for (int i = 0, units; i < length; i += units)
            {
                Rune.DecodeFromUtf16(cluster[i..], out _, out units);
                var character = cluster.Slice(i, units);
                Append(character, TryReplace(character, out replacement) ? replacement : character, output);
            }
        }
        var result = new Rewriting(text);
        foreach (var (rune, change) in output)
            result.Append(rune, change);
        return result.Build();
    }

    // Characters that a replacement has more are added at its end; those that it has less go with its last, or with what came before.
    private static void Append(ReadOnlySpan<char> old, ReadOnlySpan<char> replacement, List<(Rune Rune, int Change)> output)
    {
        int missing = 0;
        foreach (var _ in old.EnumerateRunes())
            missing++;
        foreach (var rune in replacement.EnumerateRunes())
            output.Add((rune, missing-- > 0 ? 0 : 1));
        if (missing > 0 && output.Count > 0)
            output[^1] = output[^1] with { Change = output[^1].Change - missing };
    }

    private bool TryReplace(ReadOnlySpan<char> text, out ReadOnlySpan<char> replacement)
    {
        replacement = default;
        Span<byte> utf8 = stackalloc byte[Math.Max(_longestCluster, 4)];
        utf8 = utf8[..System.Text.Encoding.UTF8.GetBytes(text, utf8)];
        if (Find(utf8) is not { } start)
            return false;
        int length = start >= _replacements.Length ? 0 : _replacements.AsSpan(start).IndexOf((byte)0);
        replacement = start >= _replacements.Length ? "" : System.Text.Encoding.UTF8.GetString(_replacements.AsSpan(start, length < 0 ? _replacements.Length - start : length));
        return true;
    }

    /// <summary>Where the replacement of the shortest key that a text begins with starts.</summary>
    private int? Find(ReadOnlySpan<byte> key)
    {
        if (_units.Length == 0)
            return null;
        uint node = Offset(_units[0]);
        foreach (byte b in key)
        {
            node ^= b;
            if (b == 0 || node >= _units.Length || (_units[node] & 0x800000FF) != b)
                return null;
            uint unit = _units[node];
            node ^= Offset(unit);
            if ((unit & 0x100) != 0)
                return node < _units.Length ? (int)(_units[node] & 0x7FFFFFFF) : null;
        }
        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
