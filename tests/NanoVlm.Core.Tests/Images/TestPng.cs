using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace NanoVlm.Tests.Images;

/// <summary>Writes PNG files of every kind, from the specification: the oracle for the decoder.</summary>
internal static class TestPng
{
    public const int Gray = 0, Rgb = 2, Palette = 3, GrayAlpha = 4, Rgba = 6;

    private static readonly uint[] crcTable = [.. Enumerable.Range(0, 256).Select(n =>
    {
        var c = (uint)n;
        for (var k = 0; k < 8; k++) c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
        return c;
    })];

    public static int Channels(int colorType) => colorType switch { Rgb => 3, GrayAlpha => 2, Rgba => 4, _ => 1 };

    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="bitDepth">Bits of a sample.</param>
    /// <param name="colorType">One of the constants.</param>
    /// <param name="interlaced">Adam7.</param>
    /// <param name="sample">The value of (x, y, channel).</param>
    /// <param name="extra">Chunks before the image data, such as a palette.</param>
    public static byte[] Write(int width, int height, int bitDepth, int colorType, bool interlaced, Func<int, int, int, int> sample, params (string Name, byte[] Data)[] extra)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = (byte)bitDepth;
        header[9] = (byte)colorType;
        header[12] = (byte)(interlaced ? 1 : 0);
        Chunk(file, "IHDR", header);
        foreach (var (name, data) in extra)
            Chunk(file, name, data);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            (int X, int Y, int Dx, int Dy)[] passes = interlaced
                ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
                : [(0, 0, 1, 1)];
            foreach (var pass in passes)
                for (var y = pass.Y; y < height && pass.X < width; y += pass.Dy)
                    zlib.Write(Row(y, pass.X, pass.Dx));
        }
        Chunk(file, "IDAT", packed.ToArray());
        Chunk(file, "IEND", []);
        return file.ToArray();

        byte[] Row(int y, int start, int step)
        {
            var columns = (width - start + step - 1) / step;
            var row = new byte[1 + (columns * Channels(colorType) * bitDepth + 7) / 8];
            var bit = 8;
            for (var x = start; x < width; x += step)
                for (var channel = 0; channel < Channels(colorType); channel++)
                    for (var b = bitDepth - 1; b >= 0; b--, bit++)
                        row[bit / 8] |= (byte)(((sample(x, y, channel) >> b) & 1) << (7 - bit % 8));
            return row;
        }
    }

    /// <summary>Makes the checksums of a changed file right again, as far as its chunks can be followed.</summary>
    public static void Seal(Span<byte> file)
    {
        for (var start = 8; start + 12 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(file[start..]);
            if (length > file.Length - start - 12) return;
            var end = start + 8 + (int)length;
            BinaryPrimitives.WriteUInt32BigEndian(file[end..], Crc(file[(start + 4)..end]));
            start = end + 4;
        }
    }

    private static void Chunk(Stream file, string name, byte[] data)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(name), .. data];
        var number = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc(body));
        file.Write(number);
    }

    private static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = 0xFFFFFFFF;
        foreach (var value in data)
            crc = crcTable[(crc ^ value) & 0xFF] ^ (crc >> 8);
        return ~crc;
    }
}
