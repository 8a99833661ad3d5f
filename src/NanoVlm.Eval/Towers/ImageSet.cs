using System.Text.Json;
using NanoVlm.Data.Sources;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Towers;

/// <summary>
/// Reads pictures with labels or captions from what they commonly lie in: parquet files, a JSONL file, or a folder for each class. Parts of a set are told
/// by the names of its parquet files, by a JSONL row's <c>split</c>, or by folders above those of the classes.
/// </summary>
internal static class ImageSet
{
    private static readonly string[] ImageKeys = ["image", "file_name", "path"];

    /// <summary>Reads a set.</summary>
    /// <param name="path">A parquet file or a folder of them with the columns <c>image</c> and <c>label</c> or <c>caption</c>; a JSONL file, or a folder with one,
    /// of rows <c>{"image": PATH, "label": NAME, "caption": TEXT or LIST, "split": NAME}</c>, paths from its folder on; or a folder of class folders.</param>
    /// <param name="captions">Whether captions are wanted, otherwise labels.</param>
    /// <exception cref="NanoVlmException">There is nothing of the kind, or a row is not as expected; names file and line.</exception>
    public static IReadOnlyList<LabelledImage> Read(string path, bool captions)
    {
        try
        {
            if (File.Exists(path)) return Path.GetExtension(path).ToLowerInvariant() switch
            {
                ".parquet" => Parquet(path, [path], captions),
                ".jsonl" => Lines(path, captions),
                var other => throw new NanoVlmException($"{path}: '{other}' is no kind of file to read pictures from; expected .parquet, .jsonl or a folder."),
            };
            if (!Directory.Exists(path)) throw new NanoVlmException($"{path}: no such file or folder; expected parquet files, a JSONL file or a folder of class folders.");
            var tables = Directory.EnumerateFiles(path, "*.parquet", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray();
            if (tables.Length > 0) return Parquet(path, tables, captions);
            var lists = Directory.EnumerateFiles(path, "*.jsonl").Order(StringComparer.Ordinal).ToArray();
            if (lists.Length > 0) return [.. lists.SelectMany(list => Lines(list, captions, lists.Length > 1 ? SplitOf(Path.GetFileNameWithoutExtension(list)) : null))];
            return captions
                ? throw new NanoVlmException($"{path}: holds no .parquet and no .jsonl file; captions are read from one of these.")
                : Folders(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {error.Message}", error);
        }
    }

    private static LabelledImage[] Folders(string root)
    {
        var images = ImageFiles.Within(root).Select(file => (File: file, Parts: Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar))).ToArray();
        var split = images.Length > 0 && images.All(image => image.Parts.Length > 2 && SplitOf(image.Parts[0]) is not null);
        if (images.Length == 0 || images.Any(image => image.Parts.Length < (split ? 3 : 2)))
            throw new NanoVlmException($"{root}: expected a folder for each class with its pictures, {(images.Length == 0 ? "and found no pictures" : $"and found {images.First(image => image.Parts.Length < 2).File} outside of them")}.");
        return [.. images.Select(image => new LabelledImage(
            string.Join('/', image.Parts), new StoredImage(image.File), image.Parts[split ? 1 : 0], [], split ? SplitOf(image.Parts[0]) : null))];
    }

    private static List<LabelledImage> Lines(string path, bool captions, string? split = null)
    {
        var images = new List<LabelledImage>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var where = $"{path}:{number}";
            try
            {
                using var json = JsonDocument.Parse(line);
                var row = json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement : throw new NanoVlmException($"{where}: expected a JSON object.");
                var key = ImageKeys.FirstOrDefault(key => row.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String)
                    ?? throw new NanoVlmException($"{where}: expected the key \"image\" with the picture's path, from the file's folder on.");
                var file = row.GetProperty(key).GetString()!;
                var label = Scalar(row, "label");
                IReadOnlyList<string> texts = [.. Texts(row, "caption", where), .. Texts(row, "captions", where)];
                if (captions ? texts.Count == 0 : label is null) throw new NanoVlmException($"{where}: expected the key \"{(captions ? "caption\" with a text or a list of texts" : "label\" with a text or a number")}.");
                images.Add(new LabelledImage(file, new StoredImage(Path.Combine(Path.GetDirectoryName(path)!, file)), label, texts, Scalar(row, "split") is { } named ? SplitOf(named) ?? named : split));
            }
            catch (JsonException error)
            {
                throw new NanoVlmException($"{where}: not valid JSON; expected one JSON object a line.", error);
            }
        }
        return images.Count > 0 ? images : throw new NanoVlmException($"{path}: has no rows.");
    }

    private static List<LabelledImage> Parquet(string name, string[] files, bool captions)
    {
        var images = new List<LabelledImage>();
        var image = new TableColumn("image", TableKind.Image);
        foreach (var part in files.GroupBy(file => Path.GetRelativePath(Directory.Exists(name) ? name : Path.GetDirectoryName(name)!, file).Split('/', '\\', '-', '_', '.').Select(SplitOf).LastOrDefault(split => split is not null)))
        {
            var (table, list) = captions ? Captions(name, [.. part], image) : (ParquetTable.Open(name, [.. part], [image, new("label", TableKind.Label)]), false);
            for (var i = 0; i < table.Count; i++)
            {
                var row = table[i];
                var picture = row.Image("image") ?? throw new NanoVlmException($"{row.Origin}: column image has no value; expected a picture.");
                images.Add(new LabelledImage(
                    part.Key is null ? $"{i}" : $"{part.Key}/{i}", picture, captions ? null : row.Label("label"), !captions ? [] : list ? row.Texts("caption") : [row.Text("caption")], part.Key));
            }
        }
        return images;
    }

    // One text a picture, or several.
    private static (ParquetTable Table, bool List) Captions(string name, string[] files, TableColumn image)
    {
        try
        {
            return (ParquetTable.Open(name, files, [image, new("caption", TableKind.Texts)]), true);
        }
        catch (NanoVlmException)
        {
            return (ParquetTable.Open(name, files, [image, new("caption", TableKind.Text)]), false);
        }
    }

    private static string? SplitOf(string word) => word.ToLowerInvariant() switch
    {
        "train" or "training" => "train",
        "validation" or "valid" or "val" or "dev" => "validation",
        "test" or "testing" => "test",
        _ => null,
    };

    private static string? Scalar(JsonElement row, string key) => row.TryGetProperty(key, out var value) ? value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        _ => null,
    } : null;

    private static IEnumerable<string> Texts(JsonElement row, string key, string where)
    {
        if (!row.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null) return [];
        if (value.ValueKind == JsonValueKind.String) return [value.GetString()!];
        return value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(text => text.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(text => text.GetString()!)]
            : throw new NanoVlmException($"{where}: expected a text or a list of texts as \"{key}\".");
    }
}
