using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NanoVlm.Configuration;
using NanoVlm.Weights;

namespace NanoVlm.Training.Commands;

/// <summary><c>inspect</c>: what weights or a configuration hold. Reads headers only and never loads libtorch, so it answers at once.</summary>
internal static class InspectCommand
{
    internal static Command Create()
    {
        var path = new Argument<string>("PATH") { Description = "A .safetensors file, a model folder (one file, or shards with an index) or a config.json" };
        var json = new Option<bool>("--json") { Description = "Print one JSON object" };
        var command = new Command("inspect", "Show what a checkpoint, a safetensors file or a config holds") { path, json };
        command.SetAction(result =>
        {
            using var output = new StreamWriter(Console.OpenStandardOutput(), bufferSize: 1 << 16);
            Run(result.GetValue(path)!, result.GetValue(json), output);
            return 0;
        });
        return command;
    }

    private static void Run(string path, bool json, TextWriter output)
    {
        var config = Directory.Exists(path) ? Path.Combine(path, "config.json") : path.EndsWith(".json") && !path.EndsWith(".index.json") ? path : null;
        var values = File.Exists(config) ? ReadConfig(config) : null;
        if (values is not null && config == path && values.ContainsKey("data") && values.ContainsKey("model"))
        {
            var run = DryRun.Report(RunConfig.Load(path), (named, key) => Directory.Exists(named)
                ? named
                : throw new NanoVlmException($"{key}: '{named}' is no folder here; `nanovlm train --dry-run --config {path}` fetches it first"));
            if (json) output.WriteLine(JsonSerializer.Serialize(new { Path = path, Config = values, Memory = run }, Json.Indented));
            else output.Write(run.ToText());
            return;
        }
        if (values is not null && (config == path || !HoldsWeights(path)))
        {
            if (json) output.WriteLine(JsonSerializer.Serialize(new { Path = config, Config = values }, Json.Indented));
            else ShowConfig(config!, values, output);
            return;
        }

        var report = WeightsReport.Of(path, values);
        var memory = values?.ContainsKey("vit_hidden_dim") == true ? MemoryReport.Of(VlmConfig.Load(config!)) : null;
        if (json) output.WriteLine(JsonSerializer.Serialize(report with { Memory = memory }, Json.Indented));
        else Show(report, output);
        if (memory is not null && !json) output.Write($"\n{memory.ToText()}");
    }

    private static bool HoldsWeights(string folder) => File.Exists(Path.Combine(folder, ModelWeights.SingleFile)) || File.Exists(Path.Combine(folder, ModelWeights.IndexFile));

    private static void Show(WeightsReport report, TextWriter output)
    {
        output.WriteLine(report.Path);
        if (report.Config is { } config)
            output.WriteLine($"config: {Summary(config)}");
        foreach (var (key, value) in report.Metadata)
            output.WriteLine($"metadata: {Printable(key)} = {Printable(value!.ToString())}");
        output.WriteLine();

        var numbers = report.Files.Index().ToDictionary(file => file.Item.Path, file => report.Files.Count == 1 ? "" : Number(file.Index + 1));
        if (report.Files.Count > 1)
        {
            Table(output, "><>>", ["file", "", "tensors", "size"], report.Files.Select(file => new[] { numbers[file.Path], Path.GetFileName(file.Path), Number(file.Tensors), Size(file.Bytes) }));
            output.WriteLine();
        }

        Table(output, "<<<>>", ["tensor", "type", "shape", "size", report.Files.Count > 1 ? "file" : ""], report.Tensors.Select(tensor => new[]
        {
            Printable(tensor.Name), tensor.Dtype, $"[{string.Join(", ", tensor.Shape)}]", Size(tensor.Bytes), numbers[tensor.File],
        }));
        output.WriteLine();
        Table(output, "<>>>", ["type", "tensors", "parameters", "size"], report.Types
            .Append(new TypeReport("all", report.Tensors.Count, report.Parameters, report.Bytes))
            .Select(type => new[] { type.Dtype, Number(type.Tensors), Number(type.Parameters), Size(type.Bytes) }));
        if (report.BytesToTrain > 0)
            output.WriteLine($"\nto train all of it: {Size(report.BytesToTrain)} for float32 weights, gradients and AdamW's moments, without activations");
    }

    private static void ShowConfig(string path, JsonObject config, TextWriter output)
    {
        output.WriteLine(path);
        output.WriteLine(Summary(config));
        output.WriteLine();
        Table(output, "<<", ["key", "value"], Flat("", config).Select(pair => new[] { Printable(pair.Key), Printable(pair.Value) }));

        static IEnumerable<(string Key, string Value)> Flat(string prefix, JsonObject json) => json.SelectMany(pair =>
            pair.Value is JsonObject { Count: > 0 } inner ? Flat(prefix + pair.Key + ".", inner) : [(prefix + pair.Key, pair.Value?.ToJsonString() ?? "null")]);
    }

    // Hugging Face's model type and class, and those of its parts; nanoVLM's config names the backbones that it began with.
    private static string Summary(JsonObject config)
    {
        var parts = config.Where(pair => pair.Value is JsonObject && pair.Key.EndsWith("_config")).Select(pair => Part(pair.Key[..^"_config".Length], pair.Value!["model_type"]));
        var classes = config["architectures"] is JsonArray { Count: > 0 } list ? $"({string.Join(", ", list.Select(Text))})" : null;
        string?[] said = [string.Join(' ', new[] { Text(config["model_type"]), classes }.OfType<string>()), .. parts, Part("vision", config["vit_model_type"]), Part("language", config["lm_model_type"])];
        var summary = string.Join(", ", said.Where(text => !string.IsNullOrEmpty(text)));
        return summary.Length > 0 ? Printable(summary) : "no model_type";

        static string? Part(string name, JsonNode? type) => Text(type) is { } text ? $"{name} {text}" : null;
        static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
    }

    private static JsonObject ReadConfig(string path)
    {
        try
        {
            var options = new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false };
            return JsonNode.Parse(File.ReadAllText(path), documentOptions: options) as JsonObject ?? throw new NanoVlmException($"{path}: a JSON object is expected");
        }
        catch (JsonException e)
        {
            throw new NanoVlmException($"{path}: not valid JSON: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>Columns two spaces apart, each to its <c>&lt;</c> left or <c>&gt;</c> right.</summary>
    private static void Table(TextWriter output, string sides, string[] head, IEnumerable<string[]> rows)
    {
        var lines = rows.Prepend(head).ToArray();
        var widths = head.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        foreach (var line in lines)
            output.WriteLine(string.Join("  ", line.Select((cell, column) => sides[column] == '>' ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]))).TrimEnd());
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Size(long bytes) => bytes switch
    {
        < 1000 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:F1} KB"),
        < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F2} GB"),
    };

    // What a file says must not flood or rewrite the terminal.
    private static string Printable(string text)
    {
        var clipped = text.Length > 120 ? text[..117] + "..." : text;
        return string.Concat(clipped.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));
    }
}
