using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace NanoVlm.Weights;

/// <summary>
/// A memory-mapped safetensors file (https://huggingface.co/docs/safetensors): 8 bytes of header length, a JSON header, then
/// the tensors' bytes. The header is treated as hostile and checked whole in <see cref="Open"/>; after that every
/// tensor is known to lie inside the file. Reading from several threads is safe; disposing while another reads is not. Nothing
/// of libtorch is loaded before the first tensor is asked for.
/// </summary>
public sealed unsafe partial class SafeTensorsFile : IDisposable
{
    private readonly SafeFileHandle file;
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view; // of the whole file, to read only
    private readonly Dictionary<string, TensorInfo> tensors;
    private readonly long dataStart; // in the file
    private byte* data; // the data section in memory; null once disposed

    private SafeTensorsFile(string path, SafeFileHandle file, long length)
    {
        var header = ReadHeader(path, file, length);
        dataStart = 8 + header.Length;
        var (described, metadata) = SafeTensorsHeader.Parse(header, length - dataStart, path);
        Path = path;
        Tensors = described;
        Metadata = metadata;
        Names = [.. described.Select(tensor => tensor.Name)];
        tensors = described.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        this.file = file;
        map = MemoryMappedFile.CreateFromFile(file, null, length, MemoryMappedFileAccess.CopyOnWrite, HandleInheritability.None, leaveOpen: true);
        try
        {
            view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        }
        catch
        {
            map.Dispose();
            throw;
        }

        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        data = start + view.PointerOffset + dataStart;
    }

    /// <summary>The path the file was opened with.</summary>
    public string Path { get; }

    /// <summary>The tensors in the order of their data.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The tensors' names in the order of their data.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The header's <c>__metadata__</c>, in its order; empty if there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Maps a file and checks its header.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="NanoVlmException">The file cannot be read or its header is wrong; the message names file and tensor.</exception>
    public static SafeTensorsFile Open(string path)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            return new SafeTensorsFile(path, file, RandomAccess.GetLength(file));
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
                throw new NanoVlmException($"{path}: cannot be opened: {e.Message}", e);
            throw;
        }
    }

    // By reading, not through a mapping: what cannot be read is an error here, not a signal.
    private static byte[] ReadHeader(string path, SafeFileHandle file, long length)
    {
        if (length < 8)
            throw new NanoVlmException($"{path}: not a safetensors file: {(length == 0 ? "it is empty" : $"{length} bytes are too few to hold the header's length")}");
        var prefix = new byte[8];
        ReadExactly(file, prefix, 0);
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > (ulong)(length - 8))
            throw new NanoVlmException($"{path}: the header claims {headerLength} bytes but the file has only {length - 8} after its length; "
                + "the file is cut short or not safetensors");
        if (headerLength > SafeTensorsHeader.MaxLength)
            throw new NanoVlmException($"{path}: the header has {headerLength} bytes; at most {SafeTensorsHeader.MaxLength} are allowed");
        var header = new byte[headerLength];
        ReadExactly(file, header, 8);
        return header;
    }

    private static void ReadExactly(SafeFileHandle file, Span<byte> bytes, long offset)
    {
        while (bytes.Length > 0)
        {
            var count = RandomAccess.Read(file, bytes, offset);
            if (count == 0)
                throw new EndOfStreamException("the file was cut short meanwhile");
            bytes = bytes[count..];
            offset += count;
        }
    }

    /// <summary>Whether the file holds a tensor of this name.</summary>
    /// <param name="name">The tensor's name.</param>
    public bool Contains(string name) => tensors.ContainsKey(name);

    /// <summary>What the header says about a tensor.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <exception cref="NanoVlmException">There is no such tensor.</exception>
    public TensorInfo this[string name] => tensors.TryGetValue(name, out var info)
        ? info
        : throw new NanoVlmException($"{Path}: there is no tensor '{name}' among its {tensors.Count}");

    /// <summary>The tensor's bytes, little-endian and row-major, in place: valid until this file is disposed.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <exception cref="NanoVlmException">There is no such tensor, or it has more bytes than a span can hold (see <see cref="Address"/>).</exception>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var info = this[name];
        if (info.ByteLength > int.MaxValue)
            throw new NanoVlmException($"{Path}: tensor '{name}' has {info.ByteLength} bytes, more than a span can hold; read it by its address");
        return new ReadOnlySpan<byte>((byte*)Address(name), (int)info.ByteLength);
    }

    /// <summary>Where the tensor's <see cref="TensorInfo.ByteLength"/> bytes lie in memory: valid until this file is disposed.
    /// The address need not be a multiple of the element's size.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <exception cref="NanoVlmException">There is no such tensor.</exception>
    /// <exception cref="ObjectDisposedException">The file has been disposed.</exception>
    public nint Address(string name)
    {
        ObjectDisposedException.ThrowIf(data == null, this);
        return (nint)(data + this[name].Begin);
    }

    /// <summary>Closes the file. Spans and addresses taken from it must not be used any more; tensors may.</summary>
    public void Dispose()
    {
        if (data == null)
            return;
        data = null;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        map.Dispose();
        file.Dispose();
    }
}
