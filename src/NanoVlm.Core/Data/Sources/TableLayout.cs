using NanoVlm.Configuration;
using NanoVlm.Data.Parquet;
using ParquetSharp;

namespace NanoVlm.Data.Sources;

/// <summary>Which of a parquet file's columns hold what a table is expected to have.</summary>
/// <param name="File">The file.</param>
/// <param name="Columns">The columns by name, or by name and member: <c>question</c>, <c>image.bytes</c>, <c>answers.answer</c>.</param>
internal sealed record TableLayout(ParquetFile File, IReadOnlyDictionary<string, ParquetColumn> Columns)
{
    /// <summary>Finds the columns; adds to the problems, and gives null, where they are not as expected.</summary>
    public static TableLayout? Of(ParquetFile file, IReadOnlyList<TableColumn> expected, List<string> problems)
    {
        var faults = new List<string>();
        var found = new Dictionary<string, ParquetColumn>();
        var columns = file.Columns.ToLookup(column => column.Path[0]);
        foreach (var column in expected)
        {
            ParquetColumn[] leaves = [.. columns[column.Name]];
            if (leaves.Length == 0)
            {
                if (column.IsRequired) faults.Add(Missing(column.Name, [.. columns.Select(other => other.Key)], expected));
                continue;
            }
            var lists = column.Kind is TableKind.Texts or TableKind.Structures or TableKind.Images ? 1 : 0;
            var members = column.Kind is TableKind.Image or TableKind.Images ? ["bytes"] : column.Members;
            if (members.Count == 0)
            {
                // One leaf alone, and no structure: a list's own nodes make its path up to two names longer.
                if (leaves.Length == 1 && leaves[0].MaxRepetition == lists && leaves[0].Path.Count <= 1 + 2 * lists && Fits(column.Kind, leaves[0].Type))
                    found[column.Name] = leaves[0];
                else faults.Add($"column {column.Name} is {Describe(leaves)}");
                continue;
            }
            var read = members.Select(member => Member(leaves, member)).ToArray();
            if (Array.TrueForAll(read, leaf => leaf is not null && leaf.MaxRepetition == lists && leaf.Type == PhysicalType.ByteArray))
            {
                foreach (var (member, leaf) in members.Zip(read)) found[$"{column.Name}.{member}"] = leaf!;
                if (column.Members.Count == 0 && Member(leaves, "path") is { Type: PhysicalType.ByteArray } path && path.MaxRepetition == lists) found[$"{column.Name}.path"] = path;
            }
            else faults.Add($"column {column.Name} is {Describe(leaves)}");
        }
        if (faults.Count == 0) return new TableLayout(file, found);
        problems.Add($"{file.Path}: {string.Join("; ", faults)}");
        return null;
    }

    /// <summary>One message for all files.</summary>
    public static string Refusal(string name, IReadOnlyList<TableColumn> expected, IReadOnlyList<string> problems)
    {
        const int shown = 10;
        var more = problems.Count > shown ? $"\n  and {problems.Count - shown} more" : "";
        return $"{name}: the columns of {problems.Count} parquet file{(problems.Count == 1 ? " are" : "s are")} not as published:\n  {string.Join("\n  ", problems.Take(shown))}{more}\n" +
            $"Expected {string.Join(", ", expected)}; other columns are ignored{(expected.All(column => column.IsRequired) ? "" : ", and those with a question mark may be missing")}.";
    }

    // The last name of the path counts: what stands between is the format's, and differs from writer to writer. A structure of lists, which is
    // how some sets store a list of structures, has the member's name first.
    private static ParquetColumn? Member(ParquetColumn[] leaves, string member) =>
        Array.Find(leaves, leaf => leaf.Path.Count > 1 && (leaf.Path[^1] == member || (leaf.Path[1] == member && leaf.MaxRepetition == 1)));

    private static bool Fits(TableKind kind, PhysicalType type) => kind switch
    {
        TableKind.Integer => type is PhysicalType.Int32 or PhysicalType.Int64,
        TableKind.Number => type is PhysicalType.Int32 or PhysicalType.Int64 or PhysicalType.Float or PhysicalType.Double,
        TableKind.Label => type is PhysicalType.ByteArray or PhysicalType.Int32 or PhysicalType.Int64,
        _ => type == PhysicalType.ByteArray,
    };

    // It may go by another name, though by none that another column should have.
    private static string Missing(string name, IReadOnlyList<string> there, IReadOnlyList<TableColumn> expected)
    {
        var nearest = NearestName.Of(name, there.Where(other => expected.All(column => column.Name != other)));
        return $"there is no column {name} ({(nearest is null ? "" : $"is it called {nearest}? ")}there are {string.Join(", ", there)})";
    }

    private static string Describe(IReadOnlyList<ParquetColumn> leaves)
    {
        var lists = string.Concat(Enumerable.Repeat("list of ", Math.Min(leaves.Min(leaf => leaf.MaxRepetition), 8)));
        var isStructure = leaves.Count > 1 || leaves[0].Path.Count > 1 + 2 * leaves[0].MaxRepetition;
        return lists + (isStructure ? $"struct<{string.Join(", ", leaves.Select(leaf => $"{leaf.Path[^1]}: {Type(leaf.Type)}"))}>" : Type(leaves[0].Type));
    }

    private static string Type(PhysicalType type) => type switch
    {
        PhysicalType.ByteArray => "string or binary",
        PhysicalType.Int32 or PhysicalType.Int64 => "int",
        var other => other.ToString().ToLowerInvariant(),
    };
}
