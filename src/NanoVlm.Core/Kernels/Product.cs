using NanoVlm.Native;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

// Matrix products of the kernel library, which the linear layer and the loss are made of.
public static partial class Operators
{
    // a [m, k] times b [k, n], any strides, plus bias [n]. Where the CPU multiplies bfloat16 in hardware, libtorch's product (oneDNN) is the faster one.
    private static Tensor Product(Tensor a, Tensor b, ScalarType result, Tensor? bias = null)
    {
        if (a.dtype == ScalarType.BFloat16 && KernelLibrary.BFloat16Hardware && a.numel() > 0 && b.numel() > 0)
        {
            var narrow = b.to(ScalarType.BFloat16);
            return (bias is null ? mm(a, narrow) : addmm(bias.to(ScalarType.BFloat16), a, narrow, 1, 1)).to(result);
        }
        var c = empty(a.shape[0], b.shape[1], result);
        Multiply(a, b, c, bias);
        return c;
    }

    // c [m, n] = a b + bias, or c += a b in float32.
    private static void Multiply(Tensor a, Tensor b, Tensor c, Tensor? bias = null, bool accumulate = false)
    {
        var floats = bias is null ? null : AsFloat(bias);
        var product = new ProductArguments
        {
            M = a.shape[0],
            N = b.shape[1],
            K = a.shape[1],
            A = At(a),
            ARow = a.stride(0),
            AColumn = a.stride(1),
            AType = TypeOf(a),
            B = At(b),
            BRow = b.stride(0),
            BColumn = b.stride(1),
            BType = TypeOf(b),
            C = At(c),
            CRow = c.shape[1],
            CType = TypeOf(c),
            Bias = At(floats),
            Accumulate = accumulate ? 1 : 0,
        };
        var threads = Threads;
        KernelLibrary.Gemm(product, Scratch(KernelLibrary.GemmScratch(product, threads)), threads);
    }

    // A weight as Product takes it beside inputs of a dtype: narrowed once for all its products where they run in hardware bfloat16. Elsewhere it is converted
    // on its way into the product, and stays exact.
    private static Tensor ProductWeight(Tensor weight, ScalarType inputs)
    {
        if (inputs != ScalarType.BFloat16 || weight.dtype != ScalarType.Float32 || !KernelLibrary.BFloat16Hardware) return weight;
        var from = weight.contiguous();
        var narrow = Like(from, ScalarType.BFloat16);
        KernelLibrary.Convert(from.numel(), At(from), ElementType.Float32, At(narrow), ElementType.BFloat16, Threads);
        return narrow;
    }

    // The sums of the columns of x [rows, columns], float32.
    private static Tensor ColumnSum(Tensor x)
    {
        var (rows, columns) = (x.shape[0], x.shape[1]);
        var total = empty(columns, ScalarType.Float32);
        KernelLibrary.ColumnSum(rows, columns, At(x), x.stride(0), TypeOf(x), At(total), Scratch(KernelLibrary.ColumnSumScratch(rows, columns)), Threads);
        return total;
    }
}
