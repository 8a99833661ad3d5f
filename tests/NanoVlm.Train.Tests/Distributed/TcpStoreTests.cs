using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NanoVlm.Training.Distributed;

namespace NanoVlm.Training.Tests.Distributed;

public sealed class TcpStoreTests : IDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(1);
    private readonly TcpStoreServer server = new(IPAddress.Loopback, 0);

    public void Dispose() => server.Dispose();

    [Fact]
    public void What_one_process_sets_the_others_get()
    {
        using var one = Connect();
        using var other = Connect();
        Assert.Null(other.Get("key"));
        Set(one, "key", "größer\n");
        Assert.Equal("größer\n", other.GetText("key"));
        Set(one, "key", "");
        Assert.Equal("", other.GetText("key"));
        Assert.Equal(3, one.Add("count", 3));
        Assert.Equal(-2, other.Add("count", -5));
        Assert.Equal("-2", other.GetText("count"));
        Assert.True(other.Delete("count"));
        Assert.False(one.Delete("count"));
        Assert.Null(one.Get("count"));
        var large = new byte[5_000_000];
        new Random(1).NextBytes(large);
        one.Set("large", large);
        Assert.True(other.Wait("large", patience));
        Assert.Equal(large, other.Get("large"));
    }

    [Fact]
    public void Users_with_other_prefixes_do_not_meet()
    {
        using var one = Connect("a/");
        using var other = Connect("b/");
        Set(one, "key", "mine");
        Assert.Null(other.Get("key"));
        using var all = Connect();
        Assert.Equal("mine", all.GetText("a/key"));
    }

    [Fact]
    public async Task A_wait_ends_when_the_key_comes_or_its_time_is_up()
    {
        using var one = Connect();
        using var other = Connect();
        Assert.False(other.Wait("key", TimeSpan.FromMilliseconds(50)));
        var waiting = Task.Run(() => other.Wait("key", patience));
        Assert.False(waiting.IsCompleted);
        one.Set("key", "");
        Assert.True(await waiting.WaitAsync(patience));
        Assert.True(other.Wait("key", TimeSpan.Zero));
        Assert.Equal("", other.GetText("key")); // nothing is left over of the waits
    }

    [Fact]
    public void Many_clients_count_together()
    {
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 16 }, _ =>
        {
            using var store = Connect();
            for (var i = 0; i < 100; i++) store.Add("count", 1);
        });
        using var reader = Connect();
        Assert.Equal("1600", reader.GetText("count"));
    }

    // The bytes of c10d, as PyTorch 2.10's client sends them (its own keys begin with '/').
    [Fact]
    public void The_wire_is_that_of_c10d()
    {
        using var client = Raw();
        Send(client, "00 cef7853c", "0d 78563412");
        Assert.Equal("78563412", Receive(client, 4));
        Send(client, "01 0200000000000000 2f6b 0300000000000000 616263");
        Send(client, "03 0200000000000000 2f6b");
        Assert.Equal("0300000000000000616263", Receive(client, 11));
        Send(client, "04 0200000000000000 2f6e ffffffffffffffff");
        Assert.Equal("ffffffffffffffff", Receive(client, 8));
        Send(client, "05 0200000000000000 0200000000000000 2f6b 0200000000000000 2f6e", "05 0100000000000000 0100000000000000 78");
        Assert.Equal("0001", Receive(client, 2));
        Send(client, "06 0100000000000000 0100000000000000 78", "0c");
        Assert.Equal("01", Receive(client, 1));
        Send(client, "08 0200000000000000 2f6b");
        Assert.Equal("0100000000000000", Receive(client, 8));
    }

    [Theory]
    [InlineData("474554202f20485454502f312e310d0a0d0a")] // GET / HTTP/1.1
    [InlineData("16030100a5010000")] // TLS
    [InlineData("0011223344")] // another number
    [InlineData("00cef7853c ff")] // a request that there is not
    [InlineData("00cef7853c 01ffffffffffffff7f")] // a key longer than memory
    [InlineData("00cef7853c 01ffffffffffffffff")] // of less than nothing
    [InlineData("00cef7853c 010100000000000000 78 0000000100000000")] // a value too large
    [InlineData("00cef7853c 05ffffffffffffff7f")] // keys without number
    [InlineData("00cef7853c 010100000000000000 78 0100000000000000 78 040100000000000000 78 0100000000000000")] // adds to a text
    public void Who_does_not_speak_the_protocol_is_disconnected_alone(string bytes)
    {
        using var before = Connect();
        using var stray = Raw();
        Send(stray, bytes);
        Assert.Equal(0, stray.Receive(new byte[1]));
        Set(before, "key", "still");
        using var after = Connect();
        Assert.Equal("still", after.GetText("key"));
    }

    [Fact]
    public void Clients_that_say_half_say_nothing_or_take_nothing_do_not_stop_the_others()
    {
        var strays = Enumerable.Range(0, 300).Select(_ => Raw()).ToList();
        for (var i = 0; i < strays.Count; i += 3) Send(strays[i], "00cef7853c 01ff");
        using var store = Connect();
        store.Set("large", new byte[4_000_000]);
        // It asks without end and reads nothing.
        var greedy = Raw();
        strays.Add(greedy);
        greedy.Blocking = false;
        Send(greedy, "00cef7853c");
        var request = Convert.FromHexString("030500000000000000" + Convert.ToHexString("large"u8));
        for (var i = 0; i < 1000; i++) greedy.Send(request, SocketFlags.None, out _);
        for (var i = 0; i < 100; i++) Assert.Equal(i + 1, store.Add("count", 1));
        foreach (var stray in strays) stray.Dispose();
        Assert.Equal(101, store.Add("count", 1));
    }

    [Fact]
    public void Values_without_end_are_refused_before_memory_is_full()
    {
        using var store = Connect();
        Assert.Throws<IOException>(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                store.Set($"{i}", new byte[8 << 20]);
                store.Add("count", 1);
            }
        });
        using var other = Connect();
        Assert.InRange(other.Add("count", 0), 20, 40);
    }

    [Fact]
    public void A_client_whose_server_ends_says_so()
    {
        using var store = Connect();
        server.Dispose();
        Assert.Throws<IOException>(() => store.Get("key"));
        Assert.Throws<IOException>(() => store.Get("key"));
        var watch = Stopwatch.StartNew();
        Assert.Throws<IOException>(() => new TcpStore("127.0.0.1", server.Port, TimeSpan.FromSeconds(0.3)));
        Assert.True(watch.Elapsed >= TimeSpan.FromSeconds(0.3));
    }

    [Fact]
    public async Task A_client_waits_for_a_server_that_comes_late_and_refuses_another_kind()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;
        var error = Assert.Throws<IOException>(() => new TcpStore("127.0.0.1", port, TimeSpan.FromSeconds(0.3)));
        Assert.Contains("since PyTorch 2.4", error.Message);
        var taken = Assert.Throws<IOException>(() => new TcpStoreServer(IPAddress.Loopback, port));
        Assert.Contains("in use", taken.Message);
        silent.Stop();
        var connecting = Task.Run(() => new TcpStore("127.0.0.1", port, patience));
        await Task.Delay(200);
        using var late = new TcpStoreServer(IPAddress.Loopback, port);
        using var store = await connecting.WaitAsync(patience);
        Assert.Equal(1, store.Add("count", 1));
    }

    private TcpStore Connect(string prefix = "") => new("127.0.0.1", server.Port, patience, prefix);

    // Nothing answers a set: what is asked next on the same connection says that it is done.
    private static void Set(TcpStore store, string key, string text)
    {
        store.Set(key, text);
        Assert.Equal(text, store.GetText(key));
    }

    private Socket Raw()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = (int)patience.TotalMilliseconds,
        };
        socket.Connect(IPAddress.Loopback, server.Port);
        return socket;
    }

    private static void Send(Socket socket, params string[] messages)
    {
        foreach (var message in messages) socket.Send(Convert.FromHexString(message.Replace(" ", "", StringComparison.Ordinal)));
    }

    private static string Receive(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var more = socket.Receive(bytes.AsSpan(at));
            Assert.NotEqual(0, more);
            at += more;
        }
        return Convert.ToHexStringLower(bytes);
    }
}
