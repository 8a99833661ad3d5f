using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NanoVlm.Weights;

namespace NanoVlm.Tests.Images;

/// <summary>The tensors of a golden's expected.safetensors, and the paths of the files beside it.</summary>
internal sealed class GoldenTensors(string golden)
{
    private readonly SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(Folders, golden, "expected.safetensors"));

    /// <summary>tests/goldens.</summary>
    public static string Folders { get; } = Locate();

    public IReadOnlyList<string> Names => file.Names;

    public string PathOf(string name) => Path.Combine(Folders, golden, name);

    public int[] Shape(string name) => [.. file[name].Shape.Select(side => (int)side)];

    public ReadOnlySpan<byte> Bytes(string name) => file.Bytes(name);

    public ReadOnlySpan<float> Floats(string name) => MemoryMarshal.Cast<byte, float>(file.Bytes(name));

    private static string Locate([CallerFilePath] string source = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(source)!, "../../goldens"));
}
