using System.Text.Json;

namespace NanoVlm.Text.Models;

/// <summary>Tokens by id and ids by token.</summary>
internal sealed class Vocabulary
{
    // Far above any published vocabulary; keeps a hostile id from asking for gigabytes.
    public const int LargestId = (1 << 22) - 1;

    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsBySpan;
    private readonly string?[] _tokens;

    public Vocabulary(Dictionary<string, int> ids, Func<string, Exception> refuse)
    {
        _ids = ids;
        _idsBySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        int largest = -1;
        foreach (var (token, id) in ids)
        {
            if (id is < 0 or > LargestId)
                throw refuse($"id {id} of token \"{token}\" is outside 0 to {LargestId}");
            largest = Math.Max(largest, id);
        }
        _tokens = new string?[largest + 1];
        foreach (var (token, id) in ids)
        {
            if (_tokens[id] is { } other)
                throw refuse($"tokens \"{other}\" and \"{token}\" share id {id}");
            _tokens[id] = token;
        }
    }

    public int IdCount => _tokens.Length;

    public IEnumerable<string> Tokens => _ids.Keys;

    public int this[string token] => _ids[token];

    public bool TryGetId(ReadOnlySpan<char> token, out int id) => _idsBySpan.TryGetValue(token, out id);

    public string? TokenOf(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    public static Vocabulary Read(JsonPart part)
    {
        if (part.Value.ValueKind != JsonValueKind.Object)
            throw part.Expected("an object of token: id");
        var ids = new Dictionary<string, int>();
        foreach (var member in part.Value.EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.Number || !member.Value.TryGetInt32(out int id))
                throw part.Refuse($"the id of token \"{member.Name}\" must be an integer, found {member.Value.GetRawText()}");
            ids[member.Name] = id;
        }
        return new Vocabulary(ids, part.Refuse);
    }
}
