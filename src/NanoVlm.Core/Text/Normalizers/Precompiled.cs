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
        // Each character of the result stands for one of the text; what a replacement adds, for the one before.
        var result = new AlignedText.Builder(text, text.Length);
        int source = 0;
        var characters = text.Characters;
        for (int at = 0, length; at < characters.Length; at += length)
        {
            length = StringInfo.GetNextTextElementLength(characters[at..]);
            var cluster = characters.Slice(at, length);
            if (System.Text.Encoding.UTF8.GetByteCount(cluster) <= _longestCluster && TryReplace(cluster, out var replacement))
            {
                Append(cluster, replacement, characters);
                continue;
            }
            for (int i = 0, units; i < length; i += units)
            {
                Rune.DecodeFromUtf16(cluster[i..], out _, out units);
                var character = cluster.Slice(i, units);
                Append(character, TryReplace(character, out replacement) ? replacement : character, characters);
            }
        }
        return result.Build();

        void Append(ReadOnlySpan<char> old, ReadOnlySpan<char> replacement, ReadOnlySpan<char> characters)
        {
            int end = source + old.Length;
            Span<char> units = stackalloc char[2];
            foreach (var rune in replacement.EnumerateRunes())
            {
                result.Append(units[..rune.EncodeToUtf16(units)], source < end ? source : Math.Max(end - 1, 0));
                if (source < end)
                    source += char.IsHighSurrogate(characters[source]) ? 2 : 1;
            }
            source = end;
        }
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
