using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace NanoVlm.Training.Tests;

/// <summary>
/// What `dotnet publish -r` would put together, as the build itself lists it: half a gigabyte is not copied for a test. A first time
/// fetches the libtorch of the system that is asked for, some 60 MB.
/// </summary>
public sealed partial class PublishTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("win-x64", ".dll", "LibTorchSharp", "torch_cpu", "c10", "libiomp5md", "libSkiaSharp")]
    [InlineData("osx-arm64", ".dylib", "libLibTorchSharp", "libtorch_cpu", "libc10", "libomp", "libSkiaSharp")]
    public void A_program_for_another_system_has_the_native_libraries_of_that_system_and_no_other(
        string system, string extension, params string[] libraries)
    {
        var files = Published(system);
        Assert.Empty(libraries.Select(name => name + extension).Except(files.Select(file => file.Name)));
        Assert.All(files.Where(file => file.IsNative), file => Assert.Contains(Path.GetExtension(file.Name), new[] { extension, ".pdb" }));
        // Nor anything of this system, or what the build makes here.
        Assert.DoesNotContain(files, file => BuiltHere().IsMatch(file.Name));
        Assert.Contains(files, file => file.Name == (extension == ".dll" ? "NanoVlm.Train.exe" : "NanoVlm.Train"));
        Assert.Contains(files, file => file.Name == "configs/shapes.json");
    }

    [Fact]
    public void A_program_for_this_system_has_libtorch_and_the_libraries_that_were_built()
    {
        var system = RuntimeInformation.RuntimeIdentifier;
        var files = Published(system).Select(file => file.Name).ToHashSet();
        foreach (var library in new[] { "torch_cpu", "LibTorchSharp", "libSkiaSharp" })
            Assert.Contains(files, file => Path.GetFileNameWithoutExtension(file) is var name && name.EndsWith(library, StringComparison.Ordinal));
        var built = RepositoryFiles.At($"native/build/{system}");
        Assert.Empty(Directory.Exists(built) ? Directory.GetFiles(built).Select(Path.GetFileName).Except(files) : []);
    }

    public void Dispose() => folder.Dispose();

    // Restored and listed in a folder of its own, so that the repository's obj stays what it is.
    private List<(string Name, bool IsNative)> Published(string system)
    {
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        var environment = new Dictionary<string, string>
        {
            ["MSBUILDDISABLENODEREUSE"] = "1",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_NOLOGO"] = "1",
        };
        var listed = NanoVlmProgram.RunOther(
            dotnet, folder.Path, environment, "msbuild", RepositoryFiles.At("src/NanoVlm.Train/NanoVlm.Train.csproj"), "-restore",
            "-t:ResolveReferences;ComputeResolvedFilesToPublishList", "-getItem:ResolvedFileToPublish", "-p:Configuration=Release",
            $"-p:RuntimeIdentifier={system}", "-p:SelfContained=false", "-p:BuildProjectReferences=false", "-p:NoBuild=true",
            "-p:UseArtifactsOutput=true", $"-p:ArtifactsPath={folder["artifacts"]}").Succeeded();
        return [.. JsonNode.Parse(listed)!["Items"]!["ResolvedFileToPublish"]!.AsArray()
            .Select(file => (((string)file!["RelativePath"]!).Replace('\\', '/'), (string?)file["AssetType"] == "native"))];
    }

    [GeneratedRegex(@"\.so(\.|$)|nanovlm_(kernels|gloo)")]
    private static partial Regex BuiltHere();
}
