using System.Text.RegularExpressions;

namespace NanoVlm.Evaluation.Prompts;

/// <summary>How a benchmark's questions are written down for a model: a template and what is done to the parts that go into it.</summary>
internal sealed partial record PromptFormat
{
    /// <summary>The template, with <c>{question}</c>, <c>{options}</c>, <c>{context}</c> and <c>{stem}</c>, the question without the options that its own text lists.</summary>
    public required string Prompt { get; init; }

    /// <summary>The template of questions without options; null: the same.</summary>
    public string? Open { get; init; }

    /// <summary>What stands for <c>{context}</c> where a question has one; where it has none, nothing does.</summary>
    public string Context { get; init; } = "{context}";

    /// <summary>A line of <c>{options}</c>, with <c>{letter}</c> and <c>{text}</c>.</summary>
    public string Option { get; init; } = "{letter}. {text}";

    /// <summary>What is done to the question, in this order.</summary>
    public IReadOnlyList<QuestionStep> Question { get; init; } = [];

    /// <summary>Texts that are then taken out of it.</summary>
    public IReadOnlyList<string> Remove { get; init; } = [];

    /// <summary>What becomes of <c>&lt;image 1&gt;</c> in the text.</summary>
    public ImageReferences ImageReferences { get; init; }

    /// <summary>The longest answer, in tokens.</summary>
    public required int MaxNewTokens { get; init; }

    /// <summary>Texts that end an answer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Writes a question down.</summary>
    /// <param name="question">The question as published.</param>
    /// <param name="options">The texts of the choices; empty where it is open.</param>
    /// <param name="context">What it is asked in the light of; empty: nothing.</param>
    /// <param name="stem">The question without the options that its own text lists; null: it lists none.</param>
    public string Write(string question, IReadOnlyList<string>? options = null, string context = "", string? stem = null)
    {
        var lines = (options ?? []).Select((text, i) => Fill(Option, name => name == "letter" ? Letter(i) : name == "text" ? text : null));
        var list = References(string.Join('\n', lines));
        return Fill(options is { Count: > 0 } ? Prompt : Open ?? Prompt, name => name switch
        {
            "question" => Asked(question),
            "stem" => Asked(stem ?? question),
            "options" => list,
            "context" => context.Length == 0 ? "" : Fill(Context, inner => inner == "context" ? context : null),
            _ => null,
        });
    }

    /// <summary>The letter of a choice: A, B, C ...</summary>
    /// <param name="index">Its index from 0.</param>
    public static string Letter(int index) => ((char)('A' + index)).ToString();

    /// <summary>The numbers k of the images that <c>&lt;image k&gt;</c> in texts refers to, in their order, with repetitions.</summary>
    public static IEnumerable<int> ReferencesIn(params IEnumerable<string> texts) =>
        texts.SelectMany(text => Reference().Matches(text)).Select(match => match.ValueSpan[7] - '0');

    private string Asked(string question)
    {
        foreach (var step in Question)
            question = step switch
            {
                QuestionStep.Trim => question.Trim(),
                QuestionStep.TrimStart => question.TrimStart(),
                _ => question.Length == 0 ? "" : char.ToUpperInvariant(question[0]) + question[1..].ToLowerInvariant(),
            };
        foreach (var text in Remove) question = question.Replace(text, "", StringComparison.Ordinal);
        return References(question);
    }

    private string References(string text) => ImageReferences switch
    {
        ImageReferences.Mark => Reference().Replace(text, Data.SampleBuilder.ImageMark),
        ImageReferences.Line when Reference().IsMatch(text) => string.Join('\n', Reference().Split(text).Select(part => part.Trim())).Trim(),
        _ => text,
    };

    // What is filled in is not looked at again.
    private static string Fill(string template, Func<string, string?> value) =>
        Placeholder().Replace(template, match => value(match.Groups[1].Value) ?? match.Value);

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex("<image [1-7]>")]
    private static partial Regex Reference();
}

/// <summary>Something that is done to a question.</summary>
internal enum QuestionStep
{
    /// <summary>White space around it is taken away.</summary>
    Trim,

    /// <summary>White space before it is taken away.</summary>
    TrimStart,

    /// <summary>Its first letter is made a capital, all others small, as Python's <c>str.capitalize</c> does.</summary>
    Capitalize,
}

/// <summary>What becomes of references such as <c>&lt;image 1&gt;</c> in a text.</summary>
internal enum ImageReferences
{
    /// <summary>They stay as text, and the images come first, each once.</summary>
    Keep,

    /// <summary>The images stand in their places.</summary>
    Mark,

    /// <summary>A line ends in their place, and the images come first, in the order of the references.</summary>
    Line,
}
