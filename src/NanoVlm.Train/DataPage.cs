using System.Net;

using NanoVlm.Evaluation;

namespace NanoVlm.Training;

/// <summary>A run's training data on one page: <c>data.html</c>, with its counts, histograms and some rows with their pictures.</summary>
internal static class DataPage
{
    internal const string FileName = "data.html";

    internal static string Of(string name, IReadOnlyList<(string Name, string Value)> facts, IReadOnlyList<string> warnings, DataStatistics statistics, IReadOnlyList<ShownRow> rows) =>
        HtmlPage.Of(name, $"""
            <h1>{Escape(name)}</h1>
            {string.Concat(warnings.Select(warning => $"<p class=\"warnings\">{Escape(warning)}</p>\n"))}
            <h2>Samples</h2>
            <table class="facts"><tbody>
            {string.Concat(facts.Select(fact => $"<tr><td>{Escape(fact.Name)}</td><td>{Escape(fact.Value)}</td></tr>\n"))}</tbody></table>
            <h2>Sizes</h2>
            <div class="charts">
            {statistics.Lengths.ToSvg()}{statistics.Tiles.ToSvg()}</div>
            <h2>Rows</h2>
            <p class="note">As the model sees them, in the order of training. What it learns to say is marked; documents that share a row are parted by a line.</p>
            {string.Concat(rows.Select(row => row.ToHtml()))}
            """);

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
