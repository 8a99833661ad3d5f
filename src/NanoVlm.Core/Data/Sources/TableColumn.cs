namespace NanoVlm.Data.Sources;

/// <summary>What a column of a <see cref="ParquetTable"/> holds.</summary>
internal enum TableKind
{
    /// <summary>A text.</summary>
    Text,

    /// <summary>A name or number that only tells rows apart: a text or a whole number, read as text.</summary>
    Label,

    /// <summary>A whole number of any width.</summary>
    Integer,

    /// <summary>A number, whole or not.</summary>
    Number,

    /// <summary>A list of texts.</summary>
    Texts,

    /// <summary>A list of structures, of whose members some are read as texts.</summary>
    Structures,

    /// <summary>A picture: a structure of <c>bytes</c> and, where it is there, <c>path</c>; or null, no picture.</summary>
    Image,

    /// <summary>A list of pictures.</summary>
    Images,

    /// <summary>Bytes of any kind, read when they are asked for.</summary>
    Binary,
}

/// <summary>A column that a table is expected to have.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it holds.</param>
internal sealed record TableColumn(string Name, TableKind Kind)
{
    /// <summary>Whether a file must have it. Where it must, a row may still be without a value.</summary>
    public bool IsRequired { get; init; } = true;

    /// <summary>The members that are read, of <see cref="TableKind.Structures"/>.</summary>
    public IReadOnlyList<string> Members { get; init; } = [];

    /// <summary>A column of lists of structures.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="members">The members that are read.</param>
    public static TableColumn Structures(string name, params IReadOnlyList<string> members) => new(name, TableKind.Structures) { Members = members };

    /// <summary>As messages write it: <c>name: type</c>, with a question mark where it may be missing.</summary>
    public override string ToString() => $"{Name}{(IsRequired ? "" : "?")}: " + Kind switch
    {
        TableKind.Text => "string",
        TableKind.Label => "string or int",
        TableKind.Integer => "int",
        TableKind.Number => "int or float",
        TableKind.Texts => "list<string>",
        TableKind.Structures => $"list<struct<{string.Join(", ", Members.Select(member => $"{member}: string"))}>>",
        TableKind.Image => "struct<bytes: binary, path: string>",
        TableKind.Images => "list<struct<bytes: binary, path: string>>",
        _ => "binary",
    };
}
