using System.Buffers.Binary;

namespace NanoVlm.Images;

/// <summary>
/// How a camera was held: the orientation tag (0x0112) of a JPEG's, PNG's or WebP's EXIF data. What cannot be followed is
/// ignored, as it does not touch the pixels; so is what stands in XMP, or in a PNG's <c>Raw profile type exif</c>.
/// </summary>
internal static class ExifOrientation
{
    /// <summary>The orientation of a picture file.</summary>
    /// <param name="file">The whole file.</param>
    /// <returns>1 to 8, the tag's values; 1, upright, where there is none.</returns>
    internal static int Find(ReadOnlySpan<byte> file) => file switch
    {
        [0xFF, 0xD8, ..] => InJpeg(file[2..]),
        [0x89, (byte)'P', ..] => Chunk(file, 8, "eXIf"u8, nameFirst: false),
        [(byte)'R', (byte)'I', ..] => Chunk(file, 12, "EXIF"u8, nameFirst: true),
        _ => 1,
    };

    /// <summary>The picture as it was meant to be seen: Pillow's <c>ImageOps.exif_transpose</c>.</summary>
    /// <param name="image">The picture as it is stored.</param>
    /// <param name="orientation">1 to 8.</param>
    internal static RgbImage Upright(RgbImage image, int orientation)
    {
        if (orientation is < 2 or > 8) return image;
        var (width, height) = orientation >= 5 ? (image.Height, image.Width) : (image.Width, image.Height);
        var pixels = GC.AllocateUninitializedArray<byte>(image.Pixels.Length);
        for (int y = 0, target = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++, target += 3)
            {
                var (right, bottom) = (width - 1 - x, height - 1 - y);
                var (column, row) = orientation switch
                {
                    2 => (right, y),
                    3 => (right, bottom),
                    4 => (x, bottom),
                    5 => (y, x),
                    6 => (y, right),
                    7 => (bottom, right),
                    _ => (bottom, x),
                };
                image.Pixels.AsSpan((row * image.Width + column) * 3, 3).CopyTo(pixels.AsSpan(target));
            }
        }
        return new RgbImage(width, height, pixels);
    }

    // Segments before the image data: a marker, then a length that counts itself.
    private static int InJpeg(ReadOnlySpan<byte> rest)
    {
        while (rest.Length >= 4 && rest[0] == 0xFF)
        {
            var marker = rest[1];
            if (marker == 0xFF)
            {
                rest = rest[1..];
                continue;
            }
            var length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            if (marker is 0xDA or 0xD9 || length < 2 || length + 2 > rest.Length) return 1;
            var body = rest.Slice(4, length - 2);
            if (marker == 0xE1 && body.StartsWith("Exif\0\0"u8)) return InTiff(body[6..]);
            rest = rest[(length + 2)..];
        }
        return 1;
    }

    // PNG has length, name, data, checksum; RIFF name, length, data and a byte to make it even.
    private static int Chunk(ReadOnlySpan<byte> file, int start, ReadOnlySpan<byte> wanted, bool nameFirst)
    {
        for (var rest = file[Math.Min(start, file.Length)..]; rest.Length >= 8;)
        {
            var name = nameFirst ? rest[..4] : rest[4..8];
            var length = nameFirst ? BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) : BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - 8) return 1;
            var body = rest.Slice(8, (int)length);
            if (name.SequenceEqual(wanted)) return InTiff(body.StartsWith("Exif\0\0"u8) ? body[6..] : body);
            var next = 8 + length + (nameFirst ? length & 1 : 4);
            if (next > rest.Length) return 1;
            rest = rest[(int)next..];
        }
        return 1;
    }

    // A byte order, 42, and where the first directory begins; its entries are tag, type, count, value.
    private static int InTiff(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8 || !(tiff.StartsWith("II*\0"u8) || tiff.StartsWith("MM\0*"u8))) return 1;
        var little = tiff[0] == 'I';
        var directory = Number(tiff, 4, 4, little);
        if (directory > tiff.Length - 2) return 1;
        var entries = Number(tiff, (int)directory, 2, little);
        for (var i = 0; i < entries; i++)
        {
            var entry = directory + 2 + i * 12;
            if (entry > tiff.Length - 12) return 1;
            if (Number(tiff, (int)entry, 2, little) != 0x0112) continue;
            var size = Number(tiff, (int)entry + 2, 2, little) switch { 3 or 8 => 2, 4 or 9 => 4, _ => 0 }; // SHORT, LONG, and with a sign
            if (size == 0 || Number(tiff, (int)entry + 4, 4, little) * size is 0 or > 4) return 1;
            var value = Number(tiff, (int)entry + 8, size, little);
            return value is >= 1 and <= 8 ? (int)value : 1;
        }
        return 1;
    }

    private static long Number(ReadOnlySpan<byte> data, int at, int bytes, bool little)
    {
        var value = 0L;
        for (var i = 0; i < bytes; i++)
            value |= (long)data[at + i] << (8 * (little ? i : bytes - 1 - i));
        return value;
    }
}
