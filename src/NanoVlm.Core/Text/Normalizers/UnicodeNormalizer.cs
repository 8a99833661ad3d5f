using System.Text;

namespace NanoVlm.Text.Normalizers;

/// <summary>The normalization forms of Unicode (UAX 15).</summary>
internal sealed class UnicodeNormalizer(bool compatibility, bool compose) : Normalizer
{
    /// <param name="CodePoint">The character.</param>
    /// <param name="Class">Its combining class.</param>
    /// <param name="Change">How many characters of the text it uses up, as <see cref="Rewriting"/> counts.</param>
    private readonly record struct Character(int CodePoint, int Class, int Change);

    public override AlignedText Apply(AlignedText text)
    {
        // Below these no character changes and none combines.
        char safe = compose && !compatibility ? '\u0300' : '\u0080';
        if (!text.Characters.ContainsAnyExceptInRange('\0', (char)(safe - 1)))
            return text;
        var characters = Decompose(text.Characters);
        Reorder(characters);
        if (compose)
            characters = Compose(characters);
        var result = new Rewriting(text);
        foreach (var character in characters)
            result.Append(new Rune(character.CodePoint), character.Change);
        return result.Build();
    }

    private List<Character> Decompose(ReadOnlySpan<char> text)
    {
        var output = new List<Character>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            int first = output.Count;
            Add(rune.Value);
            output[first] = output[first] with { Change = 0 };
        }
        return output;

        void Add(int codePoint)
        {
            if (UnicodeTables.Decompose(codePoint, compatibility) is not { } parts)
            {
                output.Add(new Character(codePoint, UnicodeTables.CombiningClass(codePoint), 1));
                return;
            }
            foreach (int part in parts)
                Add(part);
        }
    }

    /// <summary>Sorts each run of combining characters by class, keeping the order of equals.</summary>
    private static void Reorder(List<Character> characters)
    {
        for (int start = 0, end; start < characters.Count; start = end)
        {
            end = start + 1;
            if (characters[start].Class == 0)
                continue;
            while (end < characters.Count && characters[end].Class != 0)
                end++;
            if (end - start == 1)
                continue;
            var sorted = characters[start..end].OrderBy(c => c.Class).ToArray();
            for (int i = start; i < end; i++)
                characters[i] = sorted[i - start];
        }
    }

    private static List<Character> Compose(List<Character> characters)
    {
        var output = new List<Character>(characters.Count);
        int starter = -1;
        foreach (var character in characters)
        {
            // Blocked by anything of the same or a higher class since the starter.
            bool free = starter >= 0 && (output.Count == starter + 1 || output[^1].Class < character.Class);
            if (free && UnicodeTables.Compose(output[starter].CodePoint, character.CodePoint) is { } composed)
            {
                output[starter] = output[starter] with { CodePoint = composed, Change = output[starter].Change + character.Change - 1 };
                continue;
            }
            if (character.Class == 0)
                starter = output.Count;
            output.Add(character);
        }
        return output;
    }
}
