using NanoVlm.Data.Parquet;
using ParquetSharp;

namespace NanoVlm.Data.Sources;

/// <summary>Which columns of a parquet file hold what.</summary>
/// <param name="File">The file.</param>
/// <param name="User">The questions.</param>
/// <param name="Assistant">The answers.</param>
/// <param name="Images">The picture files; null for a set of texts.</param>
/// <param name="ImagePaths">What they are called.</param>
/// <param name="Ratings">The ratings in the order of <see cref="TurnRatings"/>; null where the file has none.</param>
internal sealed record ParquetLayout(
    ParquetFile File, ParquetColumn User, ParquetColumn Assistant, ParquetColumn? Images, ParquetColumn? ImagePaths, IReadOnlyList<ParquetColumn?> Ratings)
{
    /// <summary>The names of the columns of ratings.</summary>
    public static readonly IReadOnlyList<string> RatingNames = ["relevance_ratings", "image_correspondence_ratings", "visual_dependency_ratings", "formatting_ratings"];

    private const string Expected =
        "images: list<struct<bytes: binary, path: string>> or image: struct<bytes: binary, path: string> (or neither), texts: list<struct<user: string, assistant: string>>, " +
        "and optionally relevance_ratings, image_correspondence_ratings, visual_dependency_ratings, formatting_ratings: list<int>; other columns are ignored";

    /// <summary>Finds the columns; adds to the problems, and gives null, where they are not as expected.</summary>
    public static ParquetLayout? Of(ParquetFile file, List<string> problems)
    {
        var faults = new List<string>();
        var columns = file.Columns.ToLookup(column => column.Path[0]);
        var user = Find("texts", "user", PhysicalType.ByteArray, 1);
        var assistant = Find("texts", "assistant", PhysicalType.ByteArray, 1);
        if (!columns["texts"].Any()) faults.Add($"there is no column texts (there are {string.Join(", ", columns.Select(column => column.Key))})");
        var name = columns["images"].Any() ? "images" : "image";
        ParquetColumn? images = null, paths = null;
        if (columns[name].Any())
        {
            var lists = name == "images" ? 1 : columns[name].Max(column => column.MaxRepetition); // a list under the name of one is still a list
            images = Find(name, "bytes", PhysicalType.ByteArray, Math.Min(1, lists));
            paths = columns[name].Any(column => column.Path[^1] == "path") ? Find(name, "path", PhysicalType.ByteArray, Math.Min(1, lists)) : null;
        }
        ParquetColumn?[] ratings = [.. RatingNames.Select(rating => columns[rating].Any() ? Find(rating, null, PhysicalType.Int64, 1) : null)];
        if (faults.Count == 0) return new ParquetLayout(file, user!, assistant!, images, paths, ratings);
        problems.Add($"{file.Path}: {string.Join("; ", faults)}");
        return null;

        // The last name of the path counts: what stands between is the format's, and differs from writer to writer.
        ParquetColumn? Find(string column, string? member, PhysicalType type, int repetition)
        {
            var found = columns[column].FirstOrDefault(candidate => member is null || (candidate.Path.Count > 1 && candidate.Path[^1] == member));
            if (found is not null && found.MaxRepetition == repetition
                && (found.Type == type || (type == PhysicalType.Int64 && found.Type == PhysicalType.Int32))
                && (member is not null || columns[column].Count() == 1)) return found;
            if (columns[column].Any()) faults.Add($"column {column} {(found is null ? $"has no {member}" : "is not as expected")}: it is {Describe([.. columns[column]])}");
            return null;
        }
    }

    /// <summary>One message for all files.</summary>
    public static string Refusal(IReadOnlyList<string> problems)
    {
        const int shown = 10;
        var more = problems.Count > shown ? $"\n  and {problems.Count - shown} more" : "";
        return $"{problems.Count} parquet file{(problems.Count == 1 ? " is" : "s are")} not as expected:\n  {string.Join("\n  ", problems.Take(shown))}{more}\nExpected {Expected}.";
    }

    private static string Describe(IReadOnlyList<ParquetColumn> columns) => string.Join(", ", columns.Select(column =>
    {
        var type = column.Type switch
        {
            PhysicalType.ByteArray => "binary or string",
            PhysicalType.Int32 or PhysicalType.Int64 => "int",
            var other => other.ToString().ToLowerInvariant(),
        };
        return $"{string.Join('.', column.Path)}: {string.Concat(Enumerable.Repeat("list of ", Math.Min(column.MaxRepetition, 8)))}{type}";
    }));
}
