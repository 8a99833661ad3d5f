using System.Runtime.InteropServices;
using System.Text;
using NanoVlm.Images;

namespace NanoVlm.Data.Sources;

/// <summary>
/// Conversations in WebDataset's tar shards: entries one after the other whose paths are equal up to the first dot of the name are one sample,
/// <c>key.jpg</c> (or <c>jpeg</c>, <c>png</c>, <c>webp</c>, <c>gif</c>, <c>bmp</c>; several as <c>key.0.jpg</c>, <c>key.1.jpg</c>) with <c>key.json</c>, which holds
/// what a row of <see cref="ConversationSource"/> does, or <c>key.txt</c>, a caption. Where there are both, the one that is a conversation counts.
/// Other entries are ignored. The shards are never unpacked.
/// </summary>
public sealed class WebDatasetSource : SampleSource
{
    /// <summary>What is asked where a picture has a caption alone.</summary>
    public const string CaptionPrompt = "Describe the image.";

    private const int MaxLength = 1 << 30;
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);
    private static readonly string[] ImageKinds = ["jpg", "jpeg", "png", "webp", "gif", "bmp"];

    private readonly IReadOnlyList<string> shards;
    private readonly List<Place> samples;

    private WebDatasetSource(string name, IReadOnlyList<string> shards, List<Place> samples) => (Name, this.shards, this.samples) = (name, shards, samples);

    /// <summary>Opens shards as one set: finds where the samples are, without reading what is in them.</summary>
    /// <param name="name">What messages call the set.</param>
    /// <param name="paths">The shards, in order.</param>
    /// <exception cref="NanoVlmException">A shard is missing, cut short or damaged, or there are no samples.</exception>
    public static WebDatasetSource Open(string name, IReadOnlyList<string> paths)
    {
        var samples = new List<Place>();
        for (var shard = 0; shard < paths.Count; shard++)
        {
            string? key = null;
            foreach (var entry in TarShard.Find(paths[shard]))
            {
                if (KeyOf(entry.Name) is not { } of || (!IsImage(entry) && Extension(entry.Name) is not ("json" or "txt"))) continue;
                if (of != key) samples.Add(new Place(shard, entry.Start, entry.Offset + entry.Length));
                else samples[^1] = samples[^1] with { End = entry.Offset + entry.Length };
                key = of;
            }
        }
        return samples.Count > 0 ? new WebDatasetSource(name, paths, samples)
            : throw new NanoVlmException($"{name}: has no samples; expected pictures (KEY.{string.Join(", KEY.", ImageKinds)}) with KEY.json or KEY.txt.");
    }

    /// <summary>Opens a shard.</summary>
    /// <inheritdoc cref="Open(string, IReadOnlyList{string})"/>
    public static WebDatasetSource Open(string path) => Open(path, [path]);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => samples.Count;

    /// <inheritdoc/>
    public override string FileOf(int index) => shards[samples[index].Shard];

    /// <summary>Reads a sample's text; its pictures are read when they are asked for.</summary>
    /// <param name="index">Its index from 0.</param>
    /// <exception cref="NanoVlmException">It has no text, or a text or a path that is not as expected, or the shard cannot be read; names shard and key.</exception>
    public override RawSample this[int index]
    {
        get
        {
            var (shard, start, end) = (shards[samples[index].Shard], samples[index].Start, samples[index].End);
            var entries = TarShard.Find(shard, start, end).Where(entry => KeyOf(entry.Name) is not null).ToList();
            if (entries.Count == 0) throw new NanoVlmException($"{shard}, byte {start}: the sample is gone; the shard was another when it was opened.");
            var key = KeyOf(entries[0].Name)!;
            var origin = $"{shard}, {key}";
            if (key.StartsWith('/') || key.Split('/', '\\').Contains(".."))
                throw new NanoVlmException($"{origin}: the path leaves the archive; expected one below it.");
            // The number in the name orders pictures, not the archive: key.jpg, key.1.jpg, key.2.jpg, key.10.jpg.
            StoredImage[] images = [.. entries.Where(IsImage).OrderBy(entry => Stem(entry).Length).ThenBy(Stem, StringComparer.Ordinal).Select(entry => new StoredImage($"{shard}, {entry.Name}", shard, entry.Offset, Length(entry)))];
            var json = entries.Find(entry => Extension(entry.Name) == "json") is { } row ? Read(row) : null;
            if (entries.Find(entry => Extension(entry.Name) == "txt") is { } caption && (json is null || !ConversationRow.IsConversation(json))) // else it is about the picture
                return Captioned(origin, images, Read(caption));
            if (json is not null) return ConversationRow.Read(json, origin, _ => images);
            throw new NanoVlmException($"{origin}: has {(images.Length == 1 ? "a picture" : $"{images.Length} pictures")} and no text; expected {key}.json or {key}.txt beside.");

            int Length(TarEntry entry) => entry.Length <= MaxLength ? (int)entry.Length
                : throw new NanoVlmException($"{origin}: {entry.Name} has {entry.Length} bytes; at most {MaxLength} are read.");

            byte[] Read(TarEntry entry)
            {
                try
                {
                    using var file = File.OpenHandle(shard);
                    var bytes = new byte[Length(entry)];
                    for (int done = 0, read; done < bytes.Length; done += read)
                        if ((read = RandomAccess.Read(file, bytes.AsSpan(done), entry.Offset + done)) == 0) throw new NanoVlmException($"{origin}: the shard ends within {entry.Name}; it was whole when it was opened.");
                    return bytes;
                }
                catch (Exception error) when (error is IOException or UnauthorizedAccessException)
                {
                    throw new NanoVlmException($"{origin}: cannot be read: {error.Message}", error);
                }
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
    }

    private static RawSample Captioned(string origin, StoredImage[] images, byte[] bytes)
    {
        try
        {
            var caption = Utf8.GetString(bytes).Trim();
            if (caption.Length == 0) throw new NanoVlmException($"{origin}: the caption is empty.");
            if (images.Length == 0) throw new NanoVlmException($"{origin}: the caption has no picture; expected one beside it.");
            return new RawSample(origin, images, [new Turn(CaptionPrompt, caption)], []);
        }
        catch (DecoderFallbackException error)
        {
            throw new NanoVlmException($"{origin}: the caption is not valid UTF-8.", error);
        }
    }

    // Up to the first dot of the name; none for a name without, and for hidden files.
    private static string? KeyOf(string path)
    {
        if (path.StartsWith("./", StringComparison.Ordinal)) path = path[2..];
        var slash = path.LastIndexOf('/');
        var dot = path.IndexOf('.', slash + 1);
        return dot > slash + 1 ? path[..dot] : null;
    }

    private static string Extension(string path) => Path.GetExtension(path).TrimStart('.').ToLowerInvariant();

    private static string Stem(TarEntry entry) => Path.GetFileNameWithoutExtension(entry.Name);

    private static bool IsImage(TarEntry entry) => ImageKinds.Contains(Extension(entry.Name));

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Place(int Shard, long Start, long End);
}
