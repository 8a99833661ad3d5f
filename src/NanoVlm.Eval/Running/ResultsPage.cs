using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Running;

/// <summary>Results on one page that holds all it shows: their figures side by side, bars by category, and their items with images, to be searched and filtered.</summary>
internal static class ResultsPage
{
    /// <summary>Writes the page. Images are read again from where the data was; where it is not there, the page says so.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="results">The results with their files.</param>
    /// <exception cref="NanoVlmException">It cannot be written, or two results of a benchmark are not of the same items.</exception>
    public static void Write(string path, IReadOnlyList<(string File, EvaluationResult Result)> results)
    {
        var runs = Names(results);
        string[] names = [.. results.SelectMany(entry => entry.Result.Tasks.Select(task => task.Task)).Distinct()];
        var notes = new List<string>();
        var tasks = names.Select(name => Merged(name, [.. results.Select(entry => entry.Result.Of(name))], notes)).ToArray();
        var body = new StringBuilder($"""
            <h1>Evaluation</h1>
            <ol class="runs" type="A">
            {string.Concat(results.Select(entry => $"<li>{About(entry.File, entry.Result)}</li>\n"))}</ol>
            <h2>Figures</h2>
            {FigureTable(names, runs, results)}
            <p class="note">± is half the width of the 95 % interval. <code>nanovlm compare A B</code> says whether a difference could be chance.</p>

            """);
        foreach (var name in names) body.Append(Bars(name, results));
        body.Append(CultureInfo.InvariantCulture, $"""
            <h2 id="items">Items</h2>
            {string.Concat(notes.Select(note => $"<p class=\"note\">{Escape(note)}</p>\n"))}
            <div id="browser"><noscript>The items are shown by a script, which this browser does not run.</noscript></div>
            <script type="application/json" id="data">{JsonSerializer.Serialize(new { runs, tasks }, PageJson).Replace("<", "\\u003c", StringComparison.Ordinal)}</script>
            <script>
            {Resource("ResultsPage.js")}</script>
            """);
        WholeFile.Write(path, HtmlPage.Of("Evaluation", body.ToString(), Resource("ResultsPage.css")));
    }

    private static string[] Names(IReadOnlyList<(string File, EvaluationResult Result)> results) => [.. results.Select((_, number) => Letter(number))];

    private static string Letter(int number) => number < 26 ? ((char)('A' + number)).ToString() : $"#{number + 1}";

    private static string About(string file, EvaluationResult result)
    {
        string?[] facts = [result.Rules, result.Model.Precision, result.Blind ? "blind: grey pictures" : null, result.Limit is { } limit ? $"first {limit:N0} items" : null, $"weights {result.Model.WeightsSha256[..Math.Min(12, result.Model.WeightsSha256.Length)]}"];
        return $"<b>{Escape(result.Model.Name)}</b> <span class=\"note\">{Escape(string.Join(", ", facts.Where(fact => fact is not null)))}, {Escape(Path.GetFileName(file))}</span>";
    }

    private static string FigureTable(string[] tasks, string[] runs, IReadOnlyList<(string File, EvaluationResult Result)> results)
    {
        var table = new StringBuilder("<table class=\"figures\"><thead><tr><th>task</th><th class=\"left\">figure</th>");
        foreach (var run in runs) table.Append($"<th>{run}</th>");
        table.Append("<th>items</th></tr></thead>\n<tbody>\n");
        foreach (var task in tasks)
        {
            TaskResult?[] all = [.. results.Select(entry => entry.Result.Of(task))];
            // The first figure and those that are not of a category, which bars show.
            var categories = all.OfType<TaskResult>().SelectMany(result => result.Items).SelectMany(item => (string[])[item.Reference.Category, item.Reference.Subcategory]).ToHashSet();
            foreach (var (number, name) in all.OfType<TaskResult>().SelectMany(result => result.Figures).Select(figure => figure.Name).Distinct().Where((name, i) => i == 0 || !categories.Contains(name)).Index())
            {
                Figure?[] figures = [.. all.Select(result => result?.Figures.FirstOrDefault(figure => figure.Name == name))];
                var best = figures.Max(figure => figure?.Value ?? double.MinValue);
                table.Append($"<tr><td>{(number == 0 ? $"<b>{Escape(task)}</b>" : "")}</td><td class=\"left\">{Escape(name)}</td>");
                foreach (var figure in figures)
                    table.Append(figure is null ? "<td>-</td>" : $"<td>{(figures.Length > 1 && figure.Value == best ? $"<b>{ResultTable.Value(figure)}</b>" : ResultTable.Value(figure))} <span class=\"note\">± {ResultTable.Width(figure)}</span></td>");
                table.Append(CultureInfo.InvariantCulture, $"<td>{figures.OfType<Figure>().First().Count:N0}</td></tr>\n");
            }
            if (all.Any(result => result?.Errors > 0))
                table.Append($"<tr><td></td><td class=\"left warnings\">could not be asked</td>{string.Concat(all.Select(result => $"<td class=\"warnings\">{result?.Errors}</td>"))}<td></td></tr>\n");
        }
        return table.Append("</tbody></table>").ToString();
    }

    private static string Bars(string task, IReadOnlyList<(string File, EvaluationResult Result)> results)
    {
        TaskResult?[] all = [.. results.Select(entry => entry.Result.Of(task))];
        var categories = all.OfType<TaskResult>().SelectMany(result => result.Items).SelectMany(item => (string[])[item.Reference.Category, item.Reference.Subcategory]).Where(name => name.Length > 0).ToHashSet();
        string[] names = [.. all.OfType<TaskResult>().SelectMany(result => result.Figures).Select(figure => figure.Name).Where(categories.Contains).Distinct()];
        if (names.Length < 2) return "";
        var bars = new StringBuilder($"<h2>{Escape(task)} by category</h2>\n<div class=\"bars\">\n");
        foreach (var name in names)
        {
            bars.Append($"<div class=\"of\"><span class=\"name\">{Escape(name)}</span><span class=\"lines\">");
            foreach (var (run, result) in all.Index())
            {
                if (result?.Figures.FirstOrDefault(figure => figure.Name == name) is not { } figure) continue;
                var (share, half) = (Math.Clamp(figure.Value / figure.Scale, 0, 1), figure.Interval / figure.Scale);
                var (low, high) = (Math.Clamp(share - half, 0, 1), Math.Clamp(share + half, 0, 1));
                bars.Append(CultureInfo.InvariantCulture, $"<span class=\"line run{run % 6}\"><i style=\"width:{100 * share:0.##}%\"></i><u style=\"left:{100 * low:0.##}%;width:{100 * (high - low):0.##}%\"></u></span>");
                bars.Append(CultureInfo.InvariantCulture, $"<span class=\"value\">{(all.Length > 1 ? Letter(run) + " " : "")}{ResultTable.Value(figure)} <span class=\"note\">n {figure.Count:N0}</span></span>");
            }
            bars.Append("</span></div>\n");
        }
        return bars.Append("</div>\n").ToString();
    }

    // The items of a benchmark with the answers of all results that have it.
    private static object Merged(string task, TaskResult?[] results, List<string> notes)
    {
        var first = results.OfType<TaskResult>().First();
        foreach (var other in results.OfType<TaskResult>())
            if (!other.Items.Select(item => item.Id).SequenceEqual(first.Items.Select(item => item.Id)))
                throw new NanoVlmException($"{task}: the results are not of the same items ({first.Items.Count:N0} and {other.Items.Count:N0}, or in another order); show them on pages of their own.");
        // Those that somebody has wrong are looked at first.
        int[] order = [.. Enumerable.Range(0, first.Items.Count).OrderBy(i => results.Min(result => result?.Items[i].Score ?? 1))];
        var thumbnails = new Thumbnails(first);
        var images = new int[first.Items.Count][];
        foreach (var i in order) images[i] = thumbnails.Of(i);
        if (thumbnails.Note is { } note) notes.Add($"{task}: {note}");
        return new
        {
            Name = task,
            Thumbnails = thumbnails.All,
            Items = first.Items.Select((item, i) => new
            {
                item.Id,
                item.Question,
                Category = item.Reference.Category is { Length: > 0 } category ? category : null,
                Detail = item.Reference.Subcategory is { Length: > 0 } detail ? detail : null,
                Expected = string.Join(" | ", item.Reference.Answers.Distinct()),
                Images = images[i],
                Files = item.Images,
                Answers = results.Select(result => result?.Items[i] is not { } answered ? null : new { answered.Answer, answered.Score, Extracted = answered.Extracted == answered.Answer ? null : answered.Extracted, answered.Error }),
            }),
        };
    }

    private static string Resource(string name)
    {
        using var stream = typeof(ResultsPage).Assembly.GetManifestResourceStream($"NanoVlm.Evaluation.Running.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static readonly JsonSerializerOptions PageJson = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
