using NanoVlm.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Layers;

/// <summary>Token embeddings: float32 rows, given out in the compute dtype.</summary>
public sealed class Embedding : Module<Tensor, ScalarType, Tensor>
{
    /// <summary>[vocabulary, hidden].</summary>
    public readonly Parameter weight;

    /// <param name="vocabularySize">How many tokens there are.</param>
    /// <param name="hiddenSize">The size of an embedding.</param>
    public Embedding(long vocabularySize, long hiddenSize) : base(nameof(Embedding))
    {
        weight = Parameter(empty(vocabularySize, hiddenSize));
        RegisterComponents();
    }

    /// <param name="ids">Int64, any shape.</param>
    /// <param name="dtype">The dtype to compute in.</param>
    /// <returns>[ids' shape, hidden].</returns>
    public override Tensor forward(Tensor ids, ScalarType dtype) => Operators.Embedding(weight, ids, dtype);
}
