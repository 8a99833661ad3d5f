using System.Text;
using NanoVlm.Text;

namespace NanoVlm.Generation;

/// <summary>The text of an answer as it grows. What it gives out is certain: no half of a character, and nothing that may yet turn out to begin a stop string.</summary>
internal sealed class AnswerText(Tokenizer tokenizer, IReadOnlyList<string> stopStrings)
{
    private readonly StreamingDecoder decoder = new(tokenizer, skipSpecialTokens: true);
    private readonly IReadOnlyList<string> stops = stopStrings.All(stop => stop.Length > 0) ? stopStrings : throw new ArgumentException("A stop string must not be empty: it would end every answer before it begins.", nameof(stopStrings));
    private readonly StringBuilder text = new();
    private string held = "";

    /// <summary>Whether a stop string has come up.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Takes a token and returns the text that has become certain, often empty.</summary>
    public string Push(int id) => Take(decoder.Push(id), last: false);

    /// <summary>Returns what is still held back: no token comes any more.</summary>
    public string Flush() => Stopped ? "" : Take(decoder.Flush(), last: true);

    /// <summary>All that was given out.</summary>
    public override string ToString() => text.ToString();

    private string Take(string piece, bool last)
    {
        held += piece;
        var stop = stops.Select(stop => held.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        Stopped = stop >= 0;
        var certain = Stopped ? stop : last ? held.Length : held.Length - Beginning();
        var given = held[..certain];
        held = held[certain..];
        text.Append(given);
        return given;
    }

    // The length of the longest end of the held text that begins a stop string.
    private int Beginning()
    {
        for (var length = Math.Min(held.Length, stops.Select(stop => stop.Length - 1).DefaultIfEmpty(0).Max()); length > 0; length--)
            if (stops.Any(stop => stop.AsSpan().StartsWith(held.AsSpan(held.Length - length)))) return length;
        return 0;
    }
}
