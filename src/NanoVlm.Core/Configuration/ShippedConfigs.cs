namespace NanoVlm.Configuration;

/// <summary>The configurations that come with the program: the repository's <c>configs/</c>, beside it.</summary>
internal static class ShippedConfigs
{
    /// <summary>Where they are.</summary>
    internal static string Folder => Path.Combine(AppContext.BaseDirectory, "configs");

    /// <summary>The file that a path means: the path itself, or where there is none, the shipped configuration of that name.</summary>
    /// <param name="path">A path, or a name with <c>.json</c> or without.</param>
    /// <exception cref="ConfigurationException">There is neither.</exception>
    internal static string Find(string path)
    {
        if (Path.Exists(path)) return path;
        var shipped = Directory.Exists(Folder) ? Directory.GetFiles(Folder, "*.json") : [];
        var names = shipped.Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal).ToArray();
        var name = path.EndsWith(".json", StringComparison.Ordinal) ? path[..^".json".Length] : path;
        if (names.Contains(name)) return Path.Combine(Folder, name + ".json");
        throw new ConfigurationException(path, [new("", $"there is no such file, and no shipped configuration of this name{NearestName.Suggestion(NearestName.Of(name, names))}; shipped are {string.Join(", ", names)}")]);
    }
}
