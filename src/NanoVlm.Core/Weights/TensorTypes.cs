using TorchSharp;

namespace NanoVlm.Weights;

/// <summary>The element types that both safetensors and libtorch 1.13 have.</summary>
internal static class TensorTypes
{
    private static readonly (SafeTensorsDType File, torch.ScalarType Tensor)[] Pairs =
    [
        (SafeTensorsDType.F64, torch.ScalarType.Float64),
        (SafeTensorsDType.F32, torch.ScalarType.Float32),
        (SafeTensorsDType.F16, torch.ScalarType.Float16),
        (SafeTensorsDType.BF16, torch.ScalarType.BFloat16),
        (SafeTensorsDType.I64, torch.ScalarType.Int64),
        (SafeTensorsDType.I32, torch.ScalarType.Int32),
        (SafeTensorsDType.I16, torch.ScalarType.Int16),
        (SafeTensorsDType.I8, torch.ScalarType.Int8),
        (SafeTensorsDType.U8, torch.ScalarType.Byte),
        (SafeTensorsDType.BOOL, torch.ScalarType.Bool),
    ];

    public static IEnumerable<SafeTensorsDType> Known => Pairs.Select(pair => pair.File);

    public static torch.ScalarType? Find(SafeTensorsDType dtype)
    {
        foreach (var (file, tensor) in Pairs)
            if (file == dtype)
                return tensor;
        return null;
    }

    public static SafeTensorsDType? Find(torch.ScalarType type)
    {
        foreach (var (file, tensor) in Pairs)
            if (tensor == type)
                return file;
        return null;
    }
}
