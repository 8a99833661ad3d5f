using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NanoVlm.Shared;

/// <summary>What a server was asked.</summary>
public sealed record ServedRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers)
{
    public string? this[string header] => Headers.GetValueOrDefault(header.ToLowerInvariant());

    /// <summary>Where the asked range begins, if one is asked for.</summary>
    public long? From => this["Range"] is { } range ? long.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture) : null;
}

/// <summary>What a server answers.</summary>
public sealed record ServedReply(int Status, params (string Name, string Value)[] Headers)
{
    public byte[] Body { get; init; } = [];

    /// <summary>The length to announce; the body's by default, none if negative.</summary>
    public long? Length { get; init; }

    /// <summary>After how many bytes of the body the connection breaks.</summary>
    public int? BreakAt { get; init; }

    /// <summary>What is waited for before anything is sent.</summary>
    public Task After { get; init; } = Task.CompletedTask;

    /// <summary>What is waited for before the connection breaks, or before it is closed.</summary>
    public Task Hold { get; init; } = Task.CompletedTask;
}

/// <summary>An HTTP server on a free port of the loopback, which can misbehave as no library's server can.</summary>
public sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource closed = new();
    private readonly Func<ServedRequest, ServedReply> answer;

    public LoopbackServer(Func<ServedRequest, ServedReply> answer)
    {
        this.answer = answer;
        listener.Start();
        Address = $"http://{listener.LocalEndpoint}";
        _ = Accept();
    }

    public string Address { get; }

    /// <summary>Every request so far, in order.</summary>
    public ConcurrentQueue<ServedRequest> Requests { get; } = [];

    public void Dispose()
    {
        closed.Cancel();
        listener.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true) _ = Serve(await listener.AcceptTcpClientAsync(closed.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task Serve(TcpClient client)
    {
        try
        {
            using var connection = client;
            using var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII);
            if (await reader.ReadLineAsync(closed.Token) is not { } line) return;
            var headers = new Dictionary<string, string>();
            while (await reader.ReadLineAsync(closed.Token) is { Length: > 0 } header)
                headers[header[..header.IndexOf(':')].ToLowerInvariant()] = header[(header.IndexOf(':') + 1)..].Trim();
            var request = new ServedRequest(line.Split(' ')[0], line.Split(' ')[1], headers);
            Requests.Enqueue(request);

            var reply = answer(request);
            await reply.After.WaitAsync(closed.Token);
            var length = reply.Length ?? reply.Body.Length;
            var head = $"HTTP/1.1 {reply.Status} {(HttpStatusCode)reply.Status}\r\nConnection: close\r\n" + (length < 0 ? "" : $"Content-Length: {length}\r\n")
                + string.Concat(reply.Headers.Select(header => $"{header.Name}: {header.Value}\r\n")) + "\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head), closed.Token);
            if (request.Method != "HEAD") await stream.WriteAsync(reply.Body.AsMemory(0, reply.BreakAt ?? reply.Body.Length), closed.Token);
            await stream.FlushAsync(closed.Token);
            await reply.Hold.WaitAsync(closed.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
        }
    }
}
