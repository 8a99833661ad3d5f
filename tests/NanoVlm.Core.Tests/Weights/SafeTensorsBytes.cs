using System.Buffers.Binary;
using System.Text;

namespace NanoVlm.Tests.Weights;

/// <summary>Builds files by hand, so that the reader is tested against bytes our writer would never write.</summary>
internal static class SafeTensorsBytes
{
    public static byte[] Of(string header, int dataLength) => Of(Encoding.UTF8.GetBytes(header), dataLength);

    public static byte[] Of(byte[] header, int dataLength)
    {
        var file = new byte[8 + header.Length + dataLength];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        header.CopyTo(file, 8);
        for (var i = 0; i < dataLength; i++)
            file[8 + header.Length + i] = (byte)(i + 1);
        return file;
    }
}
