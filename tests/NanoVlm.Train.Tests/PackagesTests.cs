using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace NanoVlm.Training.Tests;

/// <summary>The packages as their users have them: packed into a feed, and referenced by the samples, which are programs outside of this repository.</summary>
public sealed class PackagesTests(Packages packages) : IClassFixture<Packages>
{
    [Theory]
    [InlineData("NanoVlm.Core", "TorchSharp", "nanovlm_kernels", "configs/shapes-tokenizer/tokenizer.json", "configs/dinov3_gemma.json", "buildTransitive/NanoVlm.Core.targets", "buildTransitive/LoadTorchSharp.cs")]
    [InlineData("NanoVlm.Eval", "NanoVlm.Core", null)]
    [InlineData("NanoVlm.Train", "NanoVlm.Eval", "nanovlm_gloo")]
    public void A_package_has_its_assembly_documentation_readme_licence_and_the_native_library_that_was_built(string name, string dependency, string? native, params string[] more)
    {
        packages.Packed.Succeeded();
        Assert.DoesNotContain("warning", packages.Packed.Output);
        var file = Assert.Single(Directory.GetFiles(packages.Feed, name + ".*.nupkg"));
        Assert.True(File.Exists(Path.ChangeExtension(file, ".snupkg")));
        using var package = ZipFile.OpenRead(file);
        string[] expected = [$"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml", "PACKAGE.md", .. more];
        Assert.Empty(expected.Except(package.Entries.Select(entry => entry.FullName)));
        // Native libraries are built where a compiler is.
        var platform = RepositoryFiles.At($"native/build/{Platform}");
        var built = native is null || !Directory.Exists(platform) ? [] : Directory.GetFiles(platform).Where(path => Path.GetFileNameWithoutExtension(path).EndsWith(native, StringComparison.Ordinal));
        Assert.Equal(built.Select(path => $"runtimes/{Platform}/native/{Path.GetFileName(path)}"), package.Entries.Select(entry => entry.FullName).Where(path => path.StartsWith("runtimes/", StringComparison.Ordinal)));

        using var stream = package.GetEntry(name + ".nuspec")!.Open();
        var metadata = XDocument.Load(stream).Root!.Elements().Single();
        string Text(string element) => metadata.Elements().Single(child => child.Name.LocalName == element).Value;
        Assert.Equal("Apache-2.0", Text("license"));
        foreach (var element in new[] { "authors", "description", "tags" }) Assert.True(Text(element).Length > 10, element);
        // libtorch is the choice of the program that takes the package.
        var dependencies = metadata.Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value).ToArray();
        Assert.Contains(dependency, dependencies);
        Assert.DoesNotContain(dependencies, id => id.StartsWith("libtorch", StringComparison.Ordinal) || id.StartsWith("TorchSharp-", StringComparison.Ordinal));
    }

    private static string Platform => RuntimeInformation.RuntimeIdentifier;

    [Fact]
    public void A_published_program_searches_pictures_with_a_DINOv3_tower()
    {
        packages.Packed.Succeeded();
        Directory.CreateDirectory(packages["dinov3"]);
        foreach (var file in new[] { "dinov3-vits16-like/config.json", "dinov3-vits16-like/model.safetensors", "processor-dinov3/preprocessor_config.json" })
            File.Copy(RepositoryFiles.At("tests/goldens/" + file), packages["dinov3/" + Path.GetFileName(file)]);
        Directory.CreateDirectory(packages["pictures"]);
        foreach (var file in new[] { "nanovlm-data/image1.jpg", "image-formats/rgb.jpg", "image-formats/progressive.jpg", "image-formats/lossy.webp", "nanovlm-data/image3.jpg", "nanovlm-data/image4.png" })
            File.Copy(RepositoryFiles.At("tests/goldens/" + file), packages["pictures/" + Path.GetFileName(file)]);

        packages.Dotnet("publish", "samples/ImageSearch", "-c", "Release", "-o", "search").Succeeded();
        var found = packages.Run(packages["search/ImageSearch"], "dinov3", "pictures", "pictures/rgb.jpg").Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(5, found.Length);
        Assert.StartsWith("1.000  ", found[0]);
        Assert.Contains("\"System.GC.Concurrent\": false", File.ReadAllText(packages["search/ImageSearch.runtimeconfig.json"]));
        Assert.Equal(["lossy.webp", "progressive.jpg", "rgb.jpg"], found[..3].Select(line => line.Split("  ")[1]).Order(StringComparer.Ordinal)); // the same picture, stored in three ways
    }

    [Fact]
    public void A_projector_of_ones_own_is_trained_in_under_60_lines()
    {
        packages.Packed.Succeeded();
        Assert.InRange(File.ReadLines(packages["samples/CustomProjector/Program.cs"]).Count(), 20, 59);
        var said = packages.Dotnet("run", "--project", "samples/CustomProjector", "-c", "Release", "--",
            "train.run_name=own", "train.max_steps=2", "train.batch_size=2", "train.eval_limit=2", "train.threads=1",
            "data.train[0].images=8", "data.train[0].validation=2", "data.train[0].test=2", "data.train[0].questions_per_image=1").Succeeded();
        Assert.Contains("2 steps, ", said);
        Assert.Contains("296,064 parameters in the projector", said);
        Assert.True(File.Exists(packages["checkpoints/own/report.html"]));
    }
}

/// <summary>The packages of this build in a feed, beside copies of the samples.</summary>
public sealed class Packages : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, string> environment;

    public Packages()
    {
        // Packages go to a cache of their own; what this repository is restored with is there already, so that no registry is asked.
        var restored = JsonNode.Parse(File.ReadAllText(RepositoryFiles.At("tests/NanoVlm.Train.Tests/obj/project.assets.json")))!["packageFolders"]!.AsObject();
        environment = new Dictionary<string, string>
        {
            ["NUGET_PACKAGES"] = folder["cache"],
            ["NUGET_FALLBACK_PACKAGES"] = string.Join(';', restored.Select(place => place.Key)),
            ["RestoreSources"] = Feed,
            ["UseSharedCompilation"] = "false", // no compiler stays behind
            ["MSBUILDDISABLENODEREUSE"] = "1",
            // Half a gigabyte of libtorch is not copied for a test.
            ["CreateSymbolicLinksForCopyLocalIfPossible"] = "true",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_NOLOGO"] = "1",
        };
        Copy(RepositoryFiles.At("samples"), folder["samples"]);
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        Packed = Dotnet("pack", RepositoryFiles.At("NanoVlm.sln"), "-c", configuration, "--no-build", "-o", Feed);
    }

    internal ProgramResult Packed { get; }

    internal string Feed => folder["artifacts/packages"];

    internal string this[string name] => folder[name];

    internal ProgramResult Dotnet(params string[] arguments) =>
        Run(Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet")), arguments);

    internal ProgramResult Run(string program, params string[] arguments) => NanoVlmProgram.RunOther(program, folder.Path, environment, arguments);

    public void Dispose() => folder.Dispose();

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var child in Directory.GetDirectories(from).Where(child => Path.GetFileName(child) is not ("bin" or "obj"))) Copy(child, Path.Combine(to, Path.GetFileName(child)));
    }
}
