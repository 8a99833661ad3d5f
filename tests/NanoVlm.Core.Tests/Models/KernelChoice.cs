using NanoVlm.Kernels;

namespace NanoVlm.Tests.Models;

/// <summary>Tests that choose what computes the operators: the choice is the process's, so they run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class KernelChoice
{
    public const string Name = "kernel choice";
}

/// <summary>Computes the operators in one way until disposed. Where our kernels were not built, libtorch's stand in for them.</summary>
internal sealed class Kernel : IDisposable
{
    private readonly Implementation before = Operators.Implementation;

    private Kernel(Implementation implementation) => Operators.Implementation = implementation;

    public static Kernel Use(Implementation implementation) =>
        new(implementation == Implementation.Native && !NanoVlm.Native.KernelLibrary.Loaded ? Implementation.LibTorch : implementation);

    public static Kernel Fused(bool fused) => Use(fused ? Implementation.Native : Implementation.Composite);

    public void Dispose() => Operators.Implementation = before;
}
