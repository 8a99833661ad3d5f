using System.Text;
using System.Text.RegularExpressions;
using NanoVlm.Data;

namespace NanoVlm.Training.Commands;

/// <summary>Finds the paths of pictures in what somebody typed, or dragged into a terminal.</summary>
internal static partial class PicturePaths
{
    /// <summary>The text with an image mark in the place of each path.</summary>
    /// <param name="line">What was typed. Words that end as picture files do are paths; in quotes they may have spaces.</param>
    internal static (string Text, IReadOnlyList<string> Paths) Of(string line)
    {
        var paths = new List<string>();
        var text = new StringBuilder();
        var done = 0;
        foreach (Match match in Path().Matches(line))
        {
            var path = match.Groups["path"].Value;
            // A word like "cat.png" that is no file is a word; a path that is none is a mistake, which reading it will name.
            if (!File.Exists(path) && !path.Contains('/')) continue;
            paths.Add(path);
            text.Append(line, done, match.Index - done).Append(SampleBuilder.ImageMark);
            done = match.Index + match.Length;
        }
        return (text.Append(line, done, line.Length - done).ToString(), paths);
    }

    [GeneratedRegex("""(?<quote>["'])(?<path>[^"']+\.(?:png|jpe?g|webp))\k<quote>|(?<![^\s])(?<path>\S+\.(?:png|jpe?g|webp))(?=$|[\s,;:?!])""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Path();
}
