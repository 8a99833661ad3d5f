using System.Globalization;
using System.Text.Json;

namespace NanoVlm.Configuration;

/// <summary>
/// Applies <c>--set train.seed=1</c> to a document. The value is JSON if it parses as JSON, else a string; list elements
/// go by index (<c>data.train[0].path</c> or <c>data.train.0.path</c>). The reader then judges the result like a file's.
/// </summary>
internal static class ConfigurationOverrides
{
    public static void Apply(ConfigurationNode document, IEnumerable<string> overrides, ConfigurationProblems problems)
    {
        foreach (var text in overrides)
        {
            var place = $"--set {text}";
            var equals = text.IndexOf('=');
            if (equals <= 0)
                problems.Add("", "expected key=value, such as train.max_steps=100", place);
            else
                Set(document, text[..equals].Trim(), ConfigurationNode.FromArgument(text[(equals + 1)..], place), problems);
        }
    }

    private static void Set(ConfigurationNode document, string path, ConfigurationNode value, ConfigurationProblems problems)
    {
        var names = path.Replace("[", ".").Replace("]", "").Split('.');
        var at = document;
        var walked = "";
        for (var i = 0; i < names.Length; i++)
        {
            var name = names[i];
            var last = i == names.Length - 1;
            if (at.Kind == JsonValueKind.Array)
            {
                if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) || index >= at.Items.Count)
                {
                    problems.Add(walked, $"has {at.Items.Count} elements, from 0; there is no '{name}'", value.Place);
                    return;
                }

                walked += $"[{index}]";
                if (last)
                    at.Items[index] = value;
                else
                    at = at.Items[index];
            }
            else if (at.Kind == JsonValueKind.Object)
            {
                walked = ConfigurationProblems.Member(walked, name);
                if (last)
                    at.Members[name] = value;
                else if (at.Members.TryGetValue(name, out var next) && next.Kind != JsonValueKind.Null)
                    at = next;
                else
                    at.Members[name] = at = new ConfigurationNode(JsonValueKind.Object, value.Place);
            }
            else
            {
                problems.Add(walked, $"is a plain value and holds no '{name}'", value.Place);
                return;
            }
        }
    }
}
