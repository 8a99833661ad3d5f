using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using NanoVlm.Configuration;

namespace NanoVlm.Training.Tests;

/// <summary>Makes the tables of docs/configuration.md from the records: names, defaults, what validation allows, and the doc comments.</summary>
public partial class ConfigurationPageTests
{
    private const string Begin = "<!-- The tables are made from the records in src/NanoVlm.Core/Configuration: NANOVLM_UPDATE_DOCS=1 ./nanovlm test. -->\n";

    private static readonly Dictionary<string, XElement> documented = XDocument.Load(Path.ChangeExtension(typeof(RunConfig).Assembly.Location, ".xml"))
        .Descendants("member").Where(m => m.Element("summary") is not null).ToDictionary(m => m.Attribute("name")!.Value, m => m.Element("summary")!);

    [Fact]
    public void The_page_of_the_configuration_has_every_key_as_it_is()
    {
        var path = RepositoryFiles.At("docs/configuration.md");
        var page = File.ReadAllText(path);
        Assert.Contains(Begin, page);
        var made = page[..(page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length)] + Tables();
        if (Environment.GetEnvironmentVariable("NANOVLM_UPDATE_DOCS") == "1") File.WriteAllText(path, made);
        else Assert.Equal(made, page);
    }

    private static string Tables()
    {
        var text = new StringBuilder();
        Section("model.vision", typeof(VisionSection));
        Section("model.language", typeof(LanguageSection));
        Section("model.projector", typeof(ProjectorSection));
        Section("model.image", typeof(ImageSection));
        Section("model", typeof(ModelSection));
        Section("data", typeof(DataSection));
        Section("data.minimum_ratings", typeof(RatingsSection));
        Section("data.train[0]", typeof(ShapesSource), "\"kind\": \"shapes\",");
        Section("data.train[0]", typeof(ParquetFileSource), "\"kind\": \"parquet\",");
        Section("data.train[0]", typeof(WebDatasetFileSource), "\"kind\": \"webdataset\",");
        Section("data.train[0]", typeof(JsonlSource), "\"kind\": \"jsonl\",");
        Section("train", typeof(TrainSection));
        Section("eval", typeof(EvalSection));
        return text.ToString();

        void Section(string path, Type type, string kind = "")
        {
            var name = kind == "" ? path : $"Sources: {kind.Split(',')[0].Replace("\"", "`", StringComparison.Ordinal)}";
            text.Append($"\n## {name}\n\n{Sentence(documented[$"T:{type.FullName}"])}\n\n| key | default | takes | meaning |\n|---|---|---|---|\n");
            var defaults = Activator.CreateInstance(type)!;
            foreach (var property in type.GetProperties().OrderBy(p => p.DeclaringType != type).Where(p => p.SetMethod is not null && !IsSection(p.PropertyType)))
            {
                var required = property.GetCustomAttribute<System.Runtime.CompilerServices.RequiredMemberAttribute>() is not null;
                var key = JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
                text.Append($"| `{key}` | {(required ? "(required)" : $"`{Default(property.GetValue(defaults))}`")} | {Takes(path, key, kind)} | {Sentence(documented[$"P:{property.DeclaringType!.FullName}.{property.Name}"])} |\n");
            }
        }
    }

    private static bool IsSection(Type type) => type.Name.EndsWith("Section", StringComparison.Ordinal);

    private static string Default(object? value) => value switch
    {
        IReadOnlyDictionary<string, string> { Count: 0 } => "{}",
        Enum name => $"\"{JsonNamingPolicy.SnakeCaseLower.ConvertName(name.ToString())}\"",
        System.Collections.IEnumerable list and not string => "[" + string.Join(", ", list.Cast<object>().Select(Default)) + "]",
        double number when number != 0 && Math.Abs(number) < 1e-3 => FormattableString.Invariant($"{number:0.##e-0}"),
        _ => JsonSerializer.Serialize(value),
    };

    // What validation itself says is expected, in place of a value that nothing takes.
    private static string Takes(string path, string key, string kind)
    {
        var nothingTakesThis = key is "mean" or "std" or "betas" or "data" ? "0" : "{}";
        var json = $$"""{ {{kind}} "{{key}}": {{nothingTakesThis}} }""";
        foreach (var part in path.Split('.').Reverse()) json = part == "train[0]" ? $$"""{ "train": [ {{json}} ] }""" : $$"""{ "{{part}}": {{json}} }""";
        var problems = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(json)).Problems;
        var message = problems.First(p => p.Path.StartsWith($"{path}.{key}", StringComparison.Ordinal)).Message;
        return ExpectedPart().Match(message) is { Success: true } match ? match.Groups[1].Value.Replace('\'', '`').Replace("|", "\\|", StringComparison.Ordinal) : message;
    }

    // A doc comment as Markdown.
    private static string Sentence(XElement summary)
    {
        var text = string.Concat(summary.Nodes().Select(node => node switch
        {
            XElement { Name.LocalName: "see" } see => $"`{Key(see.Attribute("cref")!.Value)}`",
            XElement element => $"`{element.Value}`",
            XText plain => plain.Value,
            _ => "",
        }));
        return Blanks().Replace(text, " ").Trim().Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string Key(string reference) => JsonNamingPolicy.SnakeCaseLower.ConvertName(reference.Split('.')[^1]);

    [GeneratedRegex(@"expected (.*), found ")]
    private static partial Regex ExpectedPart();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
