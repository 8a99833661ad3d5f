using System.Buffers.Binary;

namespace NanoVlm.Images;

/// <summary>What a PNG's chunks must be like before it is decoded.</summary>
internal static class PngFile
{
    /// <summary>Refuses a PNG that is too large, is too short for its size, or lacks its last chunk, which Skia does not miss.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">What the message calls the picture.</param>
    /// <param name="limit">The most pixels.</param>
    internal static void Check(ReadOnlySpan<byte> file, string name, long limit)
    {
        if (file.Length < 33 || !file[12..16].SequenceEqual("IHDR"u8))
            throw ImageCodec.Unreadable(name, "its PNG header is damaged or truncated");
        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(file[16..]), BinaryPrimitives.ReadInt32BigEndian(file[20..]));
        if (width < 1 || height < 1) throw ImageCodec.Unreadable(name, "its PNG header is damaged");
        ImageCodec.CheckSize(width, height, limit, name);
        var channels = file[25] switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        // Deflate shrinks at most 1032 times: too little data takes no memory.
        if ((long)width * file[24] * channels / 8 / 1100 * height > file.Length)
            throw ImageCodec.TooShort(name, PictureFormat.Png, file.Length, width, height);
        // A chunk has its length, its name, what is in it and a checksum.
        for (long at = 8; at + 12 <= file.Length; at += 12 + BinaryPrimitives.ReadUInt32BigEndian(file[(int)at..]))
            if (file.Slice((int)at + 4, 4).SequenceEqual("IEND"u8))
                return;
        throw ImageCodec.Truncated(name, PictureFormat.Png);
    }
}
