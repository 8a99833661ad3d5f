using System.Runtime.InteropServices;
using System.Text.Json;

namespace NanoVlm.Text.Models;

/// <summary>Reads the merges of a BPE, <c>"left right"</c> or <c>["left", "right"]</c>. Half a million of them are most of a large file, so no string is made of one.</summary>
internal sealed class MergeList(JsonPart part, Vocabulary vocabulary, int prefixLength)
{
    private char[] _characters = new char[256];

    /// <summary>The merges, from pairs of ids to rank &lt;&lt; 32 | merged id; of a pair that comes twice the later rank counts.</summary>
    public PairTable Read()
    {
        if (part.Value.ValueKind != JsonValueKind.Array)
            throw part.Expected("an array of merges");
        var merges = new PairTable(part.Value.GetArrayLength());
        long rank = 0;
        foreach (var item in part.Value.EnumerateArray())
        {
            int middle = Write(item, out int end);
            if (middle < 0)
                throw part.Refuse($"merge {rank} must be \"left right\" or [\"left\", \"right\"], found {item.GetRawText()}");
            var (left, right) = (_characters.AsMemory(0, middle), _characters.AsMemory(middle, end - middle));
            int first = Id(left.Span, rank), second = Id(right.Span, rank);
            // The right part leaves its prefix behind.
            int dropped = Math.Min(prefixLength, right.Length);
            right.Span[dropped..].CopyTo(right.Span);
            merges.Set(first, second, (rank++ << 32) | (uint)Id(_characters.AsSpan(0, end - dropped), rank - 1));
        }
        return merges;
    }

    private int Id(ReadOnlySpan<char> token, long rank) => vocabulary.TryGetId(token, out int id) ? id
        : throw part.Refuse($"merge {rank} needs the token \"{token}\", which the vocabulary lacks");

    /// <summary>Writes both parts one after the other and returns where the right one begins, or -1.</summary>
    private int Write(JsonElement item, out int end)
    {
        end = 0;
        if (item.ValueKind == JsonValueKind.String)
        {
            end = Append(item, 0);
            int space = _characters.AsSpan(0, end).IndexOf(' ');
            if (space <= 0 || space == end - 1 || _characters.AsSpan(space + 1, end - space - 1).Contains(' '))
                return -1;
            _characters.AsSpan(space + 1, end - space - 1).CopyTo(_characters.AsSpan(space));
            end--;
            return space;
        }
        if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 2)
            return -1;
        int middle = -1;
        foreach (var text in item.EnumerateArray())
        {
            if (text.ValueKind != JsonValueKind.String)
                return -1;
            end = Append(text, end);
            middle = middle < 0 ? end : middle;
        }
        return middle;
    }

    private int Append(JsonElement text, int at)
    {
        var raw = JsonMarshal.GetRawUtf8Value(text)[1..^1];
        if (_characters.Length < at + raw.Length)
            Array.Resize(ref _characters, 2 * (at + raw.Length));
        if (!raw.Contains((byte)'\\'))
            return at + System.Text.Encoding.UTF8.GetChars(raw, _characters.AsSpan(at));
        string unescaped = text.GetString()!;
        unescaped.CopyTo(_characters.AsSpan(at));
        return at + unescaped.Length;
    }
}
