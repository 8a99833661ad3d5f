using System.Diagnostics;
using System.Formats.Tar;
using NanoVlm.Data;
using NanoVlm.Data.Sources;
using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Bench;

/// <summary>
/// The loader alone: tar shards of JPEGs of 512 pixels with a question each, read, tokenised, decoded, resized to one tile of 224 and packed. Samples a
/// second and the process's memory from a tenth to the whole of the set.
/// </summary>
internal static class DataBenchmark
{
    private const int PerShard = 5000, Distinct = 64;

    internal static int Run(int samples, int workers)
    {
        var folder = Directory.CreateTempSubdirectory("nanovlm-data").FullName;
        try
        {
            if (!WriteShards(folder, samples)) return 1;
            var shards = Directory.GetFiles(folder, "*.tar").Order(StringComparer.Ordinal).ToArray();
            Console.WriteLine($"{samples:N0} samples, {shards.Sum(shard => new FileInfo(shard).Length) / 1e9:0.00} GB in {shards.Length} shards, {workers} workers");
            var watch = Stopwatch.StartNew();
            using var source = WebDatasetSource.Open("shards", shards);
            Console.WriteLine($"opened in {watch.Elapsed.TotalSeconds:0.0} s");
            var tokenizer = ImageTokens.AddTo(Tokenizer.Load(Path.Combine(AppContext.BaseDirectory, "configs", "shapes-tokenizer")));
            var processor = new ImageProcessor(new ImageProcessorConfig { TileSize = 224, MaxSide = 224, Split = false });
            var builder = new SampleBuilder(tokenizer, processor, tokensPerTile: 49, new SampleOptions { MaxTokens = 1024 });
            var options = new DataLoaderOptions { BatchSize = 8, Workers = workers, Epochs = 1, Packing = new PackingOptions(1024, 64, 256) };
            using var loader = new DataLoader(new SampleMix([(source, 1)], 0), builder, options, Console.WriteLine);
            long read = 0, tokens = 0, rows = 0, next = samples / 10;
            watch.Restart();
            while (loader.Next() is { } batch)
            {
                (read, tokens, rows) = (read + batch.SampleCount, tokens + batch.TokenCount, rows + batch.Size);
                if (read < next) continue;
                Console.WriteLine($"{read,8:N0} samples  {read / watch.Elapsed.TotalSeconds,6:0} samples/s  {Environment.WorkingSet / 1048576.0,6:0} MiB resident  {GC.GetTotalMemory(false) / 1048576.0,6:0} MiB managed");
                next += samples / 10;
            }
            Console.WriteLine($"{read:N0} samples in {watch.Elapsed.TotalSeconds:0.0} s: {read / watch.Elapsed.TotalSeconds:0} samples/s, {tokens / watch.Elapsed.TotalSeconds:N0} tokens/s, rows {tokens / (rows * 1024.0):P1} full");
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The pictures are Pillow's: noise over a gradient, so that they are as large as photographs.
    private static bool WriteShards(string folder, int samples)
    {
        var script = $"""
            from PIL import Image
            for i in range({Distinct}):
                bands = [Image.blend(Image.linear_gradient("L").resize((512, 512)).rotate(i * 17 + c * 60), Image.effect_noise((128, 128), 90).resize((512, 512), 3), 0.35) for c in range(3)]
                Image.merge("RGB", bands).save(r"{folder}/%02d.jpg" % i, quality=85)
            """;
        var start = new ProcessStartInfo(File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3", ["-c", script]) { RedirectStandardError = true };
        using (var python = Process.Start(start)!)
        {
            var error = python.StandardError.ReadToEnd();
            python.WaitForExit();
            if (python.ExitCode != 0)
            {
                Console.Error.WriteLine($"python3 with Pillow is needed to make the pictures (apt-get install python3-pil): {error.Trim().Split('\n')[^1]}");
                return false;
            }
        }
        var pictures = Enumerable.Range(0, Distinct).Select(i => File.ReadAllBytes(Path.Combine(folder, $"{i:00}.jpg"))).ToArray();
        for (var shard = 0; shard * PerShard < samples; shard++)
        {
            using var file = new TarWriter(File.Create(Path.Combine(folder, $"{shard:0000}.tar")), TarEntryFormat.Ustar, leaveOpen: false);
            for (var i = shard * PerShard; i < Math.Min(samples, (shard + 1) * PerShard); i++)
            {
                Add(file, $"{i:00000000}.jpg", pictures[i % Distinct]);
                var answer = string.Join(' ', Enumerable.Repeat("There is a large red circle left of the small blue square.", 1 + i * 7 % 12));
                Add(file, $"{i:00000000}.json", System.Text.Encoding.UTF8.GetBytes($$"""{"question": "What is in the picture?", "answer": "{{answer}}"}"""));
            }
        }
        return true;

        static void Add(TarWriter file, string name, byte[] content) => file.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
    }
}
