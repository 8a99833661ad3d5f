using System.Reflection;
using TorchSharp;
using Xunit.Sdk;

namespace NanoVlm.Shared;

/// <summary>
/// Fails a test (or every test of a class) that leaves more live tensors than it found. Live tensors are counted for the
/// whole process: put all tests of an assembly that use tensors in one collection, <see cref="TensorTests"/>.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class ChecksLeaksAttribute : BeforeAfterTestAttribute
{
    private long before;

    /// <inheritdoc/>
    public override void Before(MethodInfo methodUnderTest) => before = LeakCheck.LiveTensors();

    /// <inheritdoc/>
    public override void After(MethodInfo methodUnderTest) => LeakCheck.AssertNoneSince(before, methodUnderTest.Name);
}

/// <summary>The collection of the tests that use tensors: one at a time, so that live tensors can be counted.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class TensorTests
{
    /// <summary>For <c>[Collection(TensorTests.Name)]</c>.</summary>
    public const string Name = "tensors";
}

/// <summary>
/// Counts live tensors, by the memory they hold: TorchSharp's own count grows by one with every parameter that is made, and never falls.
/// </summary>
public static class LeakCheck
{
    private static readonly AllocationCounter? counter = AllocationCounter.IsSupported ? new() : null;

    /// <summary>Live tensors now, after what is already garbage is gone.</summary>
    public static long LiveTensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Count();
    }

    /// <summary>Fails when there are more live tensors than before, whether or not they are garbage already.</summary>
    public static void AssertNoneSince(long before, string what)
    {
        var now = Count(); // without a collection: what only a finalizer would release is a leak too
        Assert.True(now <= before, $"{what} leaked {now - before} tensors: dispose of them, or make them inside a dispose scope.");
    }

    /// <summary>Runs an action and fails when it leaves tensors behind.</summary>
    public static void AssertNone(Action action)
    {
        var before = LiveTensors();
        action();
        AssertNoneSince(before, "The action");
    }

    private static long Count()
    {
        NanoVlm.Native.AutogradNode.FreeSent(); // the gradients that libtorch got last are let go with the next call
        return counter?.Live ?? 0;
    }
}
