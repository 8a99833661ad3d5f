using System.Buffers.Text;
using System.Text;

namespace NanoVlm.Data.Sources;

/// <summary>A file within a tar archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Start">Where its headers begin.</param>
/// <param name="Offset">Its first byte.</param>
/// <param name="Length">Its bytes.</param>
internal sealed record TarEntry(string Name, long Start, long Offset, long Length);

/// <summary>
/// Finds the files of a tar archive in one pass over the headers; what is in the files is stepped over. Knows ustar, GNU's long names and the
/// pax format. Nothing is ever written to disk, so a name is only a name; links, devices and folders are left out.
/// </summary>
/// <remarks>https://www.gnu.org/software/tar/manual/html_node/Standard.html</remarks>
internal static class TarShard
{
    private const int Block = 512;
    private const int MaxNames = 1 << 20; // bytes of a long name or of pax attributes

    /// <summary>Lists the files of an archive, or of a part of it, in order.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="start">Where the part begins.</param>
    /// <param name="end">Where it ends; the archive's end by default.</param>
    /// <exception cref="NanoVlmException">The archive is missing, unreadable, cut short or damaged; names it and the byte.</exception>
    public static List<TarEntry> Find(string path, long start = 0, long? end = null)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 4096);
            return Find(file, start, end ?? file.Length, path);
        }
        catch (FileNotFoundException error)
        {
            throw new NanoVlmException($"{path}: no such file; expected a tar archive.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: cannot be read: {error.Message}", error);
        }
    }

    private static List<TarEntry> Find(FileStream file, long start, long end, string path)
    {
        var entries = new List<TarEntry>();
        var header = new byte[Block];
        string? longName = null; // of the next entry
        long? longSize = null;
        long? first = null; // where the headers of the next entry begin
        for (var at = start; ;)
        {
            var here = at;
            if (at == end && at > start) return entries; // some writers leave out the blocks at the end
            file.Position = at;
            if (file.ReadAtLeast(header, Block, throwOnEndOfStream: false) < Block)
                throw Damaged(end == 0 ? "it is empty" : "it is cut short within a header");
            if (!header.AsSpan().ContainsAnyExcept((byte)0)) return entries;
            if (Number(header.AsSpan(148, 8)) is not { } sum || (sum != Sum(header, signed: false) && sum != Sum(header, signed: true)))
                throw Damaged("the checksum of the header is wrong; is it a tar archive, not compressed?");
            var kind = (char)header[156];
            var size = kind is '1' or '2' or '3' or '4' or '5' or '6' ? 0 : longSize ?? Number(header.AsSpan(124, 12)) ?? -1;
            if (size < 0) throw Damaged("the size of an entry is no number, or negative");
            first ??= at;
            at += Block;
            if (size > end - at) throw Damaged($"an entry of {size} bytes is longer than the rest of the archive; it is cut short, or damaged");
            switch (kind)
            {
                case 'L' or 'x' or 'g' or 'K':
                    if (size > MaxNames) throw Damaged($"a name of {size} bytes is too long");
                    var text = new byte[size];
                    file.ReadExactly(text);
                    if (kind == 'L') longName = Text(text);
                    if (kind == 'x') Attributes(text, ref longName, ref longSize);
                    break;
                default:
                    if (kind is '0' or '\0' or '7') entries.Add(new TarEntry(longName ?? Name(header), first.Value, at, size));
                    (longName, longSize, first) = (null, null, null);
                    break;
            }
            at += (size + Block - 1) / Block * Block;
            if (at > end) at = end; // the last block need not be filled up

            NanoVlmException Damaged(string how) => new($"{path}, byte {here}: {how}.");
        }
    }

    // pax: lines of "LENGTH KEY=VALUE", the length being that of the whole line.
    private static void Attributes(ReadOnlySpan<byte> text, ref string? name, ref long? size)
    {
        while (Utf8Parser.TryParse(text, out int length, out var digits) && length > digits + 1 && length <= text.Length && text[digits] == ' ')
        {
            var line = Encoding.UTF8.GetString(text[(digits + 1)..length]).TrimEnd('\n');
            if (line.StartsWith("path=", StringComparison.Ordinal)) name = line["path=".Length..];
            if (line.StartsWith("size=", StringComparison.Ordinal)) size = long.TryParse(line["size=".Length..], System.Globalization.CultureInfo.InvariantCulture, out var written) ? written : -1;
            text = text[length..];
        }
    }

    private static string Name(ReadOnlySpan<byte> header)
    {
        var name = Text(header[..100]);
        var prefix = header.Slice(257, 6).SequenceEqual("ustar\0"u8) ? Text(header.Slice(345, 155)) : ""; // GNU keeps dates there
        return prefix.Length > 0 ? $"{prefix}/{name}" : name;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.IndexOf((byte)0) is >= 0 and var end ? bytes[..end] : bytes);

    // Octal digits, or where the highest bit is set the number itself.
    private static long? Number(ReadOnlySpan<byte> field)
    {
        if (field[0] >= 0x80)
        {
            if (field[0] != 0x80) return null; // negative, or beyond any file
            var number = 0L;
            foreach (var part in field[1..])
            {
                if (number > long.MaxValue >> 8) return null;
                number = number << 8 | part;
            }
            return number;
        }
        var value = 0L;
        foreach (var digit in field.TrimStart((byte)' ').TrimEnd(" \0"u8))
        {
            if (digit is < (byte)'0' or > (byte)'7') return null;
            value = value * 8 + (digit - '0');
        }
        return value;
    }

    private static long Sum(ReadOnlySpan<byte> header, bool signed)
    {
        var sum = 8L * ' '; // the field itself counts as blanks
        for (var i = 0; i < Block; i++)
            if (i is < 148 or >= 156) sum += signed ? (sbyte)header[i] : header[i];
        return sum;
    }
}
