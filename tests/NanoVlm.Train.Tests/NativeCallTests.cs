using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using NanoVlm.Evaluation.Analysis;
using NanoVlm.Models;

namespace NanoVlm.Training.Tests;

/// <summary>
/// Which systems a native function is for is written on it, and the compiler (CA1416) lets no call to it stand where another system could
/// come by. These tests hold that the first is done everywhere and the second is not turned off.
/// </summary>
public sealed partial class NativeCallTests
{
    // Ours and libtorch's: there, or asked for, on every system.
    private static readonly string[] everywhere = ["LibTorchSharp", "torch_cpu", "torch_cuda", "nanovlm_kernels"];

    // What POSIX has and macOS does as Linux does. setpriority, which is there for threads on Linux alone, is not among them.
    private static readonly string[] posix = ["close", "fsync", "kill", "open", "rename", "setenv"];

    public static TheoryData<Type> Assemblies => [typeof(VisionLanguageModel), typeof(LinearCka), typeof(Trainer)];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void A_function_of_a_library_that_not_every_system_has_says_where_it_is(Type inAssembly) =>
        Assert.DoesNotContain(Imports(inAssembly), import => !everywhere.Contains(import.Library) && import.Systems.Length == 0);

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void What_is_not_of_POSIX_is_called_on_Linux_alone(Type inAssembly) =>
        Assert.DoesNotContain(Imports(inAssembly), import =>
            !everywhere.Contains(import.Library) && !(import.Library == "libc" && posix.Contains(import.Function))
            && import.Systems is not ["linux"]);

    [Fact]
    public void Functions_are_found_with_their_systems()
    {
        var core = Imports(typeof(VisionLanguageModel)).ToList();
        Assert.Contains(core, import => import is { Library: "libc", Function: "memfd_create", Systems: ["linux"] });
        Assert.Contains(core, import => import is { Library: "libc", Function: "setenv", Systems: ["not windows"] });
        Assert.Contains(core, import => import is { Library: "LibTorchSharp", Systems: [] });
        Assert.Contains(Imports(typeof(Trainer)), import => import is { Library: "libnccl.so.2", Systems: ["linux"] }); // said of its class
        Assert.True(core.Count > 40, $"{core.Count}");
    }

    [Fact]
    public void The_compiler_checks_every_call()
    {
        Assert.Contains("dotnet_diagnostic.CA1416.severity = error", File.ReadAllLines(RepositoryFiles.At(".editorconfig")));
        foreach (var pattern in new[] { "*.cs", "*.csproj" })
            Assert.DoesNotContain(
                Directory.EnumerateFiles(RepositoryFiles.At("src"), pattern, SearchOption.AllDirectories),
                file => File.ReadAllText(file).Contains("CA1416", StringComparison.Ordinal));
    }

    private static IEnumerable<(string Library, string Function, string[] Systems)> Imports(Type inAssembly)
    {
        const BindingFlags all = BindingFlags.DeclaredOnly | BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public;
        foreach (var type in inAssembly.Assembly.GetTypes())
            foreach (var method in type.GetMethods(all))
                if (method.GetCustomAttribute<DllImportAttribute>() is { } import)
                {
                    var declared = type.GetMethods(all).Where(one => one.Name == NameOf(method)).Append<MemberInfo>(type);
                    yield return (import.Value, import.EntryPoint ?? method.Name, [.. declared.SelectMany(Systems)]);
                }
    }

    private static IEnumerable<string> Systems(MemberInfo member) => member.GetCustomAttributes<OSPlatformAttribute>().Select(attribute =>
        attribute is UnsupportedOSPlatformAttribute ? $"not {attribute.PlatformName}" : attribute.PlatformName);

    // The import that the generator makes of a method is a function inside of it.
    private static string NameOf(MethodInfo method) =>
        Inner().Match(method.Name) is { Success: true } match ? match.Groups[1].Value : method.Name;

    [GeneratedRegex("^<(.+)>g__")]
    private static partial Regex Inner();
}
