using System.Net;
using System.Net.Sockets;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// Serves the store that ranks meet at (<see cref="StoreProtocol"/>). One thread of its own does everything, so a process whose other
/// threads are all at work still answers. Whoever does not speak the protocol is disconnected, and harms nobody else.
/// </summary>
internal sealed class TcpStoreServer : IDisposable
{
    private const long MostBytes = 256 << 20; // of all keys and values
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(50); // until Dispose is noticed

    private readonly Socket listener;
    private readonly Thread thread;
    private readonly Dictionary<string, byte[]> values = [];
    private readonly Dictionary<Socket, StoreConnection> connections = [];
    private long bytes;
    private volatile bool stop;

    /// <summary>Begins to serve.</summary>
    /// <param name="address">The address to listen at; null: all of this machine's.</param>
    /// <param name="port">The port; 0: a free one, see <see cref="Port"/>.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    internal TcpStoreServer(IPAddress? address, int port)
    {
        var dual = address is null && Socket.OSSupportsIPv6;
        address ??= dual ? IPAddress.IPv6Any : IPAddress.Any;
        listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (dual) listener.DualMode = true;
            listener.Bind(new IPEndPoint(address, port));
            listener.Listen(4096);
            listener.Blocking = false;
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw new IOException(error.Message, error);
        }
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        thread = new Thread(Serve) { IsBackground = true, Name = "store" };
        thread.Start();
    }

    /// <summary>The port it listens at.</summary>
    internal int Port { get; }

    /// <summary>Stops serving; all connections end.</summary>
    public void Dispose()
    {
        stop = true;
        thread.Join();
    }

    private void Serve()
    {
        while (!stop)
        {
            var all = connections.Values;
            List<Socket> readable = [listener, .. all.Where(connection => connection.Reads).Select(connection => connection.Socket)];
            List<Socket> writable = [.. all.Where(connection => connection.Writes).Select(connection => connection.Socket)];
            try
            {
                Socket.Select(readable, writable, null, Slice);
            }
            catch (SocketException)
            {
                continue; // one of them broke just now; its own call says so
            }
            foreach (var socket in readable)
                if (socket == listener) Accept();
                else if (connections.TryGetValue(socket, out var asking)) Attempt(asking, connection => connection.Receive());
            foreach (var socket in writable)
                if (connections.TryGetValue(socket, out var taking)) Attempt(taking, connection => connection.Send());
            foreach (var late in connections.Values.Where(connection => connection.IsLate).ToArray()) Close(late);
        }
        foreach (var connection in connections.Values) connection.Socket.Dispose();
        listener.Dispose();
    }

    private void Accept()
    {
        try
        {
            var socket = listener.Accept();
            socket.Blocking = false;
            socket.NoDelay = true;
            connections.Add(socket, new StoreConnection(socket, this));
        }
        catch (SocketException)
        {
            // It has gone already, or this process has no more file descriptors: others may close theirs.
            Thread.Sleep(1);
        }
    }

    private void Attempt(StoreConnection connection, Func<StoreConnection, bool> step)
    {
        bool goesOn;
        try
        {
            goesOn = step(connection);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or InvalidDataException)
        {
            goesOn = false;
        }
        if (!goesOn) Close(connection);
    }

    private void Close(StoreConnection connection)
    {
        connections.Remove(connection.Socket);
        connection.Socket.Dispose();
    }

    internal byte[]? Find(string key) => values.GetValueOrDefault(key);

    internal void Set(string key, byte[] value)
    {
        var more = value.Length - (values.TryGetValue(key, out var old) ? old.Length : -key.Length);
        if (bytes + more > MostBytes) throw new InvalidDataException("The store is full.");
        bytes += more;
        values[key] = value;
        foreach (var awaiting in connections.Values.Where(connection => connection.Awaits(key)).ToArray())
            Attempt(awaiting, connection => connection.Came(key));
    }

    internal bool Delete(string key)
    {
        if (!values.Remove(key, out var old)) return false;
        bytes -= key.Length + old.Length;
        return true;
    }
}
