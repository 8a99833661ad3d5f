using System.Text.Json;
using System.Text.RegularExpressions;

namespace NanoVlm.Tests;

/// <summary>The rules of the house that no compiler holds.</summary>
public sealed partial class HouseTests
{
    private static readonly string Root = FindRoot();

    /// <summary>Which folders of Core each folder may use; every other arrow points upward.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Configuration"] = [],
        ["Native"] = [],
        ["Kernels"] = ["Configuration", "Native"],
        ["Optimization"] = ["Native", "Kernels"],
        ["Layers"] = ["Configuration", "Native", "Kernels"],
        ["Weights"] = ["Configuration", "Native"],
        ["Text"] = ["Configuration"],
        ["Images"] = ["Configuration"],
        ["Vision"] = ["Configuration", "Native", "Kernels", "Layers"],
        ["Language"] = ["Configuration", "Native", "Kernels", "Layers"],
        ["Projection"] = ["Configuration", "Kernels", "Layers"],
        ["Data"] = ["Configuration", "Text", "Images"],
        ["Models"] = ["Configuration", "Native", "Kernels", "Layers", "Vision", "Language", "Projection", "Weights", "Text", "Images"],
        ["Generation"] = ["Configuration", "Native", "Kernels", "Data", "Layers", "Vision", "Language", "Projection", "Weights", "Text", "Images", "Models"],
    };

    private static readonly HashSet<string> Unversioned =
        [".git", ".vs", ".vscode", ".nanovlm", "bin", "obj", "TestResults", "BenchmarkDotNet.Artifacts", "__pycache__", "artifacts"];

    [Fact]
    public void No_folder_of_Core_imports_upward()
    {
        var core = Path.Combine(Root, "src", "NanoVlm.Core");
        var sources = Sources(core).ToDictionary(path => path, path => WithoutComments(File.ReadAllText(path)));
        var folders = sources.Keys.Select(path => FolderOf(core, path)).OfType<string>().ToHashSet();
        Assert.Empty(folders.Except(Allowed.Keys));

        var declared = folders.ToDictionary(
            folder => folder,
            folder => sources.Where(source => FolderOf(core, source.Key) == folder)
                .SelectMany(source => Declaration().Matches(source.Value)).Select(match => match.Groups[1].Value).ToHashSet());
        var faults = new List<string>();
        foreach (var (path, text) in sources)
        {
            var folder = FolderOf(core, path);
            if (text.Contains("global using"))
                faults.Add($"{Relative(path)}: a global using hides what a folder depends on");
            foreach (var other in Allowed.Keys.Where(other => folder is not null && other != folder && !Allowed[folder].Contains(other)))
                if (Regex.IsMatch(text, $@"\bNanoVlm\.{other}\b") || UsesTypeThroughFolder(text, other, declared.GetValueOrDefault(other)))
                    faults.Add($"{Relative(path)}: {folder} must not use {other}");
        }
        AssertNone(faults);
    }

    [Theory]
    [InlineData("Metrics", "Prompts", "Tasks", "Towers", "Analysis", "Running", "Commands")]
    [InlineData("Prompts", "Metrics", "Tasks", "Towers", "Analysis", "Running", "Commands")]
    [InlineData("Tasks", "Towers", "Analysis", "Running", "Commands")]
    [InlineData("Towers", "Prompts", "Analysis", "Running", "Commands")]
    [InlineData("Analysis", "Metrics", "Prompts", "Tasks", "Running", "Commands")]
    [InlineData("Running", "Analysis", "Commands")]
    [InlineData("Commands", "Analysis")]
    public void No_folder_of_Eval_imports_upward(string folder, params string[] forbidden)
    {
        var files = Sources(Path.Combine(Root, "src", "NanoVlm.Eval", folder)).ToArray();
        Assert.NotEmpty(files);
        AssertNone(files.Where(path => Regex.IsMatch(WithoutComments(File.ReadAllText(path)), $@"\bNanoVlm\.Evaluation\.({string.Join('|', forbidden)})\b")).Select(Relative));
    }

    [Theory]
    [InlineData("NanoVlm.Core", @"\bNanoVlm\.(Evaluation|Training)\b")]
    [InlineData("NanoVlm.Eval", @"\bNanoVlm\.Training\b")]
    public void No_project_imports_upward(string project, string forbidden)
    {
        var faults = Sources(Path.Combine(Root, "src", project))
            .Where(path => Regex.IsMatch(WithoutStrings(WithoutComments(File.ReadAllText(path))), forbidden)).Select(Relative);
        AssertNone(faults);
    }

    [Fact]
    public void Every_namespace_in_Core_is_of_its_folder()
    {
        var core = Path.Combine(Root, "src", "NanoVlm.Core");
        var faults = from path in Sources(core)
                     let match = Regex.Match(File.ReadAllText(path), @"^namespace ([\w.]+);", RegexOptions.Multiline)
                     let expected = FolderOf(core, path) is { } folder ? $"NanoVlm.{folder}" : "NanoVlm"
                     where match.Success && match.Groups[1].Value != expected && (expected == "NanoVlm" || !match.Groups[1].Value.StartsWith(expected + ".", StringComparison.Ordinal))
                     select $"{Relative(path)}: namespace {match.Groups[1].Value}, expected {expected}";
        AssertNone(faults);
    }

    [Fact]
    public void No_type_is_called_a_manager_a_helper_or_utilities()
    {
        var faults = from path in Sources(Path.Combine(Root, "src")).Concat(Sources(Path.Combine(Root, "tests")))
                     from Match match in Declaration().Matches(WithoutComments(File.ReadAllText(path)))
                     where Regex.IsMatch(match.Groups[1].Value, "(Manager|Helpers?|Utils?|Utilities)$")
                     select $"{Relative(path)}: {match.Groups[1].Value}";
        AssertNone(faults);
    }

    [Fact]
    public void No_file_names_a_path_of_one_machine()
    {
        var faults = from path in Files(Root)
                     where new FileInfo(path).Length < 4 << 20 && !Path.GetFileName(path).StartsWith("tokenizer", StringComparison.Ordinal)
                     let text = File.ReadAllText(path)
                     where !text.Contains('\0')
                     from Match match in MachinePath().Matches(text)
                     select $"{Relative(path)}: {match.Value}";
        AssertNone(faults);
    }

    [Fact]
    public void Every_config_is_JSON()
    {
        var options = new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
        var configs = Directory.GetFiles(Path.Combine(Root, "configs"), "*.json", SearchOption.AllDirectories);
        Assert.Contains(configs, path => Relative(path) == "configs/shapes.json");
        AssertNone(from path in configs
                   let fault = Record.Exception(() => JsonDocument.Parse(File.ReadAllText(path), options).Dispose())
                   where fault is not null
                   select $"{Relative(path)}: {fault.Message}");
    }

    private static void AssertNone(IEnumerable<string> faults)
    {
        var lines = faults.ToList();
        Assert.True(lines.Count == 0, string.Join(Environment.NewLine, lines));
    }

    // Inside namespace NanoVlm.X a type of NanoVlm.Y can also be written Y.Type, without a using.
    private static bool UsesTypeThroughFolder(string text, string folder, HashSet<string>? types) =>
        types is not null && Regex.Matches(text, $@"(?<![\w.])(?:global::)?{folder}\.(\w+)").Any(match => types.Contains(match.Groups[1].Value));

    private static IEnumerable<string> Sources(string folder) =>
        Directory.Exists(folder) ? Files(folder).Where(path => path.EndsWith(".cs", StringComparison.Ordinal)) : [];

    private static IEnumerable<string> Files(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
            if (Path.GetFileName(file) != ".git") // a file in a git worktree
                yield return file;
        foreach (var child in Directory.EnumerateDirectories(folder))
        {
            if (Unversioned.Contains(Path.GetFileName(child)) || Relative(child) is "native/build" or "checkpoints" or "data")
                continue;
            foreach (var file in Files(child))
                yield return file;
        }
    }

    private static string? FolderOf(string project, string path)
    {
        var parts = Path.GetRelativePath(project, path).Split(Path.DirectorySeparatorChar);
        return parts.Length > 1 && parts[0] != "buildTransitive" ? parts[0] : null; // what is compiled into its users is no room of Core
    }

    private static string WithoutComments(string text) => Regex.Replace(text, @"(?<!:)//.*|/\*[\s\S]*?\*/", "");

    private static string WithoutStrings(string text) => Regex.Replace(text, @"""(\\.|[^""\\\n])*""", "\"\"");

    private static string Relative(string path) => Path.GetRelativePath(Root, path).Replace(Path.DirectorySeparatorChar, '/');

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "NanoVlm.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException($"NanoVlm.sln is in no folder above {AppContext.BaseDirectory}");
    }

    [GeneratedRegex(@"\b(?:class|struct|record|interface|enum)\s+(?:class\s+|struct\s+)?([A-Z]\w*)")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"(?<![\w.})\]])/(?:work|home|root|Users|mnt)/\w[\w./-]*")]
    private static partial Regex MachinePath();
}
