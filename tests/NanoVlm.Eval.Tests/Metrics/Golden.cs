using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace NanoVlm.Evaluation.Tests.Metrics;

/// <summary>What the published programs say of made-up answers: tests/goldens/metrics, whose README names the commits.</summary>
internal static class Golden
{
    public static JsonElement[] Rows(string name, [CallerFilePath] string here = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "goldens", "metrics", name + ".json");
        return [.. JsonDocument.Parse(File.ReadAllText(path)).RootElement.EnumerateArray()];
    }

    public static string Text(this JsonElement row, int index) => row[index].GetString()!;

    public static double Number(this JsonElement row, int index) => row[index].GetDouble();

    public static string[] Texts(this JsonElement row, int index) => [.. row[index].EnumerateArray().Select(text => text.GetString()!)];

    /// <summary>A float as Python prints it.</summary>
    public static double Float(string text) => text switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" => double.NaN,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    /// <summary>Fails with the first few rows that do not hold.</summary>
    public static void Hold<T>(string name, Func<JsonElement, T> ours, Func<JsonElement, T> theirs)
    {
        var rows = Rows(name);
        Assert.NotEmpty(rows);
        var wrong = rows.Where(row => !EqualityComparer<T>.Default.Equals(ours(row), theirs(row))).ToArray();
        Assert.True(wrong.Length == 0, $"{wrong.Length} of {rows.Length} differ:\n{string.Join('\n', wrong.Take(8).Select(row => $"{row.GetRawText()}: ours is {ours(row)}, theirs {theirs(row)}"))}");
    }
}
