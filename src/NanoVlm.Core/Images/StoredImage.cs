namespace NanoVlm.Images;

/// <summary>A picture as a data set stores it, not decoded: a file, a stretch of a larger one, bytes, or a way to get at them. Two are equal if their names are.</summary>
public sealed class StoredImage : IEquatable<StoredImage>
{
    private const int Head = 1 << 16; // bytes that most pictures' headers fit in

    private readonly ReadOnlyMemory<byte>? bytes;
    private readonly (string Path, long Offset, int Length)? stretch;
    private readonly Func<ReadOnlyMemory<byte>>? fetch;

    /// <summary>A picture in a file of its own, read when it is asked for.</summary>
    /// <param name="path">The file.</param>
    public StoredImage(string path) => Name = path;

    /// <summary>A picture within a larger file, read when it is asked for.</summary>
    /// <param name="name">What messages call it: file and name within.</param>
    /// <param name="file">The larger file.</param>
    /// <param name="offset">Its first byte.</param>
    /// <param name="length">Its bytes.</param>
    public StoredImage(string name, string file, long offset, int length) => (Name, stretch) = (name, (file, offset, length));

    /// <summary>A picture in memory.</summary>
    /// <param name="name">What messages call it: file, row and name within.</param>
    /// <param name="bytes">The picture file.</param>
    public StoredImage(string name, ReadOnlyMemory<byte> bytes) => (Name, this.bytes) = (name, bytes);

    /// <summary>A picture that is fetched when it is asked for, each time, and not kept.</summary>
    /// <param name="name">What messages call it: file, row and name within.</param>
    /// <param name="fetch">Gives the picture file, from any thread.</param>
    public StoredImage(string name, Func<ReadOnlyMemory<byte>> fetch) => (Name, this.fetch) = (name, fetch);

    /// <summary>What messages call it: its path, or where it lies in a larger file.</summary>
    public string Name { get; }

    /// <summary>The picture file's bytes.</summary>
    /// <exception cref="NanoVlmException">The file cannot be read, or has become shorter; has the name.</exception>
    public ReadOnlyMemory<byte> Read() => bytes ?? fetch?.Invoke() ?? (stretch is var (path, offset, length) ? ImageCodec.ReadFile(Name, path, offset, length) : ImageCodec.ReadFile(Name));

    /// <summary>The picture's pixels.</summary>
    /// <param name="options">As for <see cref="ImageCodec.Decode"/>.</param>
    /// <exception cref="NanoVlmException">The file cannot be read, or its format is not supported, or it is damaged or too large; has the name.</exception>
    public RgbImage Decode(DecodeOptions? options = null) => ImageCodec.Decode(Read().Span, Name, options);

    /// <summary>The picture's size as <see cref="Decode"/> will give it, from its header alone; of a long JPEG no more is read.</summary>
    /// <param name="options">As for <see cref="ImageCodec.Decode"/>.</param>
    /// <exception cref="NanoVlmException">The file cannot be read, or its format is not supported, or it is too large; has the name.</exception>
    public (int Width, int Height) Size(DecodeOptions? options = null) =>
        ReadHead() is { } head && ImageCodec.SizeFromHead(head, options) is { } size ? size : ImageCodec.Size(Read().Span, Name, options);

    // Null where the whole is in memory or no longer than this.
    private byte[]? ReadHead()
    {
        if (bytes is not null || fetch is not null) return null;
        var (path, offset, length) = stretch ?? (Name, 0, File.Exists(Name) && new FileInfo(Name).Length > Head ? int.MaxValue : 0);
        return length > Head ? ImageCodec.ReadFile(Name, path, offset, Head) : null;
    }

    /// <summary>Whether both have the same name.</summary>
    public bool Equals(StoredImage? other) => other is not null && Name == other.Name;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as StoredImage);

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
