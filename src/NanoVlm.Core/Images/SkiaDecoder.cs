using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using SkiaSharp;

namespace NanoVlm.Images;

/// <summary>
/// Reads pictures by Skia's codecs: the first frame, without colour management and premultiplication, so that stored values come out.
/// </summary>
internal static unsafe class SkiaDecoder
{
    /// <summary>The size of a picture, not turned.</summary>
    internal static (int Width, int Height) Size(ReadOnlySpan<byte> file, string format, string name, long limit)
    {
        Check(file, format, name, limit);
        fixed (byte* bytes = file)
        {
            using var data = SKData.Create((nint)bytes, file.Length);
            using var codec = Open(data, format, name, limit, out var info);
            return (info.Width, info.Height);
        }
    }

    /// <summary>Decodes a picture, not turned.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="format">Its format's name.</param>
    /// <param name="name">What messages call the picture.</param>
    /// <param name="limit">The most pixels.</param>
    /// <param name="background">The colour under transparent pixels; null drops the alpha.</param>
    internal static RgbImage Decode(
        ReadOnlySpan<byte> file, string format, string name, long limit, (byte Red, byte Green, byte Blue)? background)
    {
        Check(file, format, name, limit);
        if (format == PictureFormat.Gif) background ??= GifFile.ColourUnder(file);
        fixed (byte* bytes = file)
        {
            using var data = SKData.Create((nint)bytes, file.Length);
            using var codec = Open(data, format, name, limit, out var stored);
            var info = new SKImageInfo(stored.Width, stored.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
            var rgba = ArrayPool<byte>.Shared.Rent(info.BytesSize);
            try
            {
                fixed (byte* pixels = rgba)
                    Check(codec.GetPixels(info, (nint)pixels, info.RowBytes, SKCodecOptions.Default), format, name);
                var rgb = GC.AllocateUninitializedArray<byte>(info.Width * info.Height * 3);
                if (background is { } colour && !stored.IsOpaque) Compose(rgba, rgb, colour);
                else DropAlpha(rgba, rgb);
                return new RgbImage(info.Width, info.Height, rgb);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rgba);
            }
        }
    }

    // What Skia does not see to.
    private static void Check(ReadOnlySpan<byte> file, string format, string name, long limit)
    {
        if (format == PictureFormat.Png) PngFile.Check(file, name, limit);
        if (format == PictureFormat.Ico) IcoFile.Check(file, name);
        // An animation would be read as soon as its first picture is there. What a RIFF file names as its length begins behind that.
        if (format == PictureFormat.WebP && BinaryPrimitives.ReadUInt32LittleEndian(file[4..]) > file.Length - 8)
            throw ImageCodec.Truncated(name, format);
    }

    private static SKCodec Open(SKData data, string format, string name, long limit, out SKImageInfo info)
    {
        var codec = SKCodec.Create(data) ?? throw ImageCodec.Unreadable(name, $"its {format} header is damaged or truncated");
        try
        {
            info = codec.Info;
            info.ColorSpace?.Dispose();
            ImageCodec.CheckSize(info.Width, info.Height, limit, name);
            return codec;
        }
        catch
        {
            codec.Dispose();
            throw;
        }
    }

    private static void Check(SKCodecResult result, string format, string name)
    {
        if (result == SKCodecResult.Success) return;
        throw result switch
        {
            SKCodecResult.IncompleteInput => ImageCodec.Truncated(name, format),
            SKCodecResult.InternalError => ImageCodec.Unreadable(name, $"its {format} data cannot be decoded, perhaps for lack of memory"),
            _ => ImageCodec.Unreadable(name, $"its {format} data is damaged"),
        };
    }

    private static void DropAlpha(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        // Sixteen bytes of four pixels become twelve; four more are written, and overwritten by the next ones.
        var colours = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
        var (p, q) = (0, 0);
        for (; q <= rgb.Length - 16; p += 16, q += 12)
            Vector128.Shuffle(Vector128.Create(rgba.Slice(p, 16)), colours).CopyTo(rgb[q..]);
        for (; q < rgb.Length; p += 4, q += 3)
            rgba.Slice(p, 3).CopyTo(rgb[q..]);
    }

    // Pillow's Image.alpha_composite over an opaque colour, with its seven extra bits.
    private static void Compose(ReadOnlySpan<byte> rgba, Span<byte> rgb, (byte Red, byte Green, byte Blue) background)
    {
        for (int p = 0, q = 0; q < rgb.Length; p += 4, q += 3)
        {
            var over = rgba[p + 3] << 7;
            rgb[q] = Mix(rgba[p], background.Red, over);
            rgb[q + 1] = Mix(rgba[p + 1], background.Green, over);
            rgb[q + 2] = Mix(rgba[p + 2], background.Blue, over);
        }

        static byte Mix(int colour, int under, int over)
        {
            var sum = colour * over + under * ((255 << 7) - over) + (128 << 7);
            return (byte)(((sum >> 8) + sum) >> 8 >> 7);
        }
    }
}
