using NanoVlm.Native;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Kernels;

public static partial class Operators
{
    private const long LogitsAtATime = 1 << 21; // 8 MiB of float32

    /// <summary>The cross-entropy of a language head. The logits of all rows never exist at once: they are made chunk by chunk.</summary>
    /// <param name="hidden">[N, hidden].</param>
    /// <param name="weight">The head: [vocabulary, hidden].</param>
    /// <param name="targets">[N], Int64; all are labels.</param>
    /// <param name="softcap">Bounds logits smoothly, as Gemma-2 does: cap * tanh(logits / cap); null: not.</param>
    /// <returns>The sum of the losses, a float32 number.</returns>
    public static Tensor LinearCrossEntropy(Tensor hidden, Tensor weight, Tensor targets, double? softcap = null)
    {
        if (IsNative(hidden) && softcap is null) return CrossEntropyFunction.Of(hidden, weight, targets);
        const long rows = 1024;
        Tensor? total = null;
        var start = 0L;
        do // once at least: the loss of no rows is a zero that has gradients
        {
            var count = Math.Min(rows, hidden.shape[0] - start);
            var sum = ActivationCheckpoint.Run( // the backward makes the logits again
                chunk => nn.functional.cross_entropy(Capped(Linear(chunk[0]!, chunk[1]!, result: ScalarType.Float32)), chunk[2]!, reduction: nn.Reduction.Sum),
                hidden.narrow(0, start, count), weight, targets.narrow(0, start, count));
            total = total is null ? sum : total.plus(sum);
            start += count;
        }
        while (start < hidden.shape[0]);
        return total;

        Tensor Capped(Tensor logits) => softcap is { } cap ? (logits / scalar(cap)).tanh() * scalar(cap) : logits;
    }

    // The gradients are computed in the forward, while a chunk's logits are there; the backward only multiplies them.
    private sealed class CrossEntropyFunction(Tensor targets) : AutogradFunction
    {
        internal static Tensor Of(Tensor hidden, Tensor weight, Tensor targets)
        {
            CheckFloats("LinearCrossEntropy", hidden, weight);
            if (hidden.dim() != 2 || weight.dim() != 2 || hidden.shape[1] != weight.shape[1] || targets.dim() != 1 || targets.shape[0] != hidden.shape[0])
                throw new ArgumentException($"LinearCrossEntropy: hidden {Shape(hidden)}, weight {Shape(weight)}, targets {Shape(targets)}; expected [N, D], [V, D], [N].");
            return new CrossEntropyFunction(targets).Apply(hidden, weight)[0];
        }

        protected override Tensor[] Forward(Tensor?[] inputs)
        {
            var (hidden, labels) = (Rows(inputs[0]!), targets.to(ScalarType.Int64).contiguous());
            var weight = ProductWeight(Rows(inputs[1]!), hidden.dtype);
            var (count, vocabulary) = (hidden.shape[0], weight.shape[0]);
            var gradHidden = IsWanted(0) ? Like(hidden, hidden.dtype) : null;
            var gradWeight = IsWanted(1) ? zeros(weight.shape, ScalarType.Float32, CPU) : null;
            var chunk = Math.Max(64, LogitsAtATime / Math.Max(vocabulary, 1));
            // Where the CPU multiplies bfloat16 in hardware, the gradient of the logits is narrowed for its products.
            var narrow = hidden.dtype == ScalarType.BFloat16 && KernelLibrary.BFloat16Hardware;
            var total = 0.0;
            for (var first = 0L; first < count; first += chunk)
            {
                using var scope = NewDisposeScope();
                var rows = Math.Min(chunk, count - first);
                var part = hidden.narrow(0, first, rows);
                var logits = Product(part, weight.t(), ScalarType.Float32);
                var losses = empty(rows, ScalarType.Float64);
                var gradient = gradHidden is null && gradWeight is null ? null : narrow ? Like(logits, ScalarType.BFloat16) : logits;
                var bad = KernelLibrary.CrossEntropy(rows, vocabulary, At(logits), At(labels) + (nint)(first * sizeof(long)), At(losses), At(gradient),
                    narrow ? ElementType.BFloat16 : ElementType.Float32, Threads);
                if (bad >= 0) throw new ArgumentException($"LinearCrossEntropy: target {labels[first + bad].item<long>()} of row {first + bad} is outside the vocabulary of {vocabulary}.");
                total += losses.sum().item<double>();
                if (gradHidden is not null) Fill(gradHidden.narrow(0, first, rows), gradient!, weight);
                if (gradWeight is null) continue;
                if (narrow) gradWeight.add_(Product(gradient!.t(), part, ScalarType.Float32), scalar(1));
                else Multiply(gradient!.t(), part, gradWeight, accumulate: true);
            }
            if (gradHidden is not null) Save(gradHidden);
            if (gradWeight is not null) Save(gradWeight.to(inputs[1]!.dtype));
            return [tensor(total, ScalarType.Float32)];

            static void Fill(Tensor rows, Tensor gradient, Tensor weight)
            {
                if (gradient.dtype == ScalarType.BFloat16) rows.copy_(Product(gradient, weight, rows.dtype));
                else Multiply(gradient, weight, rows);
            }
        }

        protected internal override Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved)
        {
            // What was saved is nobody else's: where no second backward comes, it is scaled where it lies.
            var scaled = new Queue<Tensor>(saved.Select(gradient =>
            {
                var factor = gradients[0]!.to(gradient.dtype);
                return AutogradNode.KeepsGraph ? gradient * factor : gradient.mul_(factor);
            }));
            return [IsWanted(0) ? scaled.Dequeue() : null, IsWanted(1) ? scaled.Dequeue() : null];
        }
    }
}
