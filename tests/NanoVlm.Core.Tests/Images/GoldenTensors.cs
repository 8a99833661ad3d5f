using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace NanoVlm.Tests.Images;

/// <summary>The tensors of a golden's expected.safetensors, and the paths of the files beside it.</summary>
internal sealed class GoldenTensors
{
    private readonly byte[] data;
    private readonly int start;
    private readonly Dictionary<string, (int[] Shape, int Begin, int End)> entries = [];

    public GoldenTensors(string golden)
    {
        Folder = Path.Combine(Folders, golden);
        data = File.ReadAllBytes(Path.Combine(Folder, "expected.safetensors"));
        start = 8 + (int)MemoryMarshal.Read<long>(data);
        using var header = JsonDocument.Parse(data.AsMemory(8, start - 8));
        foreach (var entry in header.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            var offsets = entry.Value.GetProperty("data_offsets");
            entries[entry.Name] = ([.. entry.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt32())], offsets[0].GetInt32(), offsets[1].GetInt32());
        }
    }

    public string Folder { get; }

    public IEnumerable<string> Names => entries.Keys;

    public int[] Shape(string name) => entries[name].Shape;

    public ReadOnlySpan<byte> Bytes(string name) => data.AsSpan(start + entries[name].Begin, entries[name].End - entries[name].Begin);

    public ReadOnlySpan<float> Floats(string name) => MemoryMarshal.Cast<byte, float>(Bytes(name));

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>tests/goldens.</summary>
    public static string Folders { get; } = Locate();

    private static string Locate([CallerFilePath] string source = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(source)!, "../../goldens"));
}
