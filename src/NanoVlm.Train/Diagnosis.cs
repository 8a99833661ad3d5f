using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Layers;
using NanoVlm.Models;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>How a finding is judged.</summary>
[JsonConverter(typeof(FindingStateConverter))]
internal enum FindingState
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Works, but slower than it need be.</summary>
    Slow,

    /// <summary>Needed and not there.</summary>
    Missing,

    /// <summary>Not there and not needed.</summary>
    Absent,
}

internal sealed class FindingStateConverter() : JsonStringEnumConverter<FindingState>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower);

/// <summary>Something that <c>doctor</c> looked at.</summary>
/// <param name="Name">What.</param>
/// <param name="State">Its judgement.</param>
/// <param name="Value">What was found.</param>
/// <param name="Mend">What to do about it, a line; null where there is nothing to do.</param>
internal sealed record Finding(string Name, FindingState State, string Value, string? Mend = null);

/// <summary>What this machine has for training, measured where it matters.</summary>
internal static class Diagnosis
{
    private const string Blas = "apt-get install libopenblas0-pthread";
    private const double GiB = 1 << 30;

    internal static IReadOnlyList<Finding> OfThisMachine()
    {
        var findings = new List<Finding> { new(".NET", FindingState.Ok, $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}") };
        try
        {
            findings.AddRange(Libtorch());
        }
        catch (Exception e) when (Loader(e) is { } failure)
        {
            findings.Add(new("libtorch", FindingState.Missing, failure, "apt-get install libtorch-dev libopenblas0-pthread, or set LIBTORCH to an unzipped libtorch; then build again"));
        }
        findings.Add(Images());
        findings.Add(Memory());
        findings.Add(Disk());
        findings.Add(PyTorch());
        return findings;
    }

    private static IEnumerable<Finding> Libtorch()
    {
        var version = __version__;
        var choice = ComputeChoice.For(new TrainSection()); // sets the threads
        var fp32 = MatmulRate.Measure(ScalarType.Float32, CPU);
        var bf16 = MatmulRate.Measure(ScalarType.BFloat16, CPU);
        var loaded = LoadedLibraries();
        yield return new("libtorch", FindingState.Ok, $"{version}, {loaded.FirstOrDefault(path => Path.GetFileName(path).StartsWith("libtorch_cpu", StringComparison.Ordinal)) ?? "place unknown"}");
        yield return BlasOf(loaded);
        yield return new("float32 matmul", FindingState.Ok, Speed(fp32));
        yield return new("bfloat16 matmul", FindingState.Ok, Speed(bf16));

        var flags = ComputeChoice.CpuFlags;
        string[] wanted = ["avx2", "avx512f", "avx512_bf16", "amx_bf16"];
        var vectors = flags.Count == 0 || flags.Contains("avx2") || RuntimeInformation.ProcessArchitecture != Architecture.X64;
        yield return new("CPU", vectors ? FindingState.Ok : FindingState.Slow,
            $"{Environment.ProcessorCount} processors; " + string.Join(", ", wanted.Select(flag => flags.Contains(flag) ? flag : $"no {flag}")),
            vectors ? null : "this CPU has no AVX2; expect training to be several times slower");
        yield return new("precision: auto", FindingState.Ok, choice.Reason);
        yield return new("threads", FindingState.Ok, Invariant($"{get_num_threads()} for {Environment.ProcessorCount} processors (train.threads)"));
        yield return Kernels.Fused
            ? new("fused kernels", FindingState.Ok, "loaded")
            : new("fused kernels", FindingState.Slow, "not in use",
                Environment.GetEnvironmentVariable("NANOVLM_FUSED") == "0" ? "NANOVLM_FUSED=0 is set; unset it" : "the native library has none; build again");
        yield return cuda.is_available()
            ? new("CUDA", FindingState.Ok, Invariant($"{cuda.device_count()} devices"))
            : new("CUDA", FindingState.Absent, "no device, or a libtorch without CUDA");
    }

    private static Finding BlasOf(IReadOnlyList<string> loaded)
    {
        bool Named(string path, params string[] words) => words.Any(word => path.Contains(word, StringComparison.OrdinalIgnoreCase));
        var libraries = loaded.Where(path => Named(Path.GetFileName(path), "blas", "mkl_", "blis")).ToArray();
        if (libraries.FirstOrDefault(path => Named(path, "openblas", "mkl", "blis")) is { } fast)
            return new("BLAS", FindingState.Ok, fast);
        if (libraries.Length > 0)
            return new("BLAS", FindingState.Slow, $"{libraries[0]} (the reference implementation)", $"float32 runs at a fraction of its speed: {Blas}");
        return new("BLAS", FindingState.Ok, "inside libtorch");
    }

    private static Finding Images()
    {
        try
        {
            var grey = new RgbImage(1, 1, [1, 2, 3]);
            var same = ImageCodec.Decode(ImageCodec.EncodePng(grey), "a test picture").Pixels.SequenceEqual(grey.Pixels);
            return same ? new("image decoding", FindingState.Ok, "works") : new("image decoding", FindingState.Missing, "a PNG does not come back as it was written", "build again");
        }
        catch (Exception e) when (Loader(e) is { } failure)
        {
            return new("image decoding", FindingState.Missing, failure, "apt-get install libjpeg62-turbo-dev libpng-dev libwebp-dev; then build again");
        }
    }

    private static Finding Memory()
    {
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / GiB;
        const string file = "/proc/meminfo";
        var free = File.Exists(file) && File.ReadLines(file).FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal)) is { } line
            ? Math.Min(total, double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024 / GiB)
            : total;
        return free >= 2
            ? new("memory", FindingState.Ok, Invariant($"{free:0.0} of {total:0.0} GiB free"))
            : new("memory", FindingState.Slow, Invariant($"{free:0.0} of {total:0.0} GiB free"), "the default run needs up to 2 GiB; close something, or lower train.batch_size");
    }

    private static Finding Disk()
    {
        try
        {
            var drive = new DriveInfo(Directory.GetCurrentDirectory());
            var free = drive.AvailableFreeSpace / GiB;
            return free >= 1
                ? new("disk", FindingState.Ok, Invariant($"{free:0.0} GiB free in {Directory.GetCurrentDirectory()}"))
                : new("disk", FindingState.Slow, Invariant($"{free:0.0} GiB free in {Directory.GetCurrentDirectory()}"), "data and checkpoints need about 1 GiB; make room, or set train.output_dir");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new("disk", FindingState.Absent, $"cannot be asked: {e.Message}");
        }
    }

    // Only the benchmark compares with it.
    private static Finding PyTorch()
    {
        try
        {
            using var python = Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-c", "import torch; print(torch.__version__)"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var error = python.StandardError.ReadToEndAsync();
            var version = python.StandardOutput.ReadToEnd().Trim();
            python.WaitForExit();
            if (python.ExitCode == 0) return new("PyTorch", FindingState.Ok, $"{version} (for `nanovlm bench`)");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // There is no Python.
        }
        return new("PyTorch", FindingState.Absent, "not installed; only `nanovlm bench` needs it", "apt-get install python3-torch");
    }

    private static string Speed(double flops) => Invariant($"{flops / 1e9:0} GFLOP/s");

    private static string[] LoadedLibraries()
    {
        const string file = "/proc/self/maps";
        if (!File.Exists(file)) return [];
        return [.. File.ReadLines(file).Select(line => line.IndexOf('/') is var at and >= 0 ? line[at..] : "").Where(path => path.Contains(".so", StringComparison.Ordinal)).Distinct()];
    }

    // What the loader says of a library that is not there, under whatever .NET wraps around it.
    private static string? Loader(Exception e) => e switch
    {
        DllNotFoundException or BadImageFormatException or EntryPointNotFoundException => e.Message.Split('\n')[0],
        TypeInitializationException { InnerException: { } inner } => Loader(inner),
        _ => null,
    };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
