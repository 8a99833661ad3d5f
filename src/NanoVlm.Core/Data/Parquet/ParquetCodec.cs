using System.IO.Compression;

namespace NanoVlm.Data.Parquet;

/// <summary>How a column's pages are compressed. Whatever the bytes are, decompressing ends in as many bytes as announced or in
/// <see cref="InvalidDataException"/>.</summary>
internal static class ParquetCodec
{
    private static readonly string[] Names = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"];

    /// <summary>The format's name of a codec.</summary>
    public static string Name(long codec) => codec >= 0 && codec < Names.Length ? Names[codec] : $"{codec}";

    /// <summary>Whether pages of this codec can be read; two old ones cannot: LZO, and LZ4 in Hadoop's framing.</summary>
    public static bool IsKnown(long codec) => codec is 0 or 1 or 2 or 4 or 6 or 7;

    /// <summary>Decompresses a page.</summary>
    /// <param name="codec">The format's number of the codec.</param>
    /// <param name="packed">The page as it is stored.</param>
    /// <param name="page">Takes it; exactly its size.</param>
    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static void Decompress(long codec, ReadOnlySpan<byte> packed, Span<byte> page)
    {
        switch (codec)
        {
            case 0 when packed.Length == page.Length:
                packed.CopyTo(page);
                return;
            case 1 when Snappy(packed, page): return;
            case 2 when Inflate(packed, page): return;
            case 4 when BrotliDecoder.TryDecompress(packed, page, out var written) && written == page.Length: return;
            case 6 when Zstandard.Decompress(packed, page): return;
            case 7 when Lz4(packed, page): return;
            default: throw new InvalidDataException($"{Name(codec)} data is damaged");
        }
    }

    // https://github.com/google/snappy/blob/main/format_description.txt
    private static bool Snappy(ReadOnlySpan<byte> packed, Span<byte> page)
    {
        int at = 0, to = 0, shift = 0;
        long announced = 0;
        do
        {
            if (at >= packed.Length || shift > 28) return false;
            announced |= (long)(packed[at] & 0x7F) << shift;
            shift += 7;
        }
        while (packed[at++] >= 0x80);
        if (announced != page.Length) return false;
        while (at < packed.Length)
        {
            int tag = packed[at++], kind = tag & 3, extra = kind switch { 0 => tag >> 2 >= 60 ? (tag >> 2) - 59 : 0, 1 => 1, 2 => 2, _ => 4 };
            if (extra > packed.Length - at) return false;
            var more = 0L;
            for (var i = 0; i < extra; i++) more |= (long)packed[at++] << (8 * i);
            if (kind == 0)
            {
                var length = (extra == 0 ? tag >> 2 : more) + 1;
                if (length > packed.Length - at || length > page.Length - to) return false;
                packed.Slice(at, (int)length).CopyTo(page[to..]);
                (at, to) = (at + (int)length, to + (int)length);
            }
            else if (!Repeat(page, ref to, kind == 1 ? ((tag & 0xE0) << 3) + more : more, kind == 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1)) return false;
        }
        return to == page.Length;
    }

    // https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
    private static bool Lz4(ReadOnlySpan<byte> packed, Span<byte> page)
    {
        int at = 0, to = 0;
        while (at < packed.Length)
        {
            var token = packed[at++];
            if (!Length(packed, token >> 4, out var literals) || literals > packed.Length - at || literals > page.Length - to) return false;
            packed.Slice(at, (int)literals).CopyTo(page[to..]);
            (at, to) = (at + (int)literals, to + (int)literals);
            if (at == packed.Length) break; // the last sequence is literals alone
            if (packed.Length - at < 2) return false;
            var offset = packed[at] | packed[at + 1] << 8;
            at += 2;
            if (!Length(packed, token & 15, out var length) || !Repeat(page, ref to, offset, length + 4)) return false;
        }
        return to == page.Length;

        bool Length(ReadOnlySpan<byte> packed, int first, out long length)
        {
            length = first;
            if (first < 15) return true;
            do
            {
                if (at >= packed.Length) return false;
                length += packed[at];
            }
            while (packed[at++] == 255);
            return true;
        }
    }

    // Copies what came some bytes ago; the copy may overlap itself.
    private static bool Repeat(Span<byte> page, ref int to, long offset, long length)
    {
        if (offset <= 0 || offset > to || length > page.Length - to) return false;
        int from = to - (int)offset, end = to + (int)length;
        if (offset >= length) page.Slice(from, (int)length).CopyTo(page[to..]);
        else
            for (var i = to; i < end; i++) page[i] = page[from++];
        to = end;
        return true;
    }

    private static unsafe bool Inflate(ReadOnlySpan<byte> packed, Span<byte> page)
    {
        fixed (byte* start = packed)
        {
            using var bytes = new UnmanagedMemoryStream(start, packed.Length);
            using var stream = new GZipStream(bytes, CompressionMode.Decompress);
            return stream.ReadAtLeast(page, page.Length, throwOnEndOfStream: false) == page.Length && stream.ReadByte() < 0;
        }
    }
}
