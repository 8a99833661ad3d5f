using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// One client of a <see cref="TcpStoreServer"/>: what came of its next request, and what it has not taken yet of its answers.
/// </summary>
/// <remarks>Nothing here blocks. An <see cref="InvalidDataException"/> means that the client must be disconnected.</remarks>
internal sealed class StoreConnection(Socket socket, TcpStoreServer store)
{
    private const int MostUntaken = 16 << 20; // bytes of answers
    private const int MostKeys = 1 << 10; // in one request
    private static readonly TimeSpan Greeting = TimeSpan.FromSeconds(10);

    private readonly Stopwatch age = Stopwatch.StartNew();
    private readonly List<byte> answers = [];
    private readonly HashSet<string> awaited = [];
    private byte[] arrived = new byte[512];
    private int count; // of the bytes in it
    private bool greeted;

    internal Socket Socket => socket;

    /// <summary>Whether there are answers to send.</summary>
    internal bool Writes => answers.Count > 0;

    /// <summary>Whether more requests are taken: those of a client that takes no answers wait.</summary>
    internal bool Reads => answers.Count < MostUntaken;

    /// <summary>Whether it should have greeted long ago.</summary>
    internal bool IsLate => !greeted && age.Elapsed > Greeting;

    /// <summary>Takes what has come, and answers all that is whole.</summary>
    /// <returns>False where the client has gone.</returns>
    internal bool Receive()
    {
        if (count == arrived.Length) Array.Resize(ref arrived, 2 * count);
        var more = socket.Receive(arrived.AsSpan(count), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock) return true;
        if (error != SocketError.Success || more == 0) return false;
        count += more;
        return AnswerAll();
    }

    /// <summary>Sends what the client takes, and goes on with what it has asked meanwhile.</summary>
    /// <returns>False where it has gone.</returns>
    internal bool Send() => Flush() && AnswerAll();

    /// <summary>Whether the client waits for a key.</summary>
    internal bool Awaits(string key) => awaited.Contains(key);

    /// <summary>Ends the client's wait if a key was the last that it waited for.</summary>
    /// <returns>False where it has gone.</returns>
    internal bool Came(string key)
    {
        awaited.Remove(key);
        if (awaited.Count > 0) return true;
        answers.Add(StoreProtocol.StopWaiting);
        return Flush();
    }

    private bool AnswerAll()
    {
        for (var whole = true; whole && Reads;)
        {
            var taken = 0;
            while (whole && Reads)
            {
                var request = new Reader(arrived.AsSpan(taken, count - taken));
                whole = Answer(ref request);
                if (whole) taken += request.Position;
            }
            arrived.AsSpan(taken, count - taken).CopyTo(arrived);
            count -= taken;
            if (count == 0 && arrived.Length > 1 << 16) arrived = new byte[512];
            if (!Flush()) return false;
        }
        return true;
    }

    private bool Flush()
    {
        if (answers.Count == 0) return true;
        var sent = socket.Send(CollectionsMarshal.AsSpan(answers), SocketFlags.None, out var error);
        if (error is not (SocketError.Success or SocketError.WouldBlock)) return false;
        answers.RemoveRange(0, sent);
        return true;
    }

    // False where the request is not whole yet; then nothing has happened.
    private bool Answer(ref Reader request)
    {
        if (!request.TryByte(out var what)) return false;
        if (!greeted && what != StoreProtocol.Validate) throw new InvalidDataException("The client does not speak the store's protocol.");
        switch (what)
        {
            case StoreProtocol.Validate:
                if (!request.TryNumber(out uint magic)) return false;
                if (magic != StoreProtocol.Magic) throw new InvalidDataException("The client does not speak the store's protocol.");
                return greeted = true;
            case StoreProtocol.Ping:
                if (!request.TryNumber(out uint nonce)) return false;
                answers.Write(nonce);
                return true;
            case StoreProtocol.Set:
                {
                    if (!request.TryKey(out var key) || !request.TryBytes(StoreProtocol.LongestValue, out var value)) return false;
                    store.Set(key, value.ToArray());
                    return true;
                }
            case StoreProtocol.Get:
                {
                    if (!request.TryKey(out var key)) return false;
                    answers.Write(store.Find(key) ?? []);
                    return true;
                }
            case StoreProtocol.Add:
                {
                    if (!request.TryKey(out var key) || !request.TryNumber(out long amount)) return false;
                    var sum = amount;
                    if (store.Find(key) is { } before)
                        sum += long.TryParse(before, CultureInfo.InvariantCulture, out var number)
                            ? number
                            : throw new InvalidDataException("What is added to is not a number.");
                    store.Set(key, Encoding.ASCII.GetBytes(sum.ToString(CultureInfo.InvariantCulture)));
                    answers.Write(sum);
                    return true;
                }
            case StoreProtocol.Check:
                {
                    if (!TryKeys(ref request, out var keys)) return false;
                    answers.Add(keys.All(key => store.Find(key) is not null) ? StoreProtocol.Ready : StoreProtocol.NotReady);
                    return true;
                }
            case StoreProtocol.Wait:
                {
                    if (!TryKeys(ref request, out var keys)) return false;
                    awaited.Clear();
                    awaited.UnionWith(keys.Where(key => store.Find(key) is null));
                    if (awaited.Count == 0) answers.Add(StoreProtocol.StopWaiting);
                    return true;
                }
            case StoreProtocol.CancelWait:
                awaited.Clear();
                answers.Add(StoreProtocol.WaitCanceled);
                return true;
            case StoreProtocol.DeleteKey:
                {
                    if (!request.TryKey(out var key)) return false;
                    answers.Write(store.Delete(key) ? 1L : 0);
                    return true;
                }
            default: throw new InvalidDataException("The client asks for what this store does not have.");
        }
    }

    private static bool TryKeys(ref Reader request, out string[] keys)
    {
        keys = [];
        if (!request.TryNumber(out long number)) return false;
        if (number is < 0 or > MostKeys) throw new InvalidDataException("Too many keys.");
        var all = new string[number];
        for (var i = 0; i < all.Length; i++)
            if (!request.TryKey(out all[i])) return false;
        keys = all;
        return true;
    }

    // Takes parts of a request; every method gives false where they have not all come.
    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> bytes = bytes;

        internal int Position { get; private set; }

        internal bool TryByte(out byte value)
        {
            var there = TryTake(1, out var taken);
            value = there ? taken[0] : default;
            return there;
        }

        internal bool TryNumber(out uint value)
        {
            var there = TryTake(sizeof(uint), out var taken);
            value = there ? BinaryPrimitives.ReadUInt32LittleEndian(taken) : default;
            return there;
        }

        internal bool TryNumber(out long value)
        {
            var there = TryTake(sizeof(long), out var taken);
            value = there ? BinaryPrimitives.ReadInt64LittleEndian(taken) : default;
            return there;
        }

        internal bool TryKey(out string key)
        {
            var there = TryBytes(StoreProtocol.LongestKey, out var taken);
            key = there ? Encoding.UTF8.GetString(taken) : "";
            return there;
        }

        internal bool TryBytes(int most, out ReadOnlySpan<byte> value)
        {
            value = default;
            if (!TryNumber(out long length)) return false;
            if (length < 0 || length > most) throw new InvalidDataException($"A key or value of {length} bytes is too long.");
            return TryTake((int)length, out value);
        }

        private bool TryTake(int length, out ReadOnlySpan<byte> taken)
        {
            taken = default;
            if (bytes.Length - Position < length) return false;
            taken = bytes.Slice(Position, length);
            Position += length;
            return true;
        }
    }
}
