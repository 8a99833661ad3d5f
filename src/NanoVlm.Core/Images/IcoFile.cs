using System.Buffers.Binary;

namespace NanoVlm.Images;

/// <summary>An icon: the same picture in several sizes, of which the largest is read.</summary>
internal static class IcoFile
{
    /// <summary>Refuses a truncated icon, of which Skia would read a smaller size that is still there.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">What the message calls the picture.</param>
    internal static void Check(ReadOnlySpan<byte> file, string name)
    {
        var count = file.Length < 6 ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(file[4..]);
        for (var i = 0; i < count; i++)
        {
            var entry = 6 + 16 * i;
            // The last numbers of an entry are the picture's length and its place.
            if (entry + 16 > file.Length || (long)Number(file, entry + 8) + Number(file, entry + 12) > file.Length)
                throw ImageCodec.Truncated(name, PictureFormat.Ico);
        }
    }

    private static uint Number(ReadOnlySpan<byte> file, int at) => BinaryPrimitives.ReadUInt32LittleEndian(file[at..]);
}
