namespace NanoVlm.Evaluation.Analysis.Drawing;

/// <summary>Capitals, digits and a few signs, 5 by 7 pixels each: enough to label a picture without a font file.</summary>
internal static class PixelFont
{
    public const int Width = 5;
    public const int Height = 7;

    /// <summary>From one character to the next.</summary>
    public const int Advance = Width + 1;

    // Of each character, its rows from the top, two hexadecimal digits each: the lowest bit is the rightmost pixel.
    private const string Characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_/:()+=%, ";

    private static readonly string[] Glyphs = (
        "0E11131519110E 040C040404040E 0E11010204081F 1F02040201110E 02060A121F0202 1F101E0101110E 0608101E11110E " +
        "1F010204080808 0E11110E11110E 0E11110F01020C 0E11111F111111 1E11111E11111E 0E11101010110E 1C12111111121C " +
        "1F10101E10101F 1F10101E101010 0E11101711110F 1111111F111111 0E04040404040E 0702020202120C 11121418141211 " +
        "1010101010101F 111B1515111111 11111915131111 0E11111111110E 1E11111E101010 0E11111115120D 1E11111E141211 " +
        "0F10100E01011E 1F040404040404 1111111111110E 11111111110A04 1111111515150A 11110A040A1111 1111110A040404 " +
        "1F01020408101F 00000000000C0C 0000001F000000 0000000000001F 00010204081000 000C0C000C0C00 02040808080402 " +
        "08040202020408 0004041F040400 00001F001F0000 18190204081303 00000000000408 00000000000000").Split(' ');

    /// <summary>Whether a character's pixel is set; small letters are written as capitals, what is not known as a box.</summary>
    public static bool IsSet(char character, int x, int y) => Characters.IndexOf(char.ToUpperInvariant(character)) is >= 0 and var place
        ? (Convert.ToInt32(Glyphs[place].Substring(2 * y, 2), 16) >> (Width - 1 - x) & 1) == 1
        : x is 0 or Width - 1 || y is 0 or Height - 1;
}
