using System.Text.RegularExpressions;

namespace NanoVlm.Weights.Names;

/// <summary>
/// What the tensors of a model's files are called, for the parameters of a model here. A family of models is a table of rules; see
/// <see cref="VisionNames"/> and <see cref="LanguageNames"/>.
/// </summary>
/// <param name="Anchor">A tensor that every such file has. What stands before it in its name stands before all. Empty: nothing does.</param>
/// <param name="Rules">The tensors, by the parameters they belong to.</param>
/// <param name="Ignored">Tensors that such files may hold and that are no parameters, such as <c>layers.*.self_attn.rotary_emb.inv_freq</c>.</param>
internal sealed record NameMap(string Anchor, IReadOnlyList<NameRule> Rules, IReadOnlyList<string> Ignored)
{
    /// <summary>What stands before all names of this family in a file.</summary>
    /// <param name="names">The file's tensors.</param>
    /// <returns>Such as <c>model.</c>, or nothing; null if no tensor is the anchor, or several are.</returns>
    public string? PrefixIn(IEnumerable<string> names)
    {
        if (Anchor.Length == 0) return "";
        var found = AnchorsIn(names);
        return found.Count == 1 ? found[0][..^Anchor.Length] : null;
    }

    /// <summary>The tensors of a file that may be the anchor.</summary>
    /// <param name="names">The file's tensors.</param>
    public IReadOnlyList<string> AnchorsIn(IEnumerable<string> names) =>
        [.. names.Where(name => name == Anchor || name.EndsWith("." + Anchor, StringComparison.Ordinal))];

    /// <summary>The tensors that make a parameter.</summary>
    /// <param name="parameter">The parameter's name in its module.</param>
    /// <returns>The rule with its names filled in, or null: no file holds it.</returns>
    public NameRule? Find(string parameter)
    {
        foreach (var rule in Rules)
            if (rule.Match(parameter) is { } filled)
                return filled;
        return null;
    }

    /// <summary>Whether such files may hold a tensor that the model here has no use for.</summary>
    /// <param name="stored">The tensor's name without what stands before all.</param>
    public bool Knows(string stored) =>
        Ignored.Any(name => NameRule.Pattern(name).IsMatch(stored)) || Rules.Any(rule => rule.Optional && rule.Stores(stored));
}

/// <summary>How one parameter lies in a file.</summary>
/// <param name="Parameter">Its name. <c>*</c> is a layer's number; a name that ends with a dot stands for its weight and its bias.</param>
/// <param name="Stored">The tensors' names, with the same <c>*</c> and dot.</param>
/// <param name="How">What the tensors have of it.</param>
internal sealed partial record NameRule(string Parameter, IReadOnlyList<string> Stored, Storage How)
{
    private readonly Regex parameter = Pattern(Parameter);

    /// <summary>Whether files may hold it where the model here has no use for it: a pooler, or a head that is tied. Anything else would be
    /// left out of the model in silence: a layer more than config.json says, or the scale of a quantised weight.</summary>
    public bool Optional => Parameter == "head.weight" || Parameter.StartsWith("pooler.", StringComparison.Ordinal);

    /// <summary>A parameter that is one tensor.</summary>
    public static NameRule One(string parameter, string stored) => new(parameter, [stored], Storage.Whole);

    /// <summary>A parameter whose rows are those of several tensors, in equal shares.</summary>
    public static NameRule Rows(string parameter, params string[] stored) => new(parameter, stored, Storage.Rows);

    internal NameRule? Match(string name)
    {
        var match = parameter.Match(name);
        return match.Success ? this with { Parameter = name, Stored = [.. Stored.Select(stored => stored.Replace("*", match.Groups["layer"].Value, StringComparison.Ordinal) + match.Groups["rest"].Value)] } : null;
    }

    internal bool Stores(string name) => Stored.Any(stored => Pattern(stored).IsMatch(name));

    internal static Regex Pattern(string name) =>
        new("^" + Regex.Escape(name).Replace(@"\*", @"(?<layer>\d+)", StringComparison.Ordinal) + (name.EndsWith('.') ? "(?<rest>weight|bias)$" : "$"));
}

/// <summary>What a tensor in a file has of a parameter.</summary>
internal enum Storage
{
    /// <summary>All of it; dimensions of size 1 may differ.</summary>
    Whole,

    /// <summary>The tensors hold its rows in equal shares, one after the other.</summary>
    Rows,

    /// <summary>It is the first half of the tensor's rows.</summary>
    FirstHalf,

    /// <summary>It is the second half of the tensor's rows.</summary>
    SecondHalf,

    /// <summary>It is the tensor with rows and columns exchanged.</summary>
    Transposed,
}
