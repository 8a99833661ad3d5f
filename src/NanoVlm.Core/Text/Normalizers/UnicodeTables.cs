using System.IO.Compression;

namespace NanoVlm.Text.Normalizers;

/// <summary>
/// Decompositions and combining classes. .NET takes them from ICU, which this program does without: with invariant
/// globalization <c>string.Normalize</c> returns its input as it is.
/// </summary>
internal static partial class UnicodeTables
{
    private const int _hangul = 0xAC00, _leading = 0x1100, _vowel = 0x1161, _trailing = 0x11A7;
    private const int _leadingCount = 19, _vowelCount = 21, _trailingCount = 28;
    private const int _hangulCount = _leadingCount * _vowelCount * _trailingCount;

    private static readonly Dictionary<int, int[]> _canonical = [], _compatible = [];
    private static readonly Dictionary<(int, int), int> _compositions = [];
    private static readonly Dictionary<int, int> _classes = [];

    static UnicodeTables()
    {
        using var data = new BinaryReader(new DeflateStream(new MemoryStream(Convert.FromBase64String(_data)), CompressionMode.Decompress));
        foreach (var (source, mapping) in ReadTable(data))
        {
            _canonical[source] = mapping;
            _compositions[(mapping[0], mapping[1])] = source;
        }
        foreach (var (source, mapping) in ReadTable(data))
            _canonical[source] = mapping;
        foreach (var (source, mapping) in ReadTable(data))
            _compatible[source] = mapping;
        foreach (var (source, mapping) in ReadTable(data))
            _classes[source] = mapping[0];
    }

    /// <summary>The canonical combining class; 0 for characters that others combine with.</summary>
    public static int CombiningClass(int codePoint) => _classes.GetValueOrDefault(codePoint);

    /// <summary>One step of decomposition, or null.</summary>
    public static int[]? Decompose(int codePoint, bool compatibility)
    {
        int syllable = codePoint - _hangul;
        if (syllable is >= 0 and < _hangulCount)
        {
            int trailing = syllable % _trailingCount;
            return trailing == 0
                ? [_leading + syllable / (_vowelCount * _trailingCount), _vowel + syllable / _trailingCount % _vowelCount]
                : [codePoint - trailing, _trailing + trailing];
        }
        return _canonical.GetValueOrDefault(codePoint) ?? (compatibility ? _compatible.GetValueOrDefault(codePoint) : null);
    }

    /// <summary>The character that two compose to, or null.</summary>
    public static int? Compose(int first, int second)
    {
        if (first - _leading is >= 0 and < _leadingCount and var leading && second - _vowel is >= 0 and < _vowelCount and var vowel)
            return _hangul + (leading * _vowelCount + vowel) * _trailingCount;
        if (first - _hangul is >= 0 and < _hangulCount and var syllable && syllable % _trailingCount == 0 && second - _trailing is > 0 and < _trailingCount and var trailing)
            return first + trailing;
        return _compositions.TryGetValue((first, second), out int composed) ? composed : null;
    }

    // Sources as differences, then lengths, then the mappings as differences from the one before.
    private static (int Source, int[] Mapping)[] ReadTable(BinaryReader data)
    {
        var table = new (int Source, int[] Mapping)[data.Read7BitEncodedInt()];
        for (int i = 0, source = 0; i < table.Length; i++)
            table[i].Source = source += data.Read7BitEncodedInt();
        for (int i = 0; i < table.Length; i++)
            table[i].Mapping = new int[data.Read7BitEncodedInt()];
        var last = new int[3];
        foreach (var (_, mapping) in table)
        {
            for (int i = 0; i < mapping.Length; i++)
            {
                int difference = data.Read7BitEncodedInt();
                mapping[i] = last[Math.Min(i, 2)] += (difference >> 1) ^ -(difference & 1);
            }
        }
        return table;
    }
}
