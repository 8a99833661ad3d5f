using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;

namespace NanoVlm.Bench;

/// <summary>
/// Another checkout of this repository, built there in Release. Its step is measured by its own bench: its assemblies and its native libraries are loaded into a
/// process of this program that has loaded nothing of this checkout's library, and its classes TrainingStep and StepSizes are found by their names.
/// </summary>
internal sealed class OtherCheckout(string folder)
{
    /// <summary>The command of this program that serves such a step; it is found before anything of the library is used.</summary>
    internal const string Command = "serve-checkout";

    /// <summary>Its bench program's assembly.</summary>
    private string Assembly { get; } = Path.GetFullPath(Path.Combine(folder, "bench", "NanoVlm.Bench", "bin", "Release", "net10.0", "NanoVlm.Bench.dll"));

    /// <summary>How tables call it.</summary>
    internal string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));

    /// <summary>Its bench program.</summary>
    internal string Program => Path.ChangeExtension(Assembly, OperatingSystem.IsWindows() ? "exe" : null);

    /// <summary>Fails unless it is there and built.</summary>
    internal OtherCheckout Found() => File.Exists(Assembly)
        ? this
        : throw new NanoVlmException($"{folder} is no built checkout: {Assembly} is absent. Build it there: dotnet build bench/NanoVlm.Bench -c Release");

    /// <summary>Starts and warms up its training step.</summary>
    internal StepProcess Step(StepCase of) => StepProcess.Own(Name, Command, folder, of.Model, of.Precision, of.Threads.ToString(CultureInfo.InvariantCulture));

    /// <summary>The other end of <see cref="Step"/>.</summary>
    internal void Serve(string model, string precision, int threads)
    {
        var bench = new Libraries(Assembly).LoadFromAssemblyPath(Assembly);
        var sizes = bench.GetType("NanoVlm.Bench.StepSizes", throwOnError: true)!.GetProperty(model == "tiny" ? "Tiny" : "NanoVlm222M", BindingFlags.Static | BindingFlags.NonPublic)!.GetValue(null);
        var type = bench.GetType("NanoVlm.Bench.TrainingStep", throwOnError: true)!;
        var constructor = type.GetConstructors(BindingFlags.Instance | BindingFlags.NonPublic).Single();
        var parameters = constructor.GetParameters();
        var scalarType = parameters[1].ParameterType;
        var torch = scalarType.DeclaringType!;
        torch.GetMethod("set_num_threads", [typeof(int)])!.Invoke(null, [threads]);
        object?[] arguments = [sizes, Enum.Parse(scalarType, precision == "bf16" ? "BFloat16" : "Float32"), .. new object?[parameters.Length - 2]];
        var step = constructor.Invoke(arguments);
        var run = type.GetMethod("Run", BindingFlags.Instance | BindingFlags.NonPublic)!;
        object?[] rest = new object?[run.GetParameters().Length];
        var version = (string)torch.GetProperty("__version__")!.GetValue(null)!;
        var count = (long)type.GetProperty("Parameters", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(step)!;
        StepProcess.Serve(version, count, number => run.Invoke(step, [number, .. rest.AsSpan(1)]));
    }

    private sealed class Libraries(string program) : AssemblyLoadContext("other checkout")
    {
        private readonly AssemblyDependencyResolver resolver = new(program);

        protected override Assembly? Load(AssemblyName name) => resolver.ResolveAssemblyToPath(name) is { } path ? LoadFromAssemblyPath(path) : null;

        protected override nint LoadUnmanagedDll(string name) => resolver.ResolveUnmanagedDllToPath(name) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
    }
}
