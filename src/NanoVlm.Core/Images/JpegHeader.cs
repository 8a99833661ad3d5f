using System.Buffers.Binary;

namespace NanoVlm.Images;

/// <summary>What the segments of a JPEG before its image data say.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1: grey; 3: colour; 4: inks.</param>
/// <param name="Frame">The marker that says how the data is coded.</param>
/// <param name="ScanChannels">How many channels the first scan holds.</param>
/// <param name="Data">Where the first scan's data begins.</param>
internal readonly record struct JpegHeader(int Width, int Height, int Channels, byte Frame, int ScanChannels, int Data)
{
    /// <summary>Whether one scan, by Huffman codes, holds the whole picture.</summary>
    internal bool IsOneScan => Frame is 0xC0 or 0xC1 && ScanChannels == Channels;

    /// <summary>Whether the data is coded arithmetically.</summary>
    internal bool IsArithmetic => Frame >= 0xC9;

    /// <summary>Reads a header.</summary>
    /// <param name="file">The file, or its beginning.</param>
    /// <returns>Null where these bytes do not reach the image data, or cannot be followed.</returns>
    internal static JpegHeader? Read(ReadOnlySpan<byte> file)
    {
        JpegHeader? frame = null;
        for (var at = 2; NextSegment(file, ref at, out var marker, out var body);)
        {
            if (IsFrame(marker))
            {
                if (frame is not null || body.Length < 6) return null;
                var (height, width) = (BinaryPrimitives.ReadUInt16BigEndian(body[1..]), BinaryPrimitives.ReadUInt16BigEndian(body[3..]));
                frame = new(width, height, body[5], marker, 0, 0);
            }
            else if (marker == 0xDA)
            {
                if (body.IsEmpty || frame is not { Width: > 0, Height: > 0 }) return null;
                return frame.Value with { ScanChannels = body[0], Data = at };
            }
        }
        return null;
    }

    /// <summary>Whether a segment says how the data is coded.</summary>
    internal static bool IsFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    /// <summary>Reads on to the next segment and over it. What is none is skipped, as libjpeg does.</summary>
    /// <param name="file">The file, or its beginning.</param>
    /// <param name="at">Where to begin; then what follows the segment.</param>
    /// <param name="marker">What the segment is.</param>
    /// <param name="body">What is in it.</param>
    /// <returns>False at the end of the picture, with <paramref name="at"/> there, or of the file.</returns>
    internal static bool NextSegment(ReadOnlySpan<byte> file, ref int at, out byte marker, out ReadOnlySpan<byte> body)
    {
        marker = 0;
        body = default;
        for (; at + 2 <= file.Length; at++)
        {
            // Fill bytes, and the markers that stand alone, are no segments.
            if (file[at] != 0xFF || file[at + 1] is 0x00 or 0x01 or 0xFF or (>= 0xD0 and <= 0xD7)) continue;
            marker = file[at + 1];
            if (marker is 0xD8 or 0xD9 || at + 4 > file.Length) return false;
            var length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            if (length < 2 || at + 2 + length > file.Length) return false;
            body = file.Slice(at + 4, length - 2);
            at += 2 + length;
            return true;
        }
        return false;
    }
}
