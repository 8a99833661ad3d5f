namespace NanoVlm.Images;

/// <summary>
/// Reads JPEGs: by libturbojpeg, where it is, what is in order and has no inks; the rest by Skia. libjpeg goes on with grey, or with less
/// detail, where the data ends before the picture is complete. libturbojpeg says so; Skia does not, so that what it is given must end as it
/// should.
/// </summary>
internal static class JpegFile
{
    // What the decoder reads ahead of the last code: eight bytes, each as the two that stand for 0xFF. Ones are no code, so that nothing of
    // a picture is in them.
    private static readonly byte[] ahead = [0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0];

    /// <summary>The size of a picture, not turned.</summary>
    internal static (int Width, int Height) Size(ReadOnlySpan<byte> file, string name, long limit)
    {
        var header = Open(file, name, limit);
        return (header.Width, header.Height);
    }

    /// <summary>Decodes a picture, not turned.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">What the message calls the picture.</param>
    /// <param name="limit">The most pixels.</param>
    /// <param name="turbo">Null: Skia decodes.</param>
    internal static RgbImage Decode(ReadOnlySpan<byte> file, string name, long limit, TurboJpeg? turbo)
    {
        var header = Open(file, name, limit);
        var (width, height) = (header.Width, header.Height);
        // Huffman codes spend a bit at least on each block of 64 pixels: too little data takes no memory.
        if (!header.IsArithmetic && (long)width * height / 512 > file.Length)
            throw ImageCodec.TooShort(name, PictureFormat.Jpeg, file.Length, width, height);
        if (turbo is not null && header.Channels is 1 or 3)
        {
            var pixels = GC.AllocateUninitializedArray<byte>(width * height * 3);
            var complaint = turbo.Decode(file, width, height, pixels);
            if (complaint is null) return new RgbImage(width, height, pixels);
            if (complaint.Contains("premature end", StringComparison.OrdinalIgnoreCase))
                throw ImageCodec.Truncated(name, PictureFormat.Jpeg);
        }
        return SkiaDecoder.Decode(Checked(file, header, name), PictureFormat.Jpeg, name, limit, null);
    }

    private static JpegHeader Open(ReadOnlySpan<byte> file, string name, long limit)
    {
        var header = JpegHeader.Read(file) ?? throw ImageCodec.Unreadable(name, "its JPEG header is damaged or truncated");
        ImageCodec.CheckSize(header.Width, header.Height, limit, name);
        return header;
    }

    private static ReadOnlySpan<byte> Checked(ReadOnlySpan<byte> file, JpegHeader header, string name)
    {
        if (!header.IsOneScan) return JpegScans.AreComplete(file) ? file : throw ImageCodec.Truncated(name, PictureFormat.Jpeg);
        // Without the marker at its end the decoder finds a single scan incomplete if it is.
        var end = JpegScans.EndOfData(file, header.Data);
        return end < file.Length ? (byte[])[.. file[..end], .. ahead] : throw ImageCodec.Truncated(name, PictureFormat.Jpeg);
    }
}
