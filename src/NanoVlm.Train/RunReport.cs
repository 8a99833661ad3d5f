using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Evaluation;
using NanoVlm.Images;

namespace NanoVlm.Training;

/// <summary>
/// A finished run on one page: <c>report.html</c>, with its accuracies, curves, some answers and its configuration. The page
/// holds all it shows.
/// </summary>
public static class RunReport
{
    /// <summary>The file's name in the run's folder.</summary>
    public const string FileName = "report.html";

    private const int ThumbnailSide = 192;

    /// <summary>Writes the page from the run's <c>run.json</c> and <c>metrics.jsonl</c>.</summary>
    /// <param name="run">The run's folder.</param>
    /// <param name="summary">What it came to.</param>
    /// <param name="samples">Answers to show; their images are read again.</param>
    /// <exception cref="NanoVlmException">A file or an image cannot be read.</exception>
    public static void Write(RunFolder run, RunSummary summary, IReadOnlyList<Prediction> samples)
    {
        var record = JsonNode.Parse(File.ReadAllText(run.File("run.json")))!.AsObject();
        var metrics = File.ReadLines(run.File("metrics.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject()).ToArray();
        var name = Path.GetFileName(Path.GetFullPath(run.Path));
        run.WriteText(FileName, $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Escape(name)} - NanoVlm</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <h1>{Escape(name)}</h1>
            <p class="lead">{Headline(summary)}</p>
            <h2>Accuracy</h2>
            {AccuracyTable(summary)}
            <p class="note">Blind: the same model with a flat grey picture in place of the image. Majority: always the most frequent answer of the kind.</p>
            <h2>Training</h2>
            <div class="charts">
            {Charts(metrics, summary)}
            </div>
            <h2>Answers</h2>
            <div class="answers">
            {string.Concat(samples.Select(Card))}
            </div>
            <h2>The run</h2>
            {Facts(record, summary)}
            <details>
            <summary>Configuration</summary>
            <pre>{Escape(record["config"]!.ToJsonString(Readable))}</pre>
            </details>
            </body>
            </html>

            """);
    }

    private static string Headline(RunSummary s) => string.Create(CultureInfo.InvariantCulture,
        $"<b>{s.TestAccuracy:P1}</b> of {s.TestQuestions:N0} test questions right, <b>{s.BlindAccuracy:P1}</b> without seeing the image. "
        + $"{s.Parameters:N0} parameters, {s.Steps:N0} steps in {Duration(s.TrainSeconds)}.");

    private static string AccuracyTable(RunSummary s)
    {
        var table = new StringBuilder("<table><thead><tr><th>kind of question</th><th>test</th><th>blind</th><th>majority</th><th class=\"key\">test as a bar, blind as a mark</th></tr></thead>\n<tbody>\n");
        foreach (var (kind, share) in s.TestAccuracyByKind)
            table.Append(Row(kind, share, s.BlindAccuracyByKind.GetValueOrDefault(kind), s.MajorityAccuracyByKind.GetValueOrDefault(kind)));
        table.Append("</tbody>\n<tfoot>").Append(Row("all", s.TestAccuracy, s.BlindAccuracy, s.MajorityAccuracy));
        return table.Append("</tfoot></table>").ToString();

        static string Row(string kind, double test, double blind, double majority) => string.Create(CultureInfo.InvariantCulture,
            $"<tr><td>{Escape(kind)}</td><td>{test:P1}</td><td>{blind:P1}</td><td>{majority:P1}</td>"
            + $"<td class=\"bar\"><i style=\"width:{test * 100:0.#}%\"></i><b style=\"left:{blind * 100:0.#}%\" title=\"blind\"></b></td></tr>\n");
    }

    private static string Charts(JsonObject[] metrics, RunSummary summary)
    {
        (double, double)[] Series(string key) => [.. metrics.Where(m => m[key] is JsonValue).Select(m => ((double)m["step"]!, (double)m[key]!))];
        return new LineChart("Loss", Series("loss")) { Covers = (0, 0) }.ToSvg()
            + new LineChart("Validation accuracy", Series("validation_accuracy"))
            {
                Covers = (0, 1),
                Format = Percent,
                Mark = (summary.BlindAccuracy, "blind (test)"),
            }.ToSvg()
            + new LineChart("Learning rate", Series("learning_rate"))
            {
                Covers = (0, 0),
                Height = 140,
                Format = rate => rate == 0 ? "0" : rate.ToString("0.##e+0", CultureInfo.InvariantCulture),
            }.ToSvg()
            + new LineChart("Conversations a second", Series("samples_per_second")) { Covers = (0, 0), Height = 140 }.ToSvg();

        static string Percent(double share) => share.ToString("P0", CultureInfo.InvariantCulture);
    }

    private static string Card(Prediction prediction)
    {
        var images = string.Concat(prediction.Question.Images.Select(image =>
            $"<img alt=\"{Escape(Path.GetFileName(image.Name))}\" title=\"{Escape(Path.GetFileName(image.Name))}\" src=\"data:image/png;base64,{Convert.ToBase64String(Thumbnail(image))}\">"));
        var verdict = prediction.Correct
            ? "<span class=\"right\">✓ right</span>"
            : $"<span class=\"wrong\">✗ wrong</span> <span class=\"expected\">{Escape(prediction.Question.Answer)}</span>";
        return $"""
            <figure>
            {images}
            <figcaption>
            <p>{Escape(prediction.Question.Text)}</p>
            <p><b>{Escape(prediction.Answer == "" ? "(nothing)" : prediction.Answer)}</b> {verdict}</p>
            </figcaption>
            </figure>

            """;
    }

    private static byte[] Thumbnail(StoredImage stored)
    {
        var image = stored.Decode();
        var scale = Math.Min(1, (double)ThumbnailSide / Math.Max(image.Width, image.Height));
        if (scale < 1)
            image = Resample.Resize(image, Math.Max(1, (int)(image.Width * scale)), Math.Max(1, (int)(image.Height * scale)), ResampleFilter.Bicubic);
        return ImageCodec.EncodePng(image);
    }

    private static string Facts(JsonObject record, RunSummary s)
    {
        var facts = new (string Name, string? Value)[]
        {
            ("started", record["started"]?.ToString()),
            ("configuration", record["config_file"]?.ToString() ?? "built in"),
            ("device", record["compute"]?.ToString()),
            ("best checkpoint", string.Create(CultureInfo.InvariantCulture, $"step {s.BestStep}")),
            ("speed", string.Create(CultureInfo.InvariantCulture, $"{s.SamplesPerSecond:0.#} conversations a second")),
            ("peak memory", string.Create(CultureInfo.InvariantCulture, $"{s.PeakRssBytes / 1048576.0:0} MiB")),
            ("versions", $"NanoVlm {record["nanovlm"]}, {record["dotnet"]}, libtorch {record["libtorch"]}"),
            ("commit", record["git_commit"]?.ToString()),
            ("machine", $"{record["processors"]} processors, {record["os"]}"),
        };
        var rows = facts.Where(f => f.Value is not null).Select(f => $"<tr><td>{Escape(f.Name)}</td><td>{Escape(f.Value!)}</td></tr>\n");
        return $"<table class=\"facts\"><tbody>\n{string.Concat(rows)}</tbody></table>";
    }

    private static string Duration(double seconds) => seconds < 120
        ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s")
        : string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0.#} min");

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static readonly JsonSerializerOptions Readable = new(Json.Indented) { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const string Style = """
        :root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --page: #ffffff; --panel: #f6f7f9; --rule: #dfe3e8; --line: #2563eb; --good: #15803d; --bad: #c2410c; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e6e9ef; --soft: #98a2b3; --page: #12161c; --panel: #1a2029; --rule: #2c3440; --line: #7aa2ff; --good: #5fd08a; --bad: #ff9466; }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 62rem; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        h1 { margin: 0; font-size: 1.7rem; overflow-wrap: anywhere; }
        h2 { margin: 2.25rem 0 .75rem; font-size: 1.1rem; }
        .lead { margin: .5rem 0 0; }
        .note { color: var(--soft); font-size: .85rem; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th { font-weight: 500; color: var(--soft); font-size: .85rem; }
        th, td { padding: .3rem .75rem .3rem 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
        th:first-child, td:first-child, .facts td { text-align: left; white-space: normal; }
        tfoot td { font-weight: 600; border-bottom: 0; }
        td.bar { position: relative; width: 40%; padding: 0; }
        td.bar::before { content: ""; position: absolute; inset: calc(50% - .3rem) 0; border-radius: .2rem; background: var(--panel); }
        th.key { padding-left: 1.5rem; text-align: left; }
        td.bar i { position: relative; display: block; height: .6rem; border-radius: .2rem; background: var(--line); }
        td.bar b { position: absolute; top: .3rem; bottom: .3rem; width: 2px; margin-left: -1px; background: var(--ink); }
        .facts td:first-child { color: var(--soft); width: 10rem; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; }
        svg { display: block; width: 100%; background: var(--panel); border-radius: .5rem; padding: .5rem; }
        svg text { fill: var(--soft); font-size: 13px; }
        svg .title { fill: var(--ink); font-weight: 600; font-size: 14px; }
        svg .y { text-anchor: end; }
        svg .x { text-anchor: middle; }
        svg .grid { stroke: var(--rule); }
        svg .mark { stroke: var(--soft); stroke-dasharray: 5 4; }
        svg .line { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
        svg .dot { fill: var(--line); }
        .answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
        figure { margin: 0; background: var(--panel); border-radius: .5rem; overflow: hidden; }
        figure img { display: block; width: 100%; max-height: 14rem; object-fit: contain; image-rendering: pixelated; }
        figcaption { padding: .6rem .8rem .8rem; }
        figcaption p { margin: 0 0 .25rem; }
        .right { color: var(--good); } .wrong { color: var(--bad); }
        .expected::before { content: "expected: "; color: var(--soft); }
        details { margin-top: 1rem; } summary { cursor: pointer; }
        pre { background: var(--panel); border-radius: .5rem; padding: 1rem; overflow: auto; font-size: .8rem; }
        """;
}
