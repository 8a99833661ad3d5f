using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace NanoVlm.Training.Tests;

public sealed partial class CommandLineTests : IDisposable
{
    private static readonly string[] expected = ["train", "generate", "chat", "eval", "rescore", "compare", "results", "analyze", "forward", "preprocess", "tokenize", "data", "download", "inspect", "doctor"];

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Help_lists_the_commands()
    {
        var help = Answer("--help");
        Assert.Equal(Run("--help").Succeeded(), help);
        Assert.All(expected, command => Assert.Contains($"  {command} ", help));
        Assert.Contains("nanovlm [command] [options]", help);
    }

    [Theory]
    [InlineData("train", "--config", "--set", "--dry-run")]
    [InlineData("generate", "--model", "--image", "--prompt", "--greedy", "--max-new-tokens", "--temperature", "--top-k", "--top-p", "--seed", "--json")]
    [InlineData("chat", "--model", "--system", "--greedy")]
    [InlineData("eval", "--model", "--tasks", "--data", "--rules", "--prompts", "--output", "--nproc", "--restart")]
    [InlineData("forward", "--model", "--inputs", "--output", "--hidden-states", "--gradients", "--generate", "--dtype")]
    [InlineData("preprocess", "--model", "--image", "--output")]
    [InlineData("tokenize", "--tokenizer", "--no-special-tokens", "--skip-special-tokens", "--add-generation-prompt")]
    [InlineData("data", "--config", "--set", "--limit", "--show", "--output")]
    [InlineData("download", "--dataset", "--file")]
    [InlineData("inspect", "PATH", "--json")]
    [InlineData("doctor", "--json")]
    public void A_command_s_help_has_its_options(string command, params string[] options)
    {
        var help = Answer(command, "--help");
        Assert.All(options, option => Assert.Contains(option, help));
    }

    [Fact]
    public void The_page_of_the_command_line_has_every_command_and_option()
    {
        var page = File.ReadAllText(RepositoryFiles.At("docs/command-line.md"));
        var commands = CommandLine().Matches(Answer("--help").Split("Commands:")[1]).Select(m => m.Groups[1].Value).ToArray();
        Assert.Superset(expected.ToHashSet(), commands.ToHashSet());
        foreach (var command in commands)
        {
            Assert.Contains($"\n## {command}\n", page);
            var section = page.Split($"\n## {command}\n")[1].Split("\n## ")[0];
            var options = OptionName().Matches(Answer(command, "--help")).Select(m => m.Value).Distinct().Where(o => o is not ("--help" or "--version"));
            Assert.All(options, option => Assert.True(section.Contains($"`{option}", StringComparison.Ordinal), $"docs/command-line.md does not have {command} {option}"));
        }
    }

    [Fact]
    public void The_version_is_a_version() => Assert.Matches(@"^\d+\.\d+\.\d+", Run("--version").Succeeded());

    [Fact]
    public void Doctor_names_libtorch_its_BLAS_and_what_auto_precision_takes()
    {
        var output = Run("doctor").Succeeded();
        foreach (var text in new[] { ".NET", "TorchSharp", "libtorch", "BLAS", "GFLOP/s", "precision", "threads", "CPU kernels", "CUDA", "JPEG decoding", "several processes", "memory", "disk" }) Assert.Contains(text, output);
        Assert.DoesNotContain("\u001b", output); // no colours where there is no terminal
    }

    [Fact]
    public void Doctor_s_json_has_a_state_for_everything()
    {
        var findings = JsonNode.Parse(Run("doctor", "--json").Succeeded())!["findings"]!.AsArray();
        Assert.All(findings, f => Assert.Contains((string)f!["state"]!, new[] { "ok", "slow", "absent" }));
        var libtorch = findings.Single(f => (string)f!["name"]! == "libtorch")!;
        Assert.Contains("libtorch_cpu", (string)libtorch["value"]!);
    }

    public void Dispose() => folder.Dispose();

    private static string Answer(params string[] arguments) => NanoVlmProgram.Answer(arguments).Succeeded();

    private ProgramResult Run(params string[] arguments) => NanoVlmProgram.Run(folder.Path, arguments);

    [GeneratedRegex(@"--[a-z][a-z-]+")]
    private static partial Regex OptionName();

    [GeneratedRegex(@"^  ([a-z]+) ", RegexOptions.Multiline)]
    private static partial Regex CommandLine();
}
