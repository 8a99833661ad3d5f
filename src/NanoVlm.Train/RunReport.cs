using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Evaluation;
using NanoVlm.Evaluation.Running;
using NanoVlm.Images;

namespace NanoVlm.Training;

/// <summary>
/// A finished run on one page: <c>report.html</c>, with its accuracies, curves, some answers and its configuration. The page
/// holds all it shows.
/// </summary>
internal static class RunReport
{
    /// <summary>The file's name in the run's folder.</summary>
    public const string FileName = "report.html";

    private const int ThumbnailSide = 192;

    /// <summary>Writes the page from the run's <c>run.json</c> and <c>metrics.jsonl</c>.</summary>
    /// <param name="run">The run's folder.</param>
    /// <param name="summary">What it came to.</param>
    /// <param name="samples">Answers to show; their images are read again.</param>
    /// <exception cref="NanoVlmException">A file or an image cannot be read.</exception>
    public static void Write(RunFolder run, RunSummary summary, IReadOnlyList<AnsweredItem> samples)
    {
        var record = JsonNode.Parse(File.ReadAllText(run.File("run.json")))!.AsObject();
        var metrics = File.ReadLines(run.File("metrics.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject()).ToArray();
        var name = Path.GetFileName(Path.GetFullPath(run.Path));
        run.WriteText(FileName, HtmlPage.Of(name, $"""
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
            """));
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

    private static string Card(AnsweredItem answered)
    {
        var images = string.Concat(answered.Item.Images.Select(image =>
            $"<img alt=\"{Escape(Path.GetFileName(image.Name))}\" title=\"{Escape(Path.GetFileName(image.Name))}\" src=\"data:image/png;base64,{Convert.ToBase64String(Thumbnail(image))}\">"));
        var verdict = answered.Result.Score == 1
            ? "<span class=\"right\">✓ right</span>"
            : $"<span class=\"wrong\">✗ wrong</span> <span class=\"expected\">{Escape(answered.Item.Reference.Answers[0])}</span>";
        return $"""
            <figure>
            {images}
            <figcaption>
            <p>{Escape(answered.Item.Question)}</p>
            <p><b>{Escape(answered.Result.Answer.Trim() is { Length: > 0 } answer ? answer : "(nothing)")}</b> {verdict}</p>
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
}
