using System.CommandLine;
using NanoVlm.Configuration;
using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Commands;

/// <summary>The commands about evaluation, and what their options have in common.</summary>
internal static class EvaluationCommands
{
    internal static IReadOnlyList<Command> All => [EvalCommand.Create(), RescoreCommand.Create(), CompareCommand.Create(), ResultsCommand.Create()];

    internal static Option<string?> RulesOption(string description) =>
        new("--rules") { Description = $"{description}: {string.Join(", ", Rules.All.Select(rules => rules.Name))}", HelpName = "NAME" };

    /// <exception cref="ConfigurationException">There are no such rules.</exception>
    internal static Rules RulesOf(string? name) => name is null ? Rules.Lmms071
        : Rules.All.FirstOrDefault(rules => rules.Name == name) ?? throw Unknown("--rules", "rules", name, Rules.All.Select(rules => rules.Name));

    internal static ConfigurationException Unknown(string option, string what, string name, IEnumerable<string> known, string where = "the command line")
    {
        string[] names = [.. known];
        return new ConfigurationException(where, [new(option, $"there are no {what} '{name}'{NearestName.Suggestion(NearestName.Of(name, names))}; there are {string.Join(", ", names)}")]);
    }
}
