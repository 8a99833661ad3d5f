namespace NanoVlm.Images;

/// <summary>The image data of a JPEG, as far as it can be seen without decoding.</summary>
internal static class JpegScans
{
    /// <summary>Where the data of a scan ends: at the next marker, or with the file.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="at">Where the data begins.</param>
    internal static int EndOfData(ReadOnlySpan<byte> file, int at)
    {
        for (; at < file.Length - 1; at++)
        {
            var next = file[at..^1].IndexOf((byte)0xFF);
            if (next < 0) break;
            at += next;
            // A zero makes it data, restart markers stand within the data, and any number of 0xFF may stand before a marker.
            if (file[at + 1] is not (0x00 or 0xFF or (>= 0xD0 and <= 0xD7))) return at;
        }
        return file.Length;
    }

    /// <summary>Whether the scans bring all coefficients of all channels in full precision, and the file has an end.</summary>
    /// <param name="file">The whole file.</param>
    internal static bool AreComplete(ReadOnlySpan<byte> file)
    {
        Span<ulong> missing = stackalloc ulong[256]; // the coefficients still to come of each channel, by its name
        missing.Clear();
        var at = 2;
        while (JpegHeader.NextSegment(file, ref at, out var marker, out var body))
        {
            if (JpegHeader.IsFrame(marker))
            {
                // Six bytes, then for each channel its name and two more.
                for (var i = 6; i + 2 < body.Length; i += 3) missing[body[i]] = ulong.MaxValue;
            }
            else if (marker == 0xDA)
            {
                // Number of channels, for each its name and tables; first and last coefficient; from which bit to which.
                if (body.IsEmpty || body.Length < 4 + 2 * body[0]) return false;
                var (first, last, lowest) = (body[^3], body[^2], body[^1] & 15);
                for (var i = 0; i < body[0] && lowest == 0 && first <= last && last < 64; i++)
                    missing[body[1 + 2 * i]] &= ~(ulong.MaxValue >> (63 - (last - first)) << first);
                at = EndOfData(file, at);
            }
        }
        return !missing.ContainsAnyExcept(0UL) && at + 1 < file.Length && file[at + 1] == 0xD9;
    }
}
