using NanoVlm.Layers;

namespace NanoVlm.Tests.Models;

/// <summary>Tests that choose between fused kernels and composites: the choice is the process's, so they run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class KernelChoice
{
    public const string Name = "kernel choice";
}

/// <summary>Uses the fused kernels or the composites until disposed.</summary>
internal sealed class Kernel : IDisposable
{
    private readonly bool before = Kernels.Fused;

    private Kernel(bool fused) => Kernels.Fused = fused;

    public static Kernel Fused(bool fused) => new(fused);

    public void Dispose() => Kernels.Fused = before;
}
