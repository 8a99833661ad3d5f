using System.Text.Json;
using System.Text.Json.Serialization;

namespace NanoVlm.Training;

/// <summary>How a finding is judged.</summary>
[JsonConverter(typeof(FindingStateConverter))]
internal enum FindingState
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Works, but slower than it need be.</summary>
    Slow,

    /// <summary>Needed and not there.</summary>
    Missing,

    /// <summary>Not there and not needed.</summary>
    Absent,
}

internal sealed class FindingStateConverter() : JsonStringEnumConverter<FindingState>(JsonNamingPolicy.SnakeCaseLower);

/// <summary>Something that <c>doctor</c> looked at.</summary>
/// <param name="Name">What.</param>
/// <param name="State">Its judgement.</param>
/// <param name="Value">What was found.</param>
/// <param name="Mend">What to do about it, a line; null where there is nothing to do.</param>
internal sealed record Finding(string Name, FindingState State, string Value, string? Mend = null)
{
    internal static Finding Ok(string name, string value) => new(name, FindingState.Ok, value);

    internal static Finding Slow(string name, string value, string mend) => new(name, FindingState.Slow, value, mend);

    internal static Finding Missing(string name, string value, string mend) => new(name, FindingState.Missing, value, mend);

    internal static Finding Absent(string name, string value, string? mend = null) => new(name, FindingState.Absent, value, mend);
}
