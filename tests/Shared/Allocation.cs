namespace NanoVlm.Shared;

/// <summary>What an action allocates of managed memory.</summary>
public static class Allocation
{
    /// <summary>Fails when the action allocates more. What only the first use of some code allocates (tables, messages, types) does not count: where it was too much, it runs again.</summary>
    /// <param name="bytes">What is allowed.</param>
    /// <param name="action">Works on this thread; can run twice.</param>
    public static void AssertAtMost(long bytes, Action action)
    {
        if (Of(action) > bytes) Assert.InRange(Of(action), 0, bytes);
    }

    private static long Of(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
