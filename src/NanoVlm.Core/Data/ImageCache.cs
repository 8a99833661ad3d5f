using System.Collections.Concurrent;
using NanoVlm.Images;

namespace NanoVlm.Data;

/// <summary>
/// Decoded pictures kept as bytes, so that a small set is decoded once and not every epoch. What is in stays in: with a new
/// random order each epoch no picture is likelier to come next than another.
/// </summary>
/// <param name="budget">The most bytes to keep; 0 keeps none.</param>
public sealed class ImageCache(long budget)
{
    private readonly ConcurrentDictionary<string, RgbImage> _images = new(StringComparer.Ordinal);
    private long _bytes;

    /// <summary>Bytes of pixels kept.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>A picture, from memory or from its file. Safe from any thread.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="NanoVlmException">The file is missing or damaged.</exception>
    public RgbImage Load(string path)
    {
        if (_images.TryGetValue(path, out var image))
            return image;
        image = ImageCodec.Load(path);
        var size = image.Pixels.LongLength;
        if (Interlocked.Add(ref _bytes, size) > budget || !_images.TryAdd(path, image))
            Interlocked.Add(ref _bytes, -size);
        return image;
    }
}
