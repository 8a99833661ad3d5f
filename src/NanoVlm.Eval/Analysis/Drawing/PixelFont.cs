namespace NanoVlm.Evaluation.Analysis.Drawing;

/// <summary>Capitals, digits and a few signs, 5 by 7 pixels each: enough to label a picture without a font file.</summary>
internal static class PixelFont
{
    public const int Width = 5;
    public const int Height = 7;

    /// <summary>From one character to the next.</summary>
    public const int Advance = Width + 1;

    // Rows from the top, two hexadecimal digits each: the lowest bit is the rightmost pixel.
    private static readonly Dictionary<char, string> Glyphs = new()
    {
        ['0'] = "0E11131519110E", ['1'] = "040C040404040E", ['2'] = "0E11010204081F", ['3'] = "1F02040201110E", ['4'] = "02060A121F0202",
        ['5'] = "1F101E0101110E", ['6'] = "0608101E11110E", ['7'] = "1F010204080808", ['8'] = "0E11110E11110E", ['9'] = "0E11110F01020C",
        ['A'] = "0E11111F111111", ['B'] = "1E11111E11111E", ['C'] = "0E11101010110E", ['D'] = "1C12111111121C", ['E'] = "1F10101E10101F",
        ['F'] = "1F10101E101010", ['G'] = "0E11101711110F", ['H'] = "1111111F111111", ['I'] = "0E04040404040E", ['J'] = "0702020202120C",
        ['K'] = "11121418141211", ['L'] = "1010101010101F", ['M'] = "111B1515111111", ['N'] = "11111915131111", ['O'] = "0E11111111110E",
        ['P'] = "1E11111E101010", ['Q'] = "0E11111115120D", ['R'] = "1E11111E141211", ['S'] = "0F10100E01011E", ['T'] = "1F040404040404",
        ['U'] = "1111111111110E", ['V'] = "11111111110A04", ['W'] = "1111111515150A", ['X'] = "11110A040A1111", ['Y'] = "1111110A040404",
        ['Z'] = "1F01020408101F", ['.'] = "00000000000C0C", ['-'] = "0000001F000000", ['_'] = "0000000000001F", ['/'] = "00010204081000",
        [':'] = "000C0C000C0C00", ['('] = "02040808080402", [')'] = "08040202020408", ['+'] = "0004041F040400", ['='] = "00001F001F0000",
        ['%'] = "18190204081303", [','] = "00000000000408", [' '] = "00000000000000",
    };

    /// <summary>Whether a character's pixel is set; small letters are written as capitals, what is not known as a box.</summary>
    public static bool IsSet(char character, int x, int y) =>
        Glyphs.TryGetValue(char.ToUpperInvariant(character), out var rows)
            ? (Convert.ToInt32(rows.Substring(2 * y, 2), 16) >> (Width - 1 - x) & 1) == 1
            : x is 0 or Width - 1 || y is 0 or Height - 1;
}
