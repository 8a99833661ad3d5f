using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public partial class Tensor
    {
        /// <summary>Whether operators on this tensor are recorded for gradients.</summary>
        public bool requires_grad
        {
            get => Kept(NativeMethods.nvlm_tensor_requires_grad(Handle)) != 0;
            set => NativeMethods.Check(Kept(NativeMethods.nvlm_tensor_set_requires_grad(Handle, value ? 1 : 0)));
        }

        /// <summary>Sets <see cref="requires_grad"/>.</summary>
        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        /// <summary>Sets <see cref="requires_grad"/>.</summary>
        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        /// <summary>Whether the tensor is a leaf of the gradient graph.</summary>
        public bool is_leaf => Kept(NativeMethods.nvlm_tensor_is_leaf(Handle)) != 0;

        /// <summary>The gradient accumulated so far; a new object at every read, null when there is none.</summary>
        public Tensor? grad
        {
            get
            {
                IntPtr gradient;
                NativeMethods.Check(Kept(NativeMethods.nvlm_tensor_grad(Handle, &gradient)));
                return FromHandle(gradient);
            }
            set
            {
                NativeMethods.Check(Kept(NativeMethods.nvlm_tensor_set_grad(Handle, value is null ? 0 : value.Handle)));
                GC.KeepAlive(value);
            }
        }

        /// <summary>Keeps the gradient of a tensor that is not a leaf.</summary>
        public void retain_grad() => NativeMethods.Check(Kept(NativeMethods.nvlm_tensor_retain_grad(Handle)));

        /// <summary>Accumulates the gradients of this one-element tensor in the leaves.</summary>
        public void backward() => autograd.backward([this]);

        /// <summary>Accumulates gradients in the leaves, or in the inputs given.</summary>
        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null) =>
            autograd.backward([this], grad_tensors, retain_graph, create_graph, inputs);
    }

    /// <summary>PyTorch's <c>torch.autograd</c>.</summary>
    public static partial class autograd
    {
        /// <summary>Accumulates the gradients of a tensor in the leaves.</summary>
        public static void backward(Tensor tensor, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        /// <summary>Accumulates the gradients of a tensor, given its own, in the leaves.</summary>
        public static void backward(Tensor tensor, Tensor grad_tensor, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        /// <summary>Accumulates gradients in the leaves, or in the inputs given.</summary>
        public static void backward(IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null)
        {
            fixed (IntPtr* outputs = Handles(tensors), gradients = Handles(grad_tensors), targets = Handles(inputs))
                NativeMethods.Check(NativeMethods.nvlm_backward(outputs, tensors.Count, gradients, grad_tensors?.Count ?? 0,
                    (retain_graph ?? create_graph) ? 1 : 0, create_graph ? 1 : 0, targets, inputs?.Count ?? 0));
            GC.KeepAlive(tensors);
            GC.KeepAlive(grad_tensors);
            GC.KeepAlive(inputs);
        }

        /// <summary>The gradients of the outputs with respect to the inputs, without accumulating them anywhere.</summary>
        /// <returns>One gradient an input; null where the input was not used and <paramref name="allow_unused"/> is set.</returns>
        public static IList<Tensor> grad(IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null, bool retain_graph = false, bool create_graph = false, bool allow_unused = false)
        {
            var results = new IntPtr[inputs.Count];
            fixed (IntPtr* from = Handles(outputs), to = Handles(inputs), gradients = Handles(grad_outputs), made = results)
                NativeMethods.Check(NativeMethods.nvlm_grad(from, outputs.Count, to, inputs.Count, gradients, grad_outputs?.Count ?? 0,
                    retain_graph || create_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, made));
            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            return [.. results.Select(handle => Tensor.FromHandle(handle)!)];
        }

        /// <summary>Turns on checks that name the forward operator of a NaN gradient, until disposed of.</summary>
        public static AnomalyMode detect_anomaly(bool check_nan = true) => new(true, check_nan);

        private static IntPtr[] Handles(IList<Tensor>? tensors)
        {
            if (tensors is null) return [];
            var handles = new IntPtr[tensors.Count];
            for (var i = 0; i < handles.Length; i++) handles[i] = tensors[i] is { } tensor ? tensor.Handle : 0;
            return handles;
        }
    }
}
