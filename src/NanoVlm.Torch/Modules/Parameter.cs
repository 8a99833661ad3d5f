using TorchSharp.Native;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>A tensor that a module trains.</summary>
    public sealed class Parameter : Tensor
    {
        /// <param name="data">The values; this object takes over its native tensor, and <paramref name="data"/> becomes invalid.</param>
        /// <param name="requires_grad">Whether it is trained.</param>
        public Parameter(Tensor data, bool requires_grad = true) : base(TakeHandle(data))
        {
            this.requires_grad = requires_grad;
        }
    }
}

namespace TorchSharp
{
    public static unsafe partial class torch
    {
        public static partial class nn
        {
            /// <summary>A tensor that a module trains; takes over the native tensor of <paramref name="data"/>.</summary>
            public static Modules.Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }

        public partial class Tensor
        {
            // PyTorch's `tensor.data = other`: gradient edges, identity and sharing stay.
            internal void SetData(Tensor data)
            {
                NativeMethods.Check(Kept(NativeMethods.nvlm_tensor_set_data(Handle, data.Handle)));
                GC.KeepAlive(data);
            }
        }
    }

    /// <summary>Makes parameters of tensors.</summary>
    public static class ParameterExtensionMethods
    {
        /// <summary>A parameter that takes over the tensor.</summary>
        public static Modules.Parameter AsParameter(this torch.Tensor tensor) => new(tensor);
    }
}
