using NanoVlm.Evaluation.Tasks;
using NanoVlm.Images;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Evaluation.Running;

/// <summary>Small pictures of a benchmark's images, read again from its data.</summary>
internal sealed class Thumbnails
{
    private const int Side = 176;
    private const int MostImages = 4; // of an item
    private const long MostBytes = 32L << 20; // of a page that a browser still opens gladly

    private readonly IReadOnlyList<TaskItem>? items;
    private readonly TaskResult result;
    private readonly Dictionary<string, int> numbers = [];
    private readonly List<string> all = [];
    private long bytes;
    private int unreadable;
    private bool full;

    internal Thumbnails(TaskResult result)
    {
        this.result = result;
        if (result.Items.All(item => item.Images.Count == 0)) return;
        try
        {
            // What has to be fetched is not fetched for a page.
            items = Benchmarks.Named(result.Task).Open(new TaskData(result.Data, result.Prompts, result.Split) { Hub = () => new HubClient(HubOptions.FromEnvironment() with { Offline = true }) });
        }
        catch (NanoVlmException error)
        {
            Note = result.Data is null ? "shown without images: the data set is not in the Hub's cache here" : $"shown without images: {error.Message}";
        }
    }

    /// <summary>The pictures, as data addresses.</summary>
    internal IReadOnlyList<string> All => all;

    /// <summary>What a reader should know; null: nothing.</summary>
    internal string? Note
    {
        get => field ?? (full ? "images beyond the first 32 MiB, the wrong answers' first, are left out" : unreadable > 0 ? $"images of {unreadable} items cannot be read again" : null);
        private init;
    }

    /// <summary>The numbers of an item's pictures in <see cref="All"/>.</summary>
    internal int[] Of(int index)
    {
        if (items is null || index >= items.Count || result.Items[index].Images.Count == 0) return [];
        try
        {
            var item = items[index];
            if (item.Id == result.Items[index].Id) return [.. item.Images.Take(MostImages).Select(Number).Where(number => number >= 0)];
        }
        catch (NanoVlmException)
        {
            // Counted.
        }
        unreadable++;
        return [];
    }

    private int Number(StoredImage image)
    {
        if (numbers.TryGetValue(image.Name, out var known)) return known;
        if (full |= bytes > MostBytes) return -1;
        var address = "data:image/png;base64," + Convert.ToBase64String(ImageCodec.EncodePng(Small(image.Decode())));
        bytes += address.Length;
        all.Add(address);
        return numbers[image.Name] = all.Count - 1;
    }

    private static RgbImage Small(RgbImage image)
    {
        var scale = (double)Side / Math.Max(image.Width, image.Height);
        if (scale >= 1) return image;
        var small = Resample.Resize(image, Math.Max(1, (int)(image.Width * scale)), Math.Max(1, (int)(image.Height * scale)), ResampleFilter.Bicubic);
        // Fewer colours: photographs take half the bytes, and nobody sees it at this size.
        var pixels = small.Pixels.ToArray();
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)(pixels[i] & 0xF8 | pixels[i] >> 5);
        return new RgbImage(small.Width, small.Height, pixels);
    }
}
