namespace NanoVlm.Images;

/// <summary>A GIF's transparency: one colour of its palette that is not shown.</summary>
internal static class GifFile
{
    /// <summary>
    /// What Pillow shows of the first picture where nothing is to be seen: the palette's colour that stands for transparency, or its first
    /// one around a picture that is smaller than the whole. Null where that cannot be found; the colour is then black.
    /// </summary>
    /// <param name="file">The whole file.</param>
    internal static (byte Red, byte Green, byte Blue)? ColourUnder(ReadOnlySpan<byte> file)
    {
        if (file.Length < 13) return null;
        var (palette, colours) = (13, Colours(file[10]));
        var (at, index) = (palette + 3 * colours, 0);
        while (at + 6 < file.Length && file[at] == 0x21) // an extension
        {
            if (file[at + 1] == 0xF9 && (file[at + 3] & 1) != 0) index = file[at + 6];
            for (at += 2; at < file.Length && file[at] != 0; at += 1 + file[at]) { } // blocks, each after its length
            at++;
        }
        if (at + 9 < file.Length && Colours(file[at + 9]) is > 0 and var own) (palette, colours) = (at + 10, own);
        var colour = palette + 3 * index;
        return index < colours && colour + 3 <= file.Length ? (file[colour], file[colour + 1], file[colour + 2]) : null;
    }

    private static int Colours(byte flags) => (flags & 0x80) == 0 ? 0 : 2 << (flags & 7);
}
