using ParquetSharp;

namespace NanoVlm.Data.Parquet;

/// <summary>A column of values, which may lie within structures and lists.</summary>
/// <param name="Index">Its place among a row group's columns.</param>
/// <param name="Path">The names from the outermost on, those of the format's own nodes in lists included.</param>
/// <param name="Type">What its values are.</param>
/// <param name="MaxDefinition">How many of the nodes of its path can be absent: the level of a value that is there.</param>
/// <param name="MaxRepetition">How many of them repeat.</param>
/// <param name="ElementDefinition">The level from which on the innermost list has an element here; outside of lists, the outermost
/// structure.</param>
internal sealed record ParquetColumn(
    int Index, IReadOnlyList<string> Path, PhysicalType Type, int MaxDefinition, int MaxRepetition, int ElementDefinition);
