namespace NanoVlm.Configuration;

/// <summary>Collects mistakes, so that all of them are reported at once.</summary>
internal sealed class ConfigurationProblems
{
    private readonly List<ConfigurationProblem> found = [];

    public void Add(string path, string message, string? place = null, string? meant = null) =>
        found.Add(new(path, message, place) { Meant = meant });

    /// <summary>Whether the value at the path is in doubt: it, something inside it or something around it is wrong.</summary>
    public bool Touches(string path) => found.Any(problem =>
        Contains(problem.Path, path) || Contains(path, problem.Path) || problem.Meant == path);

    public void ThrowIfAny(string source)
    {
        if (found.Count > 0)
            throw new ConfigurationException(source, found);
    }

    /// <summary>The path of a member: <c>train.seed</c>.</summary>
    public static string Member(string path, string key) => path == "" ? key : $"{path}.{key}";

    private static bool Contains(string outer, string inner) => outer == inner
        || (inner.StartsWith(outer, StringComparison.Ordinal) && (outer == "" || inner[outer.Length] is '.' or '['));
}

/// <summary>A record with rules between its keys, which the reader asks about once its values are read.</summary>
internal interface IChecked
{
    /// <summary>Reports every broken rule.</summary>
    void Check(ConfigurationRules rules);
}

/// <summary>Where a record reports broken rules between its keys.</summary>
internal sealed class ConfigurationRules(ConfigurationProblems problems, ConfigurationNode node, string path)
{
    /// <summary>Reports the rule as broken unless it holds or one of the keys is already known to be wrong.</summary>
    /// <param name="holds">Whether the rule holds.</param>
    /// <param name="key">The key to name, relative to the record.</param>
    /// <param name="message">What was expected, what was found and what to do.</param>
    /// <param name="others">The other keys that the rule reads.</param>
    public void Require(bool holds, string key, string message, params ReadOnlySpan<string> others)
    {
        if (holds || problems.Touches(ConfigurationProblems.Member(path, key)))
            return;
        foreach (var other in others)
            if (problems.Touches(ConfigurationProblems.Member(path, other)))
                return;
        problems.Add(ConfigurationProblems.Member(path, key), message, PlaceOf(key));
    }

    /// <summary>Whether the key is written, be it with its default value.</summary>
    public bool Given(string key) => PlaceOf(key) != null;

    private string? PlaceOf(string key)
    {
        var at = node;
        foreach (var name in key.Split('.'))
            if (!at.Members.TryGetValue(name, out at))
                return null; // a default
        return at.Place;
    }
}
