using System.Buffers;

namespace NanoVlm.Text.Decoders;

/// <summary>Joins the bytes that byte-level tokens spell; what is not UTF-8 becomes U+FFFD.</summary>
internal sealed class ByteLevel : Decoder
{
    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens)
    {
        var bytes = new ArrayBufferWriter<byte>(4 * tokens.Count + 1);
        foreach (string token in tokens)
            ByteAlphabet.AppendBytes(token, bytes);
        return [System.Text.Encoding.UTF8.GetString(bytes.WrittenSpan)];
    }
}
