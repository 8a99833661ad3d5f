using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Shared;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>
/// The memory that training steps take beside the estimate of it, for three architectures at their size and each option that saves memory: each case in a process
/// of its own, whose peak is Linux's VmHWM.
/// </summary>
internal static class MemoryBenchmark
{
    private sealed record Case(string Model, string Option, TrainSection Train, int Rows, int Tokens, int Tiles);

    private static readonly Case[] cases =
    [
        new("shapes", "", new() { BatchSize = 16 }, 16, 384, 1),
        new("nanovlm_222m", "", new(), 4, 128, 1),
        new("nanovlm_222m", "activation_checkpointing=vision", new() { ActivationCheckpointing = ActivationCheckpointing.Vision }, 4, 128, 1),
        new("nanovlm_222m", "activation_checkpointing=language", new() { ActivationCheckpointing = ActivationCheckpointing.Language }, 4, 128, 1),
        new("nanovlm_222m", "activation_checkpointing=all", new() { ActivationCheckpointing = ActivationCheckpointing.All }, 4, 128, 1),
        new("nanovlm_222m", "optimizer_state=bf16", new() { OptimizerState = OptimizerState.Bf16 }, 4, 128, 1),
        new("nanovlm_222m", "lr_vision=0", new() { LrVision = 0 }, 4, 128, 1),
        new("nanovlm_222m", "lr_vision=0, lr_language=0", new() { LrVision = 0, LrLanguage = 0 }, 4, 128, 1),
        new("nanovlm_222m", "", new(), 16, 128, 1),
        new("nanovlm_222m", "activation_checkpointing=all", new() { ActivationCheckpointing = ActivationCheckpointing.All }, 16, 128, 1),
        new("nanovlm_222m", "lr_language=0", new() { LrLanguage = 0 }, 8, 256, 1),
        new("dinov3_gemma", "", new(), 1, 512, 1),
        new("dinov3_gemma", "", new(), 2, 256, 1),
        new("dinov3_gemma", "activation_checkpointing=all, optimizer_state=bf16", new() { ActivationCheckpointing = ActivationCheckpointing.All, OptimizerState = OptimizerState.Bf16 }, 2, 256, 1),
    ];

    internal static void Run(int threads)
    {
        Console.WriteLine($"{"",-80}{"estimate",10}{"measured",10}{"ratio",8}{"seconds",9}");
        for (var i = 0; i < cases.Length; i++)
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
            if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(MemoryBenchmark).Assembly.Location);
            foreach (var argument in new[] { "memory", "--case", i.ToString(CultureInfo.InvariantCulture), "--threads", threads.ToString(CultureInfo.InvariantCulture) }) start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            var line = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0) throw new NanoVlmException($"the case {cases[i].Model} {cases[i].Option} failed");
            var found = JsonSerializer.Deserialize<Measured>(line)!;
            var peak = Estimate(cases[i]).Peak;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{$"{cases[i].Model}, {cases[i].Rows} x {cases[i].Tokens} tokens{(cases[i].Option == "" ? "" : ", " + cases[i].Option)}",-80}{peak >> 20,6} MiB{found.Peak >> 20,6} MiB{(double)peak / found.Peak,8:F3}{found.Seconds,9:F1}   (begins at {found.Before >> 20}, tensors {found.Tensors >> 20} MiB)"));
        }
    }

    /// <summary>Runs three steps of a case in this process and prints what they took.</summary>
    internal static void Measure(int number)
    {
        var (before, architecture) = (0L, cases[number]);
        Console.Error.WriteLine($"{architecture.Model} {architecture.Option}: {Estimate(architecture)}");
        using (var warm = rand(64, 64).requires_grad_()) warm.matmul(warm).sum().backward();
        before = Figures.PeakBytes();
        using var counter = new AllocationCounter();
        using var step = new TrainingStep(new StepSizes(architecture.Model, Config(architecture.Model), architecture.Rows, architecture.Tokens, 0), ScalarType.Float32, architecture.Train);
        for (var i = 0; i < 2; i++) step.Run(i);
        var clock = Stopwatch.StartNew();
        step.Run(2);
        Console.WriteLine(JsonSerializer.Serialize(new Measured(before, counter.PeakBytes, Figures.PeakBytes(), clock.Elapsed.TotalSeconds)));
    }

    private static MemoryEstimate Estimate(Case of) => MemoryEstimate.Of(Config(of.Model), of.Train, StepShape.Of(Config(of.Model), of.Rows, of.Tokens, of.Tiles), new StepPrecision());

    private static VlmConfig Config(string model) => model switch
    {
        "shapes" => RunConfig.Load().ToVlmConfig(600),
        "nanovlm_222m" => StepSizes.NanoVlm222M.Config,
        _ => StepSizes.Dinov3Gemma.Config,
    };

    private sealed record Measured(long Before, long Tensors, long Peak, double Seconds);
}
