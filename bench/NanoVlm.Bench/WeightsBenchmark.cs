using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using NanoVlm.Weights;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>
/// Loading a checkpoint beside what bounds it from below, by turns on a warm cache: <c>cat FILE > /dev/null</c>, which reads every byte, and a
/// plain copy of the same tensors from memory. Load and copy run in processes of their own, so that both meet fresh memory (which costs
/// more than the copying) and the peak of memory is the load's own; both then fill the same tensors once more.
/// </summary>
internal static class WeightsBenchmark
{
    private const int Hidden = 1024;

    internal static void Run(long bytes, int rounds, string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"bench-{bytes}.safetensors");
        if (!File.Exists(path)) WriteFile(path, bytes);
        var length = new FileInfo(path).Length;
        Console.Error.WriteLine($"{path}: {length:N0} bytes; {rounds} rounds, medians and ranges");

        var cat = new List<double>();
        var copies = new List<Filled>();
        var loads = new List<Filled>();
        Cat(path); // warms the cache
        for (var round = 0; round < rounds; round++)
        {
            cat.Add(Cat(path));
            copies.Add(Elsewhere("--copy", path));
            loads.Add(Elsewhere("--load", path));
        }

        Console.WriteLine($"cat FILE > /dev/null        {Times(cat)}");
        Compare("new tensors", filled => filled.New);
        Compare("existing tensors", filled => filled.Existing);
        Console.WriteLine($"open, map every tensor      {Times(loads.Select(load => load.Map))}");
        Console.WriteLine(FormattableString.Invariant($"peak resident memory        file + {(loads.Max(load => load.Peak) - length) / 1e6:F1} MB, of which {loads.Max(load => load.Before) / 1e6:F1} MB with libtorch loaded and no file open"));

        void Compare(string what, Func<Filled, double> time)
        {
            var (copy, load) = (copies.Select(time), loads.Select(time));
            var bound = 1.3 * Figures.Median(cat) + Figures.Median(copy);
            Console.WriteLine($"copy to {what,-20}{Times(copy)}");
            Console.WriteLine(FormattableString.Invariant($"open, load {what,-17}{Times(load)}: {Figures.Median(load) / bound:F2} of 1.3 x cat + copy, {bound * 1e3:F0} ms"));
        }
    }

    /// <summary>In a process of its own: loads the file into new tensors, then into the same ones again; maps its tensors without reading them.</summary>
    internal static void Load(string path)
    {
        using var scope = NewDisposeScope();
        zeros(1).add(1); // libtorch itself
        var before = Figures.PeakBytes();
        var targets = new Dictionary<string, Tensor>();
        var fresh = Time(() =>
        {
            using var weights = ModelWeights.Open(path);
            foreach (var name in weights.Names) weights.CopyTo(name, targets[name] = empty(weights[name].Shape));
        });
        var peak = Figures.PeakBytes();
        var again = Time(() =>
        {
            using var weights = ModelWeights.Open(path);
            foreach (var name in weights.Names) weights.CopyTo(name, targets[name]);
        });
        var map = Time(() =>
        {
            using var inner = NewDisposeScope();
            using var weights = ModelWeights.Open(path);
            foreach (var name in weights.Names) weights.Tensor(name);
        });
        Console.WriteLine(JsonSerializer.Serialize(new Filled(fresh, again, map, before, peak)));
    }

    /// <summary>In a process of its own: copies the file's tensors, all of them in memory, to new tensors, then to the same once more.</summary>
    internal static void Copy(string path)
    {
        using var scope = NewDisposeScope();
        using var weights = ModelWeights.Open(path);
        var sources = weights.Names.Select(weights.Tensor).ToArray();
        foreach (var source in sources) source.sum();
        var targets = new Tensor[sources.Length];
        var fresh = Time(() =>
        {
            for (var i = 0; i < targets.Length; i++) (targets[i] = empty(sources[i].shape)).copy_(sources[i]);
        });
        var again = Time(() =>
        {
            for (var i = 0; i < targets.Length; i++) targets[i].copy_(sources[i]);
        });
        Console.WriteLine(JsonSerializer.Serialize(new Filled(fresh, again, 0, 0, 0)));
    }

    private static double Time(Action action)
    {
        var clock = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(clock).TotalSeconds;
    }

    private static void WriteFile(string path, long bytes)
    {
        Console.Error.WriteLine($"writing {path}...");
        var noise = new byte[1 << 20];
        var random = new Random(0);
        for (var i = 0; i < noise.Length; i += 4) BitConverter.TryWriteBytes(noise.AsSpan(i), random.NextSingle() - 0.5f);
        var entries = new List<SafeTensorsEntry>();
        Add("model.embed_tokens.weight", [16 * Hidden, Hidden]);
        for (var layer = 0; bytes > 0; layer++)
        {
            Add($"model.layers.{layer}.input_layernorm.weight", [Hidden]);
            foreach (var name in new[] { "q", "k", "v", "o" }) Add($"model.layers.{layer}.self_attn.{name}_proj.weight", [Hidden, Hidden]);
            foreach (var name in new[] { "gate", "up", "down" }) Add($"model.layers.{layer}.mlp.{name}_proj.weight", [4 * Hidden, Hidden]);
        }

        SafeTensorsWriter.Write(path, entries);

        void Add(string name, long[] shape)
        {
            var size = sizeof(float) * shape.Aggregate(1L, (product, length) => product * length);
            bytes -= size;
            entries.Add(new SafeTensorsEntry(name, SafeTensorsDType.F32, shape, stream =>
            {
                for (var left = size; left > 0; left -= noise.Length) stream.Write(noise.AsSpan(0, (int)Math.Min(left, noise.Length)));
            }));
        }
    }

    private static double Cat(string path) => Time(() =>
    {
        using var cat = Process.Start(new ProcessStartInfo("sh", ["-c", "cat \"$0\" > /dev/null", path]))!;
        cat.WaitForExit();
    });

    private static Filled Elsewhere(string what, string path)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(WeightsBenchmark).Assembly.Location);
        foreach (var argument in new[] { "weights", what, path }) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var line = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonSerializer.Deserialize<Filled>(line)! : throw new NanoVlmException($"weights {what} {path} failed");
    }

    private static string Times(IEnumerable<double> seconds) =>
        FormattableString.Invariant($"{Figures.Median(seconds) * 1e3:F0} ms ({seconds.Min() * 1e3:F0} to {seconds.Max() * 1e3:F0})");

    /// <summary>Seconds to fill new tensors, the same tensors again, to map without filling; peaks of resident bytes.</summary>
    private sealed record Filled(double New, double Existing, double Map, long Before, long Peak);
}
