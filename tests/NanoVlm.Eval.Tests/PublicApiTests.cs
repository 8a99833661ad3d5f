using System.Runtime.CompilerServices;

namespace NanoVlm.Evaluation.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public void The_public_surface_is_the_approved_one() => PublicApi.AssertApproved(typeof(Evaluation.Running.EvaluationResult).Assembly, Beside("PublicApi.approved.txt"));

    private static string Beside(string file, [CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, file);
}
