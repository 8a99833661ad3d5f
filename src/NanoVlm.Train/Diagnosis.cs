using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using NanoVlm.Images;
using NanoVlm.Training.Distributed;

namespace NanoVlm.Training;

/// <summary>What this machine has for training, measured where it matters.</summary>
internal static class Diagnosis
{
    private const double GiB = 1 << 30;

    internal static IReadOnlyList<Finding> OfThisMachine()
    {
        var system = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}";
        var findings = new List<Finding> { Finding.Ok(".NET", $"{RuntimeInformation.FrameworkDescription} on {system}") };
        try
        {
            findings.AddRange(TorchDiagnosis.Findings());
        }
        catch (Exception e) when (Loader(e) is { } failure)
        {
            const string mend = "build on this machine: dotnet build brings the libtorch of the platform that it runs on";
            findings.Add(Finding.Missing("libtorch", failure, mend));
        }
        findings.AddRange([Images(), Jpeg(), Processes(), Memory(), Disk(), PyTorch()]);
        return findings;
    }

    private static Finding Images()
    {
        const string name = "image decoding";
        try
        {
            var grey = new RgbImage(1, 1, [1, 2, 3]);
            var same = ImageCodec.Decode(ImageCodec.EncodePng(grey), "a test picture").Pixels.SequenceEqual(grey.Pixels);
            return same ? Finding.Ok(name, "works") : Finding.Missing(name, "a PNG does not come back as it was written", "build again");
        }
        catch (Exception e) when (Loader(e) is { } failure)
        {
            return Finding.Missing(name, failure, "build on this machine: dotnet build brings the SkiaSharp of its platform");
        }
    }

    private static Finding Jpeg()
    {
        const string name = "JPEG decoding";
        if (ImageCodec.JpegDecoder == "libturbojpeg") return Finding.Ok(name, ImageCodec.JpegDecoder);
        return Finding.Slow(name, $"{ImageCodec.JpegDecoder}; libturbojpeg is two to three times as fast",
            Environment.GetEnvironmentVariable("NANOVLM_JPEG") == "skia"
                ? "NANOVLM_JPEG=skia is set; unset it"
                : "install libjpeg-turbo (Debian: apt-get install libturbojpeg0; macOS: brew install jpeg-turbo)");
    }

    private static Finding Processes() =>
        GlooLibrary.Missing is { } missing ? Finding.Absent("several processes", missing) : Finding.Ok("several processes", "by gloo");

    private static Finding Memory()
    {
        const string file = "/proc/meminfo";
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / GiB;
        var lines = File.Exists(file) ? File.ReadLines(file) : [];
        var available = lines.FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal));
        var free = available?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1] is { } kib
            ? Math.Min(total, double.Parse(kib, CultureInfo.InvariantCulture) * 1024 / GiB)
            : total;
        var value = string.Create(CultureInfo.InvariantCulture, $"{free:0.0} of {total:0.0} GiB free");
        return free >= 2
            ? Finding.Ok("memory", value)
            : Finding.Slow("memory", value, "the default run needs up to 2 GiB; close something, or lower train.batch_size");
    }

    private static Finding Disk()
    {
        try
        {
            var folder = Directory.GetCurrentDirectory();
            var free = new DriveInfo(folder).AvailableFreeSpace / GiB;
            var value = string.Create(CultureInfo.InvariantCulture, $"{free:0.0} GiB free in {folder}");
            return free >= 1
                ? Finding.Ok("disk", value)
                : Finding.Slow("disk", value, "data and checkpoints need about 1 GiB; make room, or set train.output_dir");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Finding.Absent("disk", $"cannot be asked: {e.Message}");
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
        return Finding.Absent("PyTorch", "not installed; only `nanovlm bench` needs it", "apt-get install python3-torch");
    }

    // What the loader says of a library that is not there, under whatever .NET wraps around it. TorchSharp's own search for libtorch ends
    // in a NotSupportedException.
    private static string? Loader(Exception e) => e switch
    {
        DllNotFoundException or BadImageFormatException or EntryPointNotFoundException or NotSupportedException => e.Message.Split('\n')[0],
        TypeInitializationException { InnerException: { } inner } => Loader(inner),
        _ => null,
    };
}
