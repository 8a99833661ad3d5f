using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace NanoVlm.Weights;

/// <summary>
/// Writes safetensors files byte for byte as the reference library does: the header padded with spaces to a multiple of 8,
/// tensors by element type (largest alignment first) and then by name, without holes.
/// </summary>
public static partial class SafeTensorsWriter
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// Writes a file: to a temporary name in the same folder, flushed to disk, then renamed, so that a reader sees the old file or
    /// the new one and nothing between.
    /// </summary>
    /// <param name="path">The file to write or replace.</param>
    /// <param name="tensors">The tensors, in any order.</param>
    /// <param name="metadata">The header's string map, written in its own order; none if null or empty.</param>
    /// <exception cref="NanoVlmException">A name appears twice or cannot be written, a shape is impossible, an entry wrote another
    /// number of bytes than its shape needs, or the file cannot be written.</exception>
    public static void Write(string path, IEnumerable<SafeTensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = Order(path, tensors);
        WriteAll([(path, ordered, Header(path, ordered, metadata))], index: null);
    }

    // All files under temporary names first, then renamed in turn, the index last.
    private static void WriteAll(IReadOnlyList<(string Path, SafeTensorsEntry[] Tensors, byte[] Header)> files, (string Path, byte[] Content)? index)
    {
        var renames = new List<(string From, string To)>();
        var path = "";
        try
        {
            foreach (var file in files)
            {
                path = file.Path;
                using var stream = Create();
                stream.Write(file.Header);
                foreach (var tensor in file.Tensors)
                    WriteTensor(path, stream, tensor);
                stream.Flush(flushToDisk: true);
            }

            if (index is { } json)
            {
                path = json.Path;
                using var stream = Create();
                stream.Write(json.Content);
                stream.Flush(flushToDisk: true);
            }

            foreach (var (from, to) in renames)
                File.Move(from, path = to, overwrite: true);
        }
        catch (Exception e)
        {
            foreach (var (from, _) in renames)
                File.Delete(from);
            if (e is IOException or UnauthorizedAccessException)
                throw new NanoVlmException($"{path}: cannot be written: {e.Message}", e);
            throw;
        }

        FileStream Create()
        {
            var full = Path.GetFullPath(path);
            var temporary = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Path.GetRandomFileName()}");
            var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
            renames.Add((temporary, full));
            return stream;
        }
    }

    private static SafeTensorsEntry[] Order(string path, IEnumerable<SafeTensorsEntry> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var keyed = new List<(SafeTensorsEntry Tensor, byte[] Name)>();
        foreach (var tensor in tensors)
        {
            if (tensor.Name == SafeTensorsHeader.MetadataKey)
                throw new NanoVlmException($"{path}: a tensor cannot be named {tensor.Name}");
            if (!names.Add(tensor.Name))
                throw new NanoVlmException($"{path}: two tensors are named '{tensor.Name}'");
            if (SafeTensorsHeader.ByteLength(tensor.DType, tensor.Shape) == null)
                throw new NanoVlmException($"{path}: tensor '{tensor.Name}' has the impossible shape [{string.Join(", ", tensor.Shape)}]");
            try
            {
                keyed.Add((tensor, StrictUtf8.GetBytes(tensor.Name)));
            }
            catch (EncoderFallbackException e)
            {
                throw new NanoVlmException($"{path}: the tensor name '{tensor.Name}' is not valid Unicode", e);
            }
        }

        keyed.Sort((a, b) => a.Tensor.DType != b.Tensor.DType
            ? b.Tensor.DType.CompareTo(a.Tensor.DType)
            : a.Name.AsSpan().SequenceCompareTo(b.Name));
        return [.. keyed.Select(pair => pair.Tensor)];
    }

    private static byte[] Header(string path, SafeTensorsEntry[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var json = new StringBuilder("{");
        if (metadata is { Count: > 0 })
        {
            AppendString(json, SafeTensorsHeader.MetadataKey);
            json.Append(":{");
            foreach (var (key, value) in metadata)
            {
                AppendString(json, key);
                json.Append(':');
                AppendString(json, value);
                json.Append(',');
            }

            json.Length--;
            json.Append("},");
        }

        long begin = 0;
        foreach (var tensor in tensors)
        {
            var end = checked(begin + SafeTensorsHeader.ByteLength(tensor.DType, tensor.Shape)!.Value);
            AppendString(json, tensor.Name);
            json.Append(CultureInfo.InvariantCulture,
                $":{{\"dtype\":\"{tensor.DType}\",\"shape\":[{string.Join(',', tensor.Shape)}],\"data_offsets\":[{begin},{end}]}},");
            begin = end;
        }

        if (json[^1] == ',')
            json.Length--;
        json.Append('}');

        byte[] text;
        try
        {
            text = StrictUtf8.GetBytes(json.ToString());
        }
        catch (EncoderFallbackException e)
        {
            throw new NanoVlmException($"{path}: the metadata holds a string that is not valid Unicode", e);
        }

        var padded = (text.Length + 7) / 8 * 8;
        if (padded > SafeTensorsHeader.MaxLength)
            throw new NanoVlmException($"{path}: the header would have {padded} bytes; at most {SafeTensorsHeader.MaxLength} are allowed");
        var header = new byte[8 + padded];
        BinaryPrimitives.WriteInt64LittleEndian(header, padded);
        text.CopyTo(header, 8);
        header.AsSpan(8 + text.Length).Fill((byte)' ');
        return header;
    }

    // Escapes what JSON demands and nothing else, as the reference library does; .NET's encoders escape more.
    private static void AppendString(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => json.Append("\\\""),
                '\\' => json.Append("\\\\"),
                '\b' => json.Append("\\b"),
                '\f' => json.Append("\\f"),
                '\n' => json.Append("\\n"),
                '\r' => json.Append("\\r"),
                '\t' => json.Append("\\t"),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        }

        json.Append('"');
    }

    private static void WriteTensor(string path, FileStream stream, SafeTensorsEntry tensor)
    {
        var begin = stream.Position;
        tensor.WriteTo(stream);
        var needed = SafeTensorsHeader.ByteLength(tensor.DType, tensor.Shape);
        if (stream.Position - begin != needed)
            throw new NanoVlmException($"{path}: tensor '{tensor.Name}' wrote {stream.Position - begin} bytes but "
                + $"{tensor.DType} of shape [{string.Join(", ", tensor.Shape)}] needs {needed}");
    }
}
