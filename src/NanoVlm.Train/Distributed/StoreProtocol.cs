using System.Buffers.Binary;
using System.Text;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// What a key-value store is asked, and how: the protocol of c10d's TCPStore since PyTorch 2.4
/// (torch/csrc/distributed/c10d/TCPStoreLibUvBackend.cpp), so that ranks find each other through torchrun's store too. A request is a byte
/// that says which, then keys and values, each behind its length, and numbers; everything is little-endian. A connection begins with <see
/// cref="Validate"/>.
/// </summary>
internal static class StoreProtocol
{
    internal const byte Validate = 0, Set = 1, Get = 3, Add = 4, Check = 5, Wait = 6, DeleteKey = 8, CancelWait = 12, Ping = 13;
    internal const byte Ready = 0, NotReady = 1; // answers to Check
    internal const byte StopWaiting = 0, WaitCanceled = 1; // answers to Wait and CancelWait
    internal const uint Magic = 0x3C85F7CE;
    internal const int LongestKey = 8 << 10, LongestValue = 8 << 20;

    internal static void Write(this List<byte> message, uint number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, number);
        message.AddRange(bytes);
    }

    internal static void Write(this List<byte> message, long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        message.AddRange(bytes);
    }

    internal static void Write(this List<byte> message, ReadOnlySpan<byte> value)
    {
        message.Write(value.Length);
        message.AddRange(value);
    }

    internal static void Write(this List<byte> message, string text) => message.Write(Encoding.UTF8.GetBytes(text));
}
