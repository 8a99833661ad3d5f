using NanoVlm.Native;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    /// <summary>Rows of an embedding. The gradient is dense, in the weight's dtype, summed in float32 in the order of the ids.</summary>
    /// <param name="weight">[vocabulary, hidden].</param>
    /// <param name="ids">Int64, any shape.</param>
    /// <param name="result">The result's dtype.</param>
    /// <returns>[ids' shape, hidden].</returns>
    public static Tensor Embedding(Tensor weight, Tensor ids, ScalarType result) => IsNative(weight)
        ? EmbeddingFunction.Of(weight, ids, result)
        : weight.index_select(0, ids.reshape(-1)).view([.. ids.shape, weight.shape[1]]).to(result);

    private sealed class EmbeddingFunction(Tensor ids, ScalarType result) : AutogradFunction
    {
        private long[] shape = [];
        private ScalarType weightDtype;

        internal static Tensor Of(Tensor weight, Tensor ids, ScalarType result)
        {
            if (weight.dim() != 2 || ids.is_floating_point()) throw new ArgumentException($"Embedding: weight {Shape(weight)} with ids of {ids.dtype}; expected [vocabulary, hidden] and integers.");
            return new EmbeddingFunction(ids, result).Apply(weight)[0];
        }

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var weight = Rows(inputs[0]!);
            var index = ids.to(ScalarType.Int64).contiguous();
            (shape, weightDtype) = (weight.shape, weight.dtype);
            var y = empty([.. ids.shape, shape[1]], result, CPU);
            var bad = KernelLibrary.Embedding(shape[0], shape[1], At(weight), weight.stride(0), TypeOf(weight), index.numel(), At(index), At(y), TypeOf(y), Threads);
            if (bad >= 0) throw new ArgumentException($"Embedding: id {index.view(-1)[bad].item<long>()} is outside the vocabulary of {shape[0]}.");
            Save(index);
            return [y];
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            var (gradient, index) = (gradients[0]!.contiguous(), saved[0]);
            var total = zeros(shape, ScalarType.Float32, CPU);
            KernelLibrary.EmbeddingBackward(shape[0], shape[1], index.numel(), At(index), At(gradient), TypeOf(gradient), At(total),
                Scratch(KernelLibrary.EmbeddingBackwardScratch(shape[0], index.numel())), Threads);
            return [total.to(weightDtype)];
        }
    }
}
