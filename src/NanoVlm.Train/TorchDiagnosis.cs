using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using NanoVlm.Configuration;
using NanoVlm.Kernels;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>What <c>doctor</c> says of TorchSharp, libtorch and what they compute with.</summary>
internal static class TorchDiagnosis
{
    private static readonly string[] instructions = ["avx2", "avx512f", "avx512_bf16", "amx_bf16"];

    /// <summary>The findings. Throws what the loader throws where libtorch is not there.</summary>
    internal static IEnumerable<Finding> Findings()
    {
        var version = __version__;
        var choice = ComputeChoice.For(new TrainSection()); // sets the threads
        yield return Finding.Ok("TorchSharp", typeof(torch).Assembly.GetName().Version!.ToString(3));
        yield return Finding.Ok("libtorch", $"{version}, {PathOf("torch_cpu") ?? "place unknown"}");
        yield return Finding.Ok("BLAS", MklVersion() ?? "inside libtorch");
        yield return Finding.Ok("float32 matmul", Speed(ScalarType.Float32));
        yield return Finding.Ok("bfloat16 matmul", Speed(ScalarType.BFloat16));
        yield return Processor();
        yield return Finding.Ok("precision: auto", choice.Reason);
        yield return Threads();
        yield return CpuKernels();
        yield return cuda.is_available()
            ? Finding.Ok("CUDA", Invariant($"{cuda.device_count()} devices"))
            : Finding.Absent("CUDA", "no device, or a libtorch without CUDA", "build with -p:TorchPackage=TorchSharp-cuda-linux");
    }

    private static Finding Processor()
    {
        var flags = ComputeChoice.CpuFlags;
        var known = instructions.Select(name => flags.Contains(name) ? name : $"no {name}");
        var found = flags.Count == 0 ? "" : "; " + string.Join(", ", known);
        var value = Invariant($"{Environment.ProcessorCount} processors{found}");
        return flags.Count > 0 && !flags.Contains("avx2") && RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? Finding.Slow("CPU", value, "this CPU has no AVX2; expect training to be several times slower")
            : Finding.Ok("CPU", value);
    }

    private static Finding Threads()
    {
        var value = Invariant($"{get_num_threads()} for {Environment.ProcessorCount} processors (train.threads)");
        return string.Equals(Environment.GetEnvironmentVariable("OMP_WAIT_POLICY"), "active", StringComparison.OrdinalIgnoreCase)
            ? Finding.Slow("threads", value, "OMP_WAIT_POLICY=active: idle threads take the processors from those they wait for; unset it")
            : Finding.Ok("threads", value);
    }

    private static Finding CpuKernels()
    {
        const string name = "CPU kernels";
        if (Operators.Implementation == Implementation.Native) return Finding.Ok(name, Operators.Description);
        return Finding.Slow(name, Operators.Description,
            Environment.GetEnvironmentVariable("NANOVLM_KERNELS") is { } chosen
                ? $"NANOVLM_KERNELS={chosen} is set; unset it"
                : "install a C++ compiler (Debian: apt-get install g++) and build again");
    }

    // A plain C function that libtorch has where it was built with MKL.
    private static unsafe string? MklVersion()
    {
        if (!NativeLibrary.TryLoad("torch_cpu", typeof(torch).Assembly, null, out var library)) return null;
        if (!NativeLibrary.TryGetExport(library, "MKL_Get_Version_String", out var export)) return null;
        const int length = 200;
        var text = stackalloc byte[length];
        text[0] = 0;
        ((delegate* unmanaged[Cdecl]<byte*, int, void>)export)(text, length);
        return Marshal.PtrToStringUTF8((nint)text)?.Trim();
    }

    private static string? PathOf(string library)
    {
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().Select(module => module.FileName)
            .FirstOrDefault(path => Path.GetFileNameWithoutExtension(path) is var name && (name == library || name == $"lib{library}"));
    }

    private static string Speed(ScalarType dtype) => Invariant($"{MatmulRate.Measure(dtype, CPU) / 1e9:0.#} GFLOP/s");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
