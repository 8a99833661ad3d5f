using System.Diagnostics;
using NanoVlm.Images;

namespace NanoVlm.Bench;

/// <summary>
/// A 640 x 480 JPEG (quality 85, 4:2:0) decoded and resized to 512 x 512 on one thread, beside Pillow where there is one. Times are of the
/// thread's processor, which other work on the machine disturbs least.
/// </summary>
internal static class ImageBenchmark
{
    private const int Size = 512;

    internal static void Run(int rounds)
    {
        var picture = Path.Combine(AppContext.BaseDirectory, "picture.jpg");
        var file = File.ReadAllBytes(picture);
        var image = ImageCodec.Decode(file, picture);
        var processor = new ImageProcessor(new ImageProcessorConfig { TileSize = Size, MaxSide = 2 * Size });
        Show("decode", rounds, () => ImageCodec.Decode(file, picture));
        foreach (var filter in new[] { ResampleFilter.Bilinear, ResampleFilter.Bicubic, ResampleFilter.Lanczos })
        {
            Show($"resize, {filter}", rounds, () => Resample.Resize(image, Size, Size, filter));
            Show($"decode + resize, {filter}", rounds, () => Resample.Resize(ImageCodec.Decode(file, picture), Size, Size, filter));
        }
        Show("decode + 5 tiles of 512", rounds, () => processor.Process(ImageCodec.Decode(file, picture)));
        Pillow(picture, rounds);
    }

    private static void Show(string what, int rounds, Action action)
    {
        const int images = 20;
        for (var warm = Stopwatch.StartNew(); warm.Elapsed.TotalSeconds < 1.5;) action(); // until the compiler has done its best
        var times = new double[rounds];
        for (var round = 0; round < rounds; round++)
        {
            var before = Environment.CpuUsage.TotalTime;
            for (var i = 0; i < images; i++) action();
            times[round] = (Environment.CpuUsage.TotalTime - before).TotalSeconds / images;
        }
        Array.Sort(times);
        Console.WriteLine(FormattableString.Invariant($"{what,-28}{1 / times[rounds / 2],8:F0} images/s a core   {times[rounds / 2] * 1e3:F2} ms ({times[0] * 1e3:F2} to {times[^1] * 1e3:F2})"));
    }

    private static void Pillow(string picture, int rounds)
    {
        const string script = """
            import io, sys, time
            import PIL
            from PIL import Image
            file = open(sys.argv[1], "rb").read()
            for name, filter in (("bilinear", 2), ("bicubic", 3), ("Lanczos", 1)):
                times = []
                for _ in range(int(sys.argv[2])):
                    start = time.process_time()
                    for _ in range(20):
                        Image.open(io.BytesIO(file)).convert("RGB").resize((512, 512), filter)
                    times.append((time.process_time() - start) / 20)
                times.sort()
                what = f"Pillow {PIL.__version__}, {name}"
                middle = times[len(times) // 2]
                print(f"{what:<28}{1 / middle:8.0f} images/s a core   {middle * 1e3:.2f} ms ({times[0] * 1e3:.2f} to {times[-1] * 1e3:.2f})")
            """;
        foreach (var python in new[] { "python3", "/usr/bin/python3" })
        {
            try
            {
                var start = new ProcessStartInfo(python) { RedirectStandardError = true, RedirectStandardOutput = true, ArgumentList = { "-c", script, picture, rounds.ToString() } };
                using var process = Process.Start(start)!;
                var error = process.StandardError.ReadToEndAsync();
                var output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                _ = error.Result;
                if (process.ExitCode != 0) continue;
                Console.Write(output);
                return;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // No such Python.
            }
        }
        Console.WriteLine("Pillow was not found (Debian: python3-pil)");
    }
}
