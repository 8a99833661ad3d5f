using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Modules
{
    /// <summary>y = x W^T + b. Weight [out, in], bias [out].</summary>
    public sealed class Linear : Module<Tensor, Tensor>
    {
        /// <summary>[out_features, in_features].</summary>
        public readonly Parameter weight;
        /// <summary>[out_features], or none.</summary>
        public readonly Parameter? bias;

        internal Linear(Parameter weight, Parameter? bias) : base(nameof(Linear))
        {
            this.weight = weight;
            this.bias = bias;
            RegisterComponents();
        }

        /// <summary>The size of the last dimension that goes in.</summary>
        public long in_features => weight.shape[1];
        /// <summary>The size of the last dimension that comes out.</summary>
        public long out_features => weight.shape[0];

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => functional.linear(input, weight, bias);
    }

    /// <summary>Rows of a matrix by number.</summary>
    public sealed class Embedding : Module<Tensor, Tensor>
    {
        /// <summary>[num_embeddings, embedding_dim]; the same object at every read.</summary>
        public readonly Parameter weight;
        private readonly long? padding_idx;

        internal Embedding(Parameter weight, long? padding_idx) : base(nameof(Embedding))
        {
            this.weight = weight;
            this.padding_idx = padding_idx;
            RegisterComponents();
        }

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => Native.Aten.embedding.Call(weight, input, padding_idx ?? -1, false, false);
    }

    /// <summary>Normalises the last dimensions to mean 0 and variance 1, then scales and shifts.</summary>
    public sealed class LayerNorm : Module<Tensor, Tensor>
    {
        /// <summary>The scale, or none.</summary>
        public readonly Parameter? weight;
        /// <summary>The shift, or none.</summary>
        public readonly Parameter? bias;

        internal LayerNorm(long[] normalized_shape, double eps, Parameter? weight, Parameter? bias) : base(nameof(LayerNorm))
        {
            this.normalized_shape = normalized_shape;
            this.eps = eps;
            this.weight = weight;
            this.bias = bias;
            RegisterComponents();
        }

        /// <summary>The sizes of the normalised dimensions.</summary>
        public long[] normalized_shape { get; }
        /// <summary>Added to the variance.</summary>
        public double eps { get; }

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => functional.layer_norm(input, normalized_shape, weight, bias, eps);
    }

    /// <summary>A convolution over images [N, C, H, W].</summary>
    public sealed class Conv2d : Module<Tensor, Tensor>
    {
        /// <summary>[out_channels, in_channels / groups, height, width].</summary>
        public readonly Parameter weight;
        /// <summary>[out_channels], or none.</summary>
        public readonly Parameter? bias;
        private readonly long[] strides;
        private readonly long[] padding;
        private readonly long[] dilation;
        private readonly long groups;

        internal Conv2d(Parameter weight, Parameter? bias, long[] strides, long[] padding, long[] dilation, long groups) : base(nameof(Conv2d))
        {
            this.weight = weight;
            this.bias = bias;
            this.strides = strides;
            this.padding = padding;
            this.dilation = dilation;
            this.groups = groups;
            RegisterComponents();
        }

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => functional.conv2d(input, weight, bias, strides, padding, dilation, groups);
    }

    /// <summary>Sets elements to zero at random while training, and scales the others up.</summary>
    public sealed class Dropout : Module<Tensor, Tensor>
    {
        internal Dropout(double p, bool inplace) : base(nameof(Dropout))
        {
            this.p = p;
            this.inplace = inplace;
        }

        /// <summary>The share of elements set to zero.</summary>
        public double p { get; }
        /// <summary>Whether the input is changed.</summary>
        public bool inplace { get; }

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => functional.dropout(input, p, training, inplace);
    }

    /// <summary>Gaussian error linear unit.</summary>
    public sealed class GELU : Module<Tensor, Tensor>
    {
        private readonly Approximate approximate;

        /// <summary>How it is computed.</summary>
        public enum Approximate
        {
            /// <summary>By the error function.</summary>
            none,
            /// <summary>By tanh.</summary>
            tanh,
        }

        internal GELU(Approximate approximate) : base(nameof(GELU)) => this.approximate = approximate;

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => input.gelu(approximate);
    }

    /// <summary>x times sigmoid(x).</summary>
    public sealed class SiLU : Module<Tensor, Tensor>
    {
        internal SiLU() : base(nameof(SiLU))
        {
        }

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => input.silu();
    }

    /// <summary>max(x, 0).</summary>
    public sealed class ReLU : Module<Tensor, Tensor>
    {
        internal ReLU() : base(nameof(ReLU))
        {
        }

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => input.relu();
    }

    /// <summary>The input, as a new object.</summary>
    public sealed class Identity : Module<Tensor, Tensor>
    {
        internal Identity() : base(nameof(Identity))
        {
        }

        /// <inheritdoc/>
        public override Tensor forward(Tensor input) => input.alias();
    }
}

namespace TorchSharp
{
    public static unsafe partial class torch
    {
        public static partial class nn
        {
            /// <summary>A linear layer with PyTorch's initialisation.</summary>
            public static Modules.Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null)
            {
                var weight = init.kaiming_uniform_(empty(outputSize, inputSize, dtype, device), Math.Sqrt(5));
                var bound = 1 / Math.Sqrt(inputSize);
                var bias = hasBias ? new Modules.Parameter(empty(outputSize, dtype, device).uniform_(-bound, bound)) : null;
                return new Modules.Linear(new Modules.Parameter(weight), bias);
            }

            /// <summary>A linear layer over given parameters.</summary>
            public static Modules.Linear Linear(Modules.Parameter weight, Modules.Parameter? bias = null) => new(weight, bias);

            /// <summary>An embedding drawn from a standard normal distribution.</summary>
            public static Modules.Embedding Embedding(long num_embeddings, long embedding_dims, long? padding_idx = null, Device? device = null, ScalarType? dtype = null)
            {
                var weight = randn(num_embeddings, embedding_dims, dtype, device);
                if (padding_idx is { } row)
                {
                    using var zeroed = weight[row];
                    zeroed.zero_();
                }
                return new Modules.Embedding(new Modules.Parameter(weight), padding_idx);
            }

            /// <summary>An embedding over given rows.</summary>
            public static Modules.Embedding Embedding_from_pretrained(Tensor embeddings, bool freeze = true, long? padding_idx = null) =>
                new(new Modules.Parameter(embeddings, !freeze), padding_idx);

            /// <summary>A layer normalisation of the last dimension.</summary>
            public static Modules.LayerNorm LayerNorm(long normalized_shape, double eps = 1e-5, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                LayerNorm([normalized_shape], eps, elementwise_affine, bias, device, dtype);

            /// <summary>A layer normalisation of the last dimensions.</summary>
            public static Modules.LayerNorm LayerNorm(long[] normalized_shape, double eps = 1e-5, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(normalized_shape, eps,
                    elementwise_affine ? new Modules.Parameter(ones(normalized_shape, dtype, device)) : null,
                    elementwise_affine && bias ? new Modules.Parameter(zeros(normalized_shape, dtype, device)) : null);

            /// <summary>A convolution with square kernels and PyTorch's initialisation.</summary>
            public static Modules.Conv2d Conv2d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
            {
                var weight = init.kaiming_uniform_(empty(out_channels, in_channels / groups, kernel_size, kernel_size, dtype, device), Math.Sqrt(5));
                var bound = 1 / Math.Sqrt(in_channels / groups * kernel_size * kernel_size);
                var shift = bias ? new Modules.Parameter(empty(out_channels, dtype, device).uniform_(-bound, bound)) : null;
                return new Modules.Conv2d(new Modules.Parameter(weight), shift, [stride, stride], [padding, padding], [dilation, dilation], groups);
            }

            /// <summary>Dropout.</summary>
            public static Modules.Dropout Dropout(double p = 0.5, bool inplace = false) => new(p, inplace);
            /// <summary>The exact Gaussian error linear unit.</summary>
            public static Modules.GELU GELU() => new(Modules.GELU.Approximate.none);
            /// <summary>The Gaussian error linear unit, exact or approximate.</summary>
            public static Modules.GELU GELU(Modules.GELU.Approximate approximate) => new(approximate);
            /// <summary>x times sigmoid(x).</summary>
            public static Modules.SiLU SiLU() => new();
            /// <summary>max(x, 0).</summary>
            public static Modules.ReLU ReLU() => new();
            /// <summary>The input itself.</summary>
            public static Modules.Identity Identity() => new();
        }
    }
}
