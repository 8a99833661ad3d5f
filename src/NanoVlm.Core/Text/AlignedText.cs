namespace NanoVlm.Text;

/// <summary>
/// A stretch of text on its way to the model, with the place in the original that each of its characters came from.
/// Normalizers and pre-tokenizers rewrite it; offsets survive because every rewriting says what it rewrote.
/// </summary>
internal sealed class AlignedText
{
    private readonly char[]? _characters;
    private readonly string _original;
    private readonly int[]? _starts, _ends;
    private readonly int _origin;

    /// <summary>A stretch of the original itself.</summary>
    public AlignedText(string original, int start, int length)
    {
        _original = original;
        _origin = start;
        Length = length;
    }

    private AlignedText(string original, char[] characters, int[] starts, int[] ends, int length)
    {
        (_original, _characters, _starts, _ends, Length) = (original, characters, starts, ends, length);
    }

    public int Length { get; }

    public ReadOnlySpan<char> Characters =>
        _characters is null ? _original.AsSpan(_origin, Length) : _characters.AsSpan(0, Length);

    /// <summary>First index in the original (UTF-16) of what character <paramref name="i"/> stands for.</summary>
    public int OriginalStart(int i)
    {
        if (_starts is not null)
            return _starts[i];
        i += _origin;
        return char.IsLowSurrogate(_original[i]) && i > 0 && char.IsHighSurrogate(_original[i - 1]) ? i - 1 : i;
    }

    /// <summary>Index in the original (UTF-16) after what character <paramref name="i"/> stands for.</summary>
    public int OriginalEnd(int i)
    {
        if (_ends is not null)
            return _ends[i];
        i += _origin;
        return char.IsHighSurrogate(_original[i]) && i + 1 < _original.Length && char.IsLowSurrogate(_original[i + 1]) ? i + 2 : i + 1;
    }

    /// <summary>Writes the next version of a text, character by character.</summary>
    public sealed class Builder(AlignedText source, int capacity)
    {
        private char[] _characters = new char[capacity];
        private int[] _starts = new int[capacity], _ends = new int[capacity];

        public int Length { get; private set; }

        /// <summary>Appends a character that stands for the original range [start, end).</summary>
        public void Append(char c, int start, int end)
        {
            if (Length == _characters.Length)
            {
                int size = Math.Max(16, 2 * Length);
                Array.Resize(ref _characters, size);
                Array.Resize(ref _starts, size);
                Array.Resize(ref _ends, size);
            }
            (_characters[Length], _starts[Length], _ends[Length]) = (c, start, end);
            Length++;
        }

        /// <summary>Appends a character that stands for what character <paramref name="i"/> of the source stands for.</summary>
        public void Append(char c, int i) => Append(c, source.OriginalStart(i), source.OriginalEnd(i));

        /// <summary>Appends characters that all stand for what the character at <paramref name="i"/> stands for, its other half included.</summary>
        public void Append(ReadOnlySpan<char> characters, int i)
        {
            int start = source.OriginalStart(i), end = source.OriginalEnd(i);
            foreach (char c in characters)
                Append(c, start, end);
        }

        public AlignedText Build() => new(source._original, _characters, _starts, _ends, Length);
    }
}
