using System.Numerics;
using System.Text.Json;

namespace NanoVlm.Text.Models;

/// <summary>Tokens by id and ids by token.</summary>
internal sealed class Vocabulary
{
    // Far above any published vocabulary; keeps a hostile id from asking for gigabytes.
    public const int LargestId = (1 << 22) - 1;

    // A chain this long in a table that is half empty is made on purpose.
    private const int _longestChain = 4096;

    private readonly string?[] _tokens;
    private readonly (uint Hash, int Id)[] _slots; // open addressing; Id -1 is free
    private readonly int _shift;

    private Vocabulary(List<(string Token, int Id)> entries, JsonPart part)
    {
        _tokens = new string?[entries.Count == 0 ? 0 : entries.Max(e => e.Id) + 1];
        _slots = new (uint, int)[(int)BitOperations.RoundUpToPowerOf2(2 * (uint)entries.Count + 16)];
        _shift = BitOperations.LeadingZeroCount((ulong)_slots.Length - 1);
        Array.Fill(_slots, (0u, -1));
        foreach (var (token, id) in entries)
        {
            if (_tokens[id] is { } other)
                throw part.Refuse(other == token ? $"token \"{token}\" is there twice" : $"tokens \"{other}\" and \"{token}\" share id {id}");
            int slot = SlotOf(token, out uint hash);
            if (slot < 0)
                throw part.Refuse("the tokens were made to collide");
            if (_slots[slot].Id >= 0)
                throw part.Refuse($"token \"{token}\" is there twice");
            (_tokens[id], _slots[slot]) = (token, (hash, id));
        }
    }

    public int IdCount => _tokens.Length;

    public IEnumerable<string> Tokens => _tokens.OfType<string>();

    public int this[string token] => TryGetId(token, out int id) ? id : throw new KeyNotFoundException(token);

    public bool TryGetId(ReadOnlySpan<char> token, out int id)
    {
        int slot = SlotOf(token, out _);
        id = slot < 0 ? -1 : _slots[slot].Id;
        return id >= 0;
    }

    public string? TokenOf(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    public static Vocabulary Read(JsonPart part)
    {
        if (part.Value.ValueKind != JsonValueKind.Object)
            throw part.Expected("an object of token: id");
        var entries = new List<(string, int)>(part.Value.GetPropertyCount());
        foreach (var member in part.Value.EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.Number || !member.Value.TryGetInt32(out int id))
                throw part.Refuse($"the id of token \"{member.Name}\" must be an integer, found {member.Value.GetRawText()}");
            if (id is < 0 or > LargestId)
                throw part.Refuse($"id {id} of token \"{member.Name}\" is outside 0 to {LargestId}");
            entries.Add((member.Name, id));
        }
        return new Vocabulary(entries, part);
    }

    /// <summary>The slot that is a token's or would be; -1 after a chain that no honest file makes.</summary>
    private int SlotOf(ReadOnlySpan<char> token, out uint hash)
    {
        ulong full = TextHash.Of(token);
        hash = (uint)full;
        int slot = (int)(full >> _shift);
        for (int step = 0; step < _longestChain; step++)
        {
            var (slotHash, id) = _slots[slot];
            if (id < 0 || (slotHash == hash && token.SequenceEqual(_tokens[id])))
                return slot;
            slot = (slot + 1) & (_slots.Length - 1);
        }
        return -1;
    }
}
