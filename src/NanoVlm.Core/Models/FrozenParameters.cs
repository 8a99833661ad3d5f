using System.Text;
using System.Text.RegularExpressions;
using NanoVlm.Configuration;

namespace NanoVlm.Models;

/// <summary>Which parameters <c>train.freeze</c> names, by patterns as in a shell (Python's fnmatch): <c>*</c> is any text, dots included, <c>?</c> one
/// character, <c>[0-5]</c> one of some and <c>[!0-5]</c> one of the others.</summary>
internal static class FrozenParameters
{
    private const string Key = "train.freeze", Source = "the run's configuration";

    /// <summary>The names that some pattern matches.</summary>
    /// <param name="names">All parameters' names.</param>
    /// <param name="patterns">The patterns.</param>
    /// <exception cref="ConfigurationException">A pattern matches nothing; the message names the nearest that would.</exception>
    public static IReadOnlySet<string> Of(IReadOnlyCollection<string> names, IReadOnlyList<string> patterns)
    {
        var frozen = new HashSet<string>();
        var problems = new List<ConfigurationProblem>();
        for (var i = 0; i < patterns.Count; i++)
        {
            var expression = new Regex(Expression(patterns[i]), RegexOptions.Singleline | RegexOptions.CultureInvariant);
            var matched = names.Where(name => expression.IsMatch(name)).ToArray();
            if (matched.Length == 0) problems.Add(new($"{Key}[{i}]", $"'{patterns[i]}' matches no parameter; nearest are {string.Join(", ", Nearest(patterns[i], names))}"));
            frozen.UnionWith(matched);
        }
        return problems.Count == 0 ? frozen : throw new ConfigurationException(Source, problems);
    }

    /// <summary>Refuses a run in which nothing trains.</summary>
    /// <param name="trains">Whether something trains.</param>
    /// <exception cref="ConfigurationException">Nothing does.</exception>
    public static void Require(bool trains)
    {
        if (!trains) throw new ConfigurationException(Source, [new(Key, "freezes every parameter whose part has a learning rate, so nothing would train; leave some out")]);
    }

    private static string Expression(string pattern)
    {
        var expression = new StringBuilder("^");
        for (var i = 0; i < pattern.Length; i++)
        {
            var end = pattern[i] == '[' ? pattern.IndexOf(']', Math.Min(i + 2, pattern.Length)) : -1;
            if (pattern[i] == '[' && end > 0)
            {
                var negated = pattern[i + 1] == '!';
                var set = pattern[(negated ? i + 2 : i + 1)..end].Replace("\\", @"\\").Replace("[", @"\[").Replace("^", @"\^");
                expression.Append(negated ? "[^" : "[").Append(set).Append(']');
                i = end;
            }
            else
            {
                expression.Append(pattern[i] switch { '*' => ".*", '?' => ".", var other => Regex.Escape(other.ToString()) });
            }
        }
        return expression.Append('$').ToString();
    }

    // Names cut to as many parts as the pattern has.
    private static IEnumerable<string> Nearest(string pattern, IEnumerable<string> names)
    {
        var parts = pattern.EndsWith(".*", StringComparison.Ordinal) ? pattern.Count(c => c == '.') : pattern.Count(c => c == '.') + 1;
        var candidates = names.Select(name => name.Split('.')).Select(name => name.Length > parts ? string.Join('.', name[..parts]) + ".*" : string.Join('.', name));
        return NearestName.Order(pattern, candidates.Distinct()).Take(3).Select(name => $"'{name}'");
    }
}
