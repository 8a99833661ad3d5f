using System.Diagnostics;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// What gloo asks the store while ranks connect. Exceptions cannot cross native frames: methods give false or null on failure and keep the
/// reason.
/// </summary>
internal sealed class GlooRendezvous(TcpStore store, TimeSpan limit, CancellationToken abandoned)
{
    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(0.5); // a wait keeps others from the store

    /// <summary>Why a method failed.</summary>
    internal Exception? Failure { get; private set; }

    internal bool Set(string key, ReadOnlySpan<byte> value)
    {
        try
        {
            store.Set(Name(key), value);
            return true;
        }
        catch (Exception error)
        {
            Failure = error;
            return false;
        }
    }

    /// <summary>Waits for a key first, as gloo expects.</summary>
    internal byte[]? Get(string key)
    {
        if (!Wait(key, limit)) return null;
        try
        {
            return store.Get(Name(key));
        }
        catch (Exception error)
        {
            Failure = error;
            return null;
        }
    }

    internal bool Wait(string key, TimeSpan timeout)
    {
        try
        {
            for (var patience = Stopwatch.StartNew(); !abandoned.IsCancellationRequested && patience.Elapsed < timeout;)
                if (store.Wait(Name(key), Slice)) return true;
        }
        catch (Exception error)
        {
            Failure = error;
        }
        return false;
    }

    private static string Name(string key) => $"gloo/{key}";
}
