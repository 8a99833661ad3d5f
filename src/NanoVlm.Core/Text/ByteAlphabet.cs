using System.Buffers;

namespace NanoVlm.Text;

/// <summary>
/// GPT-2's way of writing any byte as one visible character, so that byte sequences can be vocabulary strings: printable
/// Latin-1 stands for itself, the rest takes U+0100 and up in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] _characters = Characters();
    private static readonly short[] _bytes = Bytes();

    public static char ToCharacter(byte b) => _characters[b];

    /// <summary>A text's UTF-8 bytes as characters.</summary>
    public static string Write(ReadOnlySpan<char> text)
    {
        var utf8 = new byte[System.Text.Encoding.UTF8.GetByteCount(text)];
        System.Text.Encoding.UTF8.GetBytes(text, utf8);
        return string.Concat(utf8.Select(ToCharacter));
    }

    /// <summary>The byte that a character stands for, or -1.</summary>
    public static int ToByte(char c) => c < _bytes.Length ? _bytes[c] : -1;

    /// <summary>Appends the bytes of a token; one with a character outside the alphabet counts as plain text.</summary>
    public static void AppendBytes(string token, ArrayBufferWriter<byte> output)
    {
        foreach (char c in token)
        {
            if (ToByte(c) < 0)
            {
                output.Write(System.Text.Encoding.UTF8.GetBytes(token));
                return;
            }
        }
        var span = output.GetSpan(token.Length);
        for (int i = 0; i < token.Length; i++)
            span[i] = (byte)_bytes[token[i]];
        output.Advance(token.Length);
    }

    private static char[] Characters()
    {
        var characters = new char[256];
        char next = '\u0100';
        for (int b = 0; b < 256; b++)
            characters[b] = b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE ? (char)b : next++;
        return characters;
    }

    private static short[] Bytes()
    {
        var bytes = new short[_characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++)
            bytes[_characters[b]] = (short)b;
        return bytes;
    }
}
