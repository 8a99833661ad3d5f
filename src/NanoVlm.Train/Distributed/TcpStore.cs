using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Keys and values that all processes see, at a <see cref="TcpStoreServer"/> or torchrun's. Safe for several threads; one request at a time
/// goes out.
/// </summary>
internal sealed class TcpStore : IDisposable
{
    private const string Stranger = "what listens there is neither the store of NanoVlm nor that of torchrun since PyTorch 2.4";

    private readonly Socket socket;
    private readonly string prefix;
    private readonly Lock requests = new();

    /// <summary>Connects, and waits for the server to come.</summary>
    /// <param name="host">The server's host name or address.</param>
    /// <param name="port">Its port.</param>
    /// <param name="timeout">The longest wait for the server to come, and for any of its answers.</param>
    /// <param name="prefix">Comes before every key, so that several users share a server.</param>
    /// <exception cref="IOException">It did not come, or is something else.</exception>
    internal TcpStore(string host, int port, TimeSpan timeout, string prefix = "")
    {
        this.prefix = prefix;
        for (var patience = Stopwatch.StartNew(); ; Thread.Sleep(50))
        {
            socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                Connect(host, port, timeout - patience.Elapsed);
                break;
            }
            catch (SocketException error)
            {
                // Nobody listens yet, or the name is not known yet.
                socket.Dispose();
                if (patience.Elapsed >= timeout) throw new IOException(error.Message, error);
            }
        }
        try
        {
            Greet(timeout);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sets a key.</summary>
    internal void Set(string key, ReadOnlySpan<byte> value)
    {
        var request = Request(StoreProtocol.Set, key);
        request.Write(value);
        lock (requests) Send(request);
    }

    /// <summary>Sets a key.</summary>
    internal void Set(string key, string text) => Set(key, Encoding.UTF8.GetBytes(text));

    /// <summary>A key's value; null where it is not set. Does not wait.</summary>
    internal byte[]? Get(string key)
    {
        var check = Keys(StoreProtocol.Check, key);
        var get = Request(StoreProtocol.Get, key);
        lock (requests)
        {
            Send(check);
            if (Receive(1)[0] != StoreProtocol.Ready) return null;
            Send(get);
            var length = ReceiveNumber();
            if (length is < 0 or > StoreProtocol.LongestValue) throw Broken($"the store gave a value of {length} bytes for {key}");
            return Receive((int)length);
        }
    }

    /// <summary>A key's text; null where it is not set. Does not wait.</summary>
    internal string? GetText(string key) => Get(key) is { } value ? Encoding.UTF8.GetString(value) : null;

    /// <summary>Adds to a counter, which begins at 0, and gives its value.</summary>
    internal long Add(string key, long amount)
    {
        var request = Request(StoreProtocol.Add, key);
        request.Write(amount);
        lock (requests)
        {
            Send(request);
            return ReceiveNumber();
        }
    }

    /// <summary>Removes a key.</summary>
    /// <returns>Whether it was there.</returns>
    internal bool Delete(string key)
    {
        var request = Request(StoreProtocol.DeleteKey, key);
        lock (requests)
        {
            Send(request);
            return ReceiveNumber() == 1;
        }
    }

    /// <summary>Waits until a key is set. Other threads' requests wait as long.</summary>
    /// <returns>False when the time was up first.</returns>
    internal bool Wait(string key, TimeSpan timeout)
    {
        var request = Keys(StoreProtocol.Wait, key);
        lock (requests)
        {
            Send(request);
            try
            {
                if (socket.Poll(timeout, SelectMode.SelectRead)) return Receive(1)[0] == StoreProtocol.StopWaiting;
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                throw Broken(error.Message, error);
            }
            Send([StoreProtocol.CancelWait]);
            // The key may have come between the two; then both are answered.
            var came = false;
            while (Receive(1)[0] != StoreProtocol.WaitCanceled) came = true;
            return came;
        }
    }

    /// <summary>Disconnects.</summary>
    public void Dispose() => socket.Dispose();

    private void Connect(string host, int port, TimeSpan timeout)
    {
        using var limit = new CancellationTokenSource(timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero);
        try
        {
            socket.ConnectAsync(host, port, limit.Token).AsTask().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            throw new SocketException((int)SocketError.TimedOut);
        }
    }

    // A server of another kind closes the connection, or answers with something else.
    private void Greet(TimeSpan timeout)
    {
        var nonce = (uint)Environment.ProcessId;
        socket.ReceiveTimeout = socket.SendTimeout = (int)Math.Clamp(timeout.TotalMilliseconds, 1, int.MaxValue);
        List<byte> greeting = [StoreProtocol.Validate];
        greeting.Write(StoreProtocol.Magic);
        greeting.Add(StoreProtocol.Ping);
        greeting.Write(nonce);
        try
        {
            Send(greeting);
            if (BinaryPrimitives.ReadUInt32LittleEndian(Receive(sizeof(uint))) == nonce) return;
        }
        catch (IOException error)
        {
            throw new IOException($"{Stranger} ({error.Message})", error);
        }
        throw new IOException(Stranger);
    }

    private List<byte> Request(byte what, string key)
    {
        List<byte> request = [what];
        request.Write(prefix + key);
        return request;
    }

    private List<byte> Keys(byte what, string key)
    {
        List<byte> request = [what];
        request.Write(1L);
        request.Write(prefix + key);
        return request;
    }

    private void Send(List<byte> request)
    {
        try
        {
            var bytes = CollectionsMarshal.AsSpan(request);
            while (bytes.Length > 0) bytes = bytes[socket.Send(bytes)..];
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw Broken(error.Message, error);
        }
    }

    private long ReceiveNumber() => BinaryPrimitives.ReadInt64LittleEndian(Receive(sizeof(long)));

    private byte[] Receive(int count)
    {
        var bytes = new byte[count];
        try
        {
            for (var at = 0; at < count;)
            {
                var more = socket.Receive(bytes.AsSpan(at));
                if (more == 0) throw Broken("the store has closed the connection");
                at += more;
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw Broken(error.Message, error);
        }
        return bytes;
    }

    // After a request without its answer nothing that comes can be understood.
    private IOException Broken(string why, Exception? inner = null)
    {
        socket.Dispose();
        return new IOException(why, inner);
    }
}
