namespace NanoVlm.Configuration;

/// <summary>One mistake in a configuration.</summary>
/// <param name="Path">The JSON path of the key, such as <c>train.betas[1]</c>; empty for the whole document.</param>
/// <param name="Message">What was expected, what was found and, where there is one, the nearest allowed name.</param>
/// <param name="Place">Where it was written: <c>line 3, column 5</c> or <c>--set train.seed=x</c>; null where nothing was written.</param>
public sealed record ConfigurationProblem(string Path, string Message, string? Place = null)
{
    /// <summary>The path of the key that was probably meant, if this is about a misspelt one. Checks on that key are not run.</summary>
    internal string? Meant { get; init; }

    /// <summary>The problem on one line: path, message and place.</summary>
    public override string ToString() => $"{(Path == "" ? "" : Path + ": ")}{Message}{(Place == null ? "" : $" ({Place})")}";
}

/// <summary>
/// A configuration that cannot be used. The message lists every mistake found, each with its JSON path and what is
/// allowed. The command line prints it alone and exits with code 2, before anything has started.
/// </summary>
public sealed class ConfigurationException : Exception
{
    /// <summary>Reports mistakes together.</summary>
    /// <param name="source">The file, or what stands for it, that they are in.</param>
    /// <param name="problems">The mistakes, at least one.</param>
    /// <param name="inner">The failure behind them, if any.</param>
    public ConfigurationException(string source, IReadOnlyList<ConfigurationProblem> problems, Exception? inner = null)
        : base(Describe(source, problems), inner) => Problems = problems;

    /// <summary>Every mistake found, in the order of the document.</summary>
    public IReadOnlyList<ConfigurationProblem> Problems { get; }

    /// <summary>The JSON path of the first mistake.</summary>
    public string Path => Problems[0].Path;

    private static string Describe(string source, IReadOnlyList<ConfigurationProblem> problems) => problems.Count == 1
        ? $"{source}: {problems[0]}"
        : $"{source}: {problems.Count} problems\n  {string.Join("\n  ", problems)}";
}
