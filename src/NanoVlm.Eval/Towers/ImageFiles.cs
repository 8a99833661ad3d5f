using NanoVlm.Data.Sources;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Towers;

/// <summary>The pictures that a user names on the command line.</summary>
internal static class ImageFiles
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"];

    /// <summary>Finds them.</summary>
    /// <param name="paths">Files, patterns, and folders, which are searched with those in them.</param>
    /// <param name="limit">The most pictures, the first in order.</param>
    /// <exception cref="NanoVlmException">A path is missing, or a folder holds no pictures.</exception>
    public static IReadOnlyList<StoredImage> Find(IReadOnlyList<string> paths, int limit)
    {
        var files = paths.SelectMany(path => Directory.Exists(path) ? InFolder(path)
            : DataFiles.IsLocal(path) ? DataFiles.Find(path, Extensions)
            : throw new NanoVlmException($"{path}: no such file or folder; give pictures, folders of pictures, or a pattern.")).Distinct(StringComparer.Ordinal);
        return [.. files.Take(limit).Select(file => new StoredImage(file))];
    }

    /// <summary>The pictures in a folder and those in it, in ordinal order; none is an empty list.</summary>
    internal static IReadOnlyList<string> Within(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(IsImage).Order(StringComparer.Ordinal)];

    internal static bool IsImage(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase) && !Path.GetFileName(path).StartsWith('.');

    /// <summary>What the files about each picture are called: its name without folder and ending, numbered where two have the same.</summary>
    public static IReadOnlyList<string> Stems(IReadOnlyList<StoredImage> images)
    {
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        return [.. images.Select(image =>
        {
            var stem = Path.GetFileNameWithoutExtension(image.Name);
            var name = stem;
            for (var number = 2; !taken.Add(name); number++) name = $"{stem}-{number}";
            return name;
        })];
    }

    private static IReadOnlyList<string> InFolder(string folder) => Within(folder) is { Count: > 0 } files
        ? files
        : throw new NanoVlmException($"{folder}: there are no pictures in this folder or those in it; expected files ending in {string.Join(", ", Extensions)}.");
}
