using System.Runtime.CompilerServices;

namespace NanoVlm.Training.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public void The_public_surface_is_the_approved_one() => PublicApi.AssertApproved(typeof(Trainer).Assembly, Beside("PublicApi.approved.txt"));

    [Fact]
    public void At_most_200_types_are_public() =>
        Assert.InRange(
            Directory.GetFiles(RepositoryFiles.At("tests"), "PublicApi.approved.txt", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 })
                .Sum(file => File.ReadLines(file).Count(line => line.Length > 0 && !char.IsWhiteSpace(line[0]))),
            100,
            200);

    private static string Beside(string file, [CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, file);
}
