using static TorchSharp.torch;

namespace NanoVlm.Native;

/// <summary>
/// A function whose gradient is computed here and not by libtorch: one object is one call. TorchSharp has such functions too. These take a third of their time,
/// and less memory: TorchSharp's allocate a second tensor for every output and keep what they saved until the whole graph is gone.
/// </summary>
internal abstract class AutogradFunction
{
    private readonly List<Tensor> toSave = [];
    private bool[] wanted = [];

    /// <summary>The function's value, computed without gradients. Tensors that <see cref="Backward"/> needs go to <see cref="Save"/>.</summary>
    /// <param name="inputs">As they were given to <see cref="Apply"/>.</param>
    protected abstract Tensor[] Forward(Tensor?[] inputs);

    /// <summary>The gradients of the inputs, in their order; null where none is wanted (<see cref="IsWanted"/>).</summary>
    /// <param name="gradients">Those of the outputs; null for an output that nothing depends on.</param>
    /// <param name="saved">What was given to <see cref="Save"/>, in that order.</param>
    protected internal abstract Tensor?[] Backward(Tensor?[] gradients, Tensor[] saved);

    /// <summary>Keeps a tensor for <see cref="Backward"/>; that it is changed in place before is an error there.</summary>
    protected void Save(Tensor tensor)
    {
        if (wanted.Contains(true)) toSave.Add(tensor);
    }

    /// <summary>Whether the gradient of an input is wanted. In <see cref="Forward"/> it says what is worth saving.</summary>
    protected bool IsWanted(int input) => wanted[input];

    /// <summary>Calls the function.</summary>
    /// <param name="inputs">The tensors it depends on; null where an optional one is absent.</param>
    /// <returns>Its outputs, in the current dispose scope.</returns>
    protected Tensor[] Apply(params Tensor?[] inputs)
    {
        AutogradNode.ThrowIfFailed();
        wanted = new bool[inputs.Length];
        using var scope = NewDisposeScope();
        if (is_grad_enabled())
            for (var i = 0; i < inputs.Length; i++)
            {
                wanted[i] = inputs[i] is { requires_grad: true };
                // A parameter takes its gradient over without a copy only where nobody else holds that tensor, and the node that sends it still does.
                // Through a view it arrives as another tensor of the same memory.
                if (wanted[i] && inputs[i]!.is_leaf) inputs[i] = inputs[i]!.view(inputs[i]!.shape);
            }
        using var mode = no_grad();
        var outputs = Forward(inputs);
        if (wanted.Contains(true))
        {
            outputs = AutogradNode.Attach(this, inputs, outputs, toSave);
            toSave.Clear();
        }
        foreach (var output in outputs) output.MoveToOuterDisposeScope();
        return outputs;
    }
}
