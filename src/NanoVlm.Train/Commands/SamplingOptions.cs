using System.CommandLine;
using NanoVlm.Generation;

namespace NanoVlm.Training.Commands;

/// <summary>The options that say how answers are made: of <c>generate</c> and <c>chat</c>.</summary>
internal sealed class SamplingOptions(int maxNewTokens)
{
    private readonly Option<bool> greedy = new("--greedy") { Description = "Always take the most likely token" };
    private readonly Option<int> maxNewTokens = new("--max-new-tokens") { Description = "The longest answer, in tokens", DefaultValueFactory = _ => maxNewTokens, HelpName = "N" };
    private readonly Option<double> temperature = new("--temperature") { Description = "Above 0; lower is surer", DefaultValueFactory = _ => 0.5, HelpName = "T" };
    private readonly Option<int> topK = new("--top-k") { Description = "Draw from the K most likely tokens; 0: from all", DefaultValueFactory = _ => 50, HelpName = "K" };
    private readonly Option<double> topP = new("--top-p") { Description = "Draw from the most likely tokens up to this probability", DefaultValueFactory = _ => 0.9, HelpName = "P" };
    private readonly Option<double> minP = new("--min-p") { Description = "Draw from tokens at least this share as likely as the most likely one; 0: from all", DefaultValueFactory = _ => 0, HelpName = "P" };
    private readonly Option<double> repetitionPenalty = new("--repetition-penalty") { Description = "Above 1 makes tokens that are there already less likely", DefaultValueFactory = _ => 1, HelpName = "R" };
    private readonly Option<string[]> stop = new("--stop") { Description = "Text that ends an answer, and is left out; can be given again", HelpName = "TEXT" };

    /// <summary>Adds them to a command.</summary>
    internal void AddTo(Command command)
    {
        foreach (var option in new Option[] { greedy, maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, stop }) command.Options.Add(option);
        Require(temperature, t => t > 0, "--temperature must be above 0; for the most likely answer use --greedy.");
        Require(topK, k => k >= 0, "--top-k must be 0 or more.");
        Require(topP, p => p is > 0 and <= 1, "--top-p must be above 0 and at most 1.");
        Require(minP, p => p is >= 0 and <= 1, "--min-p must be from 0 to 1.");
        Require(repetitionPenalty, r => r is >= 1e-3 and <= 1e3, "--repetition-penalty must be from 0.001 to 1000; 1 is none.");
        Require(maxNewTokens, n => n >= 1, "--max-new-tokens must be 1 or more.");
        Require(stop, texts => texts.All(text => text.Length > 0), "--stop must not be empty.");
    }

    /// <summary>What a command line says.</summary>
    internal GenerationOptions Of(ParseResult result) => new()
    {
        MaxNewTokens = result.GetValue(maxNewTokens),
        StopStrings = result.GetValue(stop) ?? [],
        Sampling = new Sampling
        {
            Temperature = result.GetValue(greedy) ? 0 : result.GetValue(temperature),
            TopK = result.GetValue(topK),
            TopP = result.GetValue(topP),
            MinP = result.GetValue(minP),
            RepetitionPenalty = result.GetValue(repetitionPenalty),
        },
    };

    private static void Require<T>(Option<T> option, Func<T, bool> holds, string message) => option.Validators.Add(result =>
    {
        try
        {
            if (!result.Implicit && !holds(result.GetValueOrDefault<T>()!)) result.AddError(message);
        }
        catch (InvalidOperationException)
        {
            // Not a number: the parser says so itself.
        }
    });
}
