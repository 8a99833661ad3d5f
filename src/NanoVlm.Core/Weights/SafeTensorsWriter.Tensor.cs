using TorchSharp;

namespace NanoVlm.Weights;

public static partial class SafeTensorsWriter
{
    /// <summary>Writes tensors, from any device and with any strides, as <see cref="Write(string, IEnumerable{SafeTensorsEntry}, IReadOnlyDictionary{string, string})"/> does.
    /// They must stay as they are until it returns.</summary>
    /// <param name="path">The file to write or replace.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">The header's string map; none if null or empty.</param>
    /// <exception cref="NanoVlmException">The file has no such element type (complex numbers), or it cannot be written.</exception>
    public static void Write(
        string path, IReadOnlyDictionary<string, torch.Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(path, tensors.Select(pair => Entry(path, pair.Key, pair.Value)), metadata);

    private static SafeTensorsEntry Entry(string path, string name, torch.Tensor tensor)
    {
        var dtype = TensorTypes.Find(tensor.dtype)
            ?? throw new NanoVlmException($"{path}: tensor '{name}' is {tensor.dtype}, which safetensors cannot hold");
        return new SafeTensorsEntry(name, dtype, tensor.shape, stream =>
        {
            using var scope = torch.NewDisposeScope();
            tensor.detach().cpu().contiguous().WriteBytesToStream(stream, bufferSize: 1 << 20);
        });
    }
}
