using NanoVlm.Configuration;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Models;

/// <summary>Where and in what precision a program computes: chosen once, at its start, with the reason.</summary>
/// <param name="Device">The device.</param>
/// <param name="Dtype">The dtype of activations.</param>
/// <param name="Reason">For people: "precision bf16 (AVX512_BF16 found)".</param>
public sealed record ComputeChoice(Device Device, ScalarType Dtype, string Reason)
{
    /// <summary>Chooses for this machine, and sets libtorch's threads.</summary>
    /// <param name="train">What the configuration asks for.</param>
    /// <param name="localRank">This process's number among those on this machine: each takes a CUDA device of its own; null: it is alone.</param>
    /// <exception cref="NanoVlmException">CUDA is asked for and there is none, or too few devices.</exception>
    public static ComputeChoice For(TrainSection train, int? localRank = null)
    {
        var onCuda = train.Device == DeviceChoice.Cuda || (train.Device == DeviceChoice.Auto && cuda.is_available());
        if (onCuda && !cuda.is_available())
            throw new NanoVlmException("train.device is 'cuda', but this libtorch sees no CUDA device; use 'auto' or 'cpu', or build with -p:TorchPackage=TorchSharp-cuda-linux (or -windows).");
        if (onCuda && localRank >= cuda.device_count())
            throw new NanoVlmException($"This process has LOCAL_RANK={localRank}, but this machine has {cuda.device_count()} CUDA devices: start one process for each.");
        var device = !onCuda ? CPU : localRank is null ? CUDA : new Device(DeviceType.CUDA, localRank.Value);
        // libtorch's own default counts some virtual machines' processors as one.
        set_num_threads(train.Threads > 0 ? train.Threads
            : int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), out var threads) && threads > 0 ? threads : Environment.ProcessorCount);
        var (dtype, why) = (train.Precision, onCuda) switch
        {
            (Precision.Fp32, _) => (ScalarType.Float32, "as configured"),
            (Precision.Bf16, _) => (ScalarType.BFloat16, "as configured"),
            (_, true) => (ScalarType.BFloat16, "CUDA"),
            _ when CpuFlags.Contains("avx512_bf16") || CpuFlags.Contains("amx_bf16") => (ScalarType.BFloat16, "AVX512_BF16 found"),
            _ => (ScalarType.Float32, "this CPU has no AVX512_BF16"),
        };
        var name = dtype == ScalarType.BFloat16 ? "bf16" : "fp32";
        return new ComputeChoice(device, dtype, $"device {device}, precision {name} ({why}), {get_num_threads()} {(get_num_threads() == 1 ? "thread" : "threads")}");
    }

    /// <summary>The CPU's feature flags as Linux names them; empty elsewhere.</summary>
    public static IReadOnlySet<string> CpuFlags { get; } = ReadCpuFlags();

    private static HashSet<string> ReadCpuFlags()
    {
        const string file = "/proc/cpuinfo";
        if (!File.Exists(file)) return [];
        var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith("flags", StringComparison.Ordinal));
        return line is null ? [] : [.. line[(line.IndexOf(':') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)];
    }
}
