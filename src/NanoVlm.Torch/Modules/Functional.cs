using TorchSharp.Modules;
using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>How an image is resized.</summary>
    public enum InterpolationMode
    {
        /// <summary>The nearest pixel.</summary>
        Nearest,
        /// <summary>Linear in one dimension.</summary>
        Linear,
        /// <summary>Linear in two dimensions.</summary>
        Bilinear,
        /// <summary>Cubic in two dimensions.</summary>
        Bicubic,
        /// <summary>Linear in three dimensions.</summary>
        Trilinear,
        /// <summary>Averages.</summary>
        Area,
    }

    /// <summary>How a border is filled.</summary>
    public enum PaddingModes
    {
        /// <summary>With zeros.</summary>
        Zeros,
        /// <summary>By reflection.</summary>
        Reflect,
        /// <summary>With the edge.</summary>
        Replicate,
        /// <summary>From the other side.</summary>
        Circular,
        /// <summary>With a value.</summary>
        Constant,
    }

    public static partial class nn
    {
        /// <summary>How losses of elements become one number.</summary>
        public enum Reduction
        {
            /// <summary>Not at all.</summary>
            None = 0,
            /// <summary>Their mean.</summary>
            Mean = 1,
            /// <summary>Their sum.</summary>
            Sum = 2,
        }

        /// <summary>PyTorch's <c>torch.nn.functional</c>.</summary>
        public static class functional
        {
            /// <summary>input W^T + b.</summary>
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => Aten.linear.Call(input, weights, bias);
            /// <summary>Normalises the last dimensions to mean 0 and variance 1.</summary>
            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-5) =>
                Aten.layer_norm.Call(input, normalized_shape, weight, bias, eps, true);
            /// <summary>The exact Gaussian error linear unit.</summary>
            public static Tensor gelu(Tensor x) => x.gelu();
            /// <summary>The Gaussian error linear unit, exact or approximate.</summary>
            public static Tensor gelu(Tensor x, GELU.Approximate approximate, bool inplace = false) => inplace ? x.copy_(x.gelu(approximate)) : x.gelu(approximate);
            /// <summary>x times sigmoid(x).</summary>
            public static Tensor silu(Tensor x, bool inplace = false) => inplace ? x.silu_() : x.silu();
            /// <summary>max(x, 0).</summary>
            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_() : x.relu();
            /// <summary>1 / (1 + exp(-x)).</summary>
            public static Tensor sigmoid(Tensor x) => x.sigmoid();
            /// <summary>Hyperbolic tangent.</summary>
            public static Tensor tanh(Tensor x, bool inplace = false) => inplace ? x.tanh_() : x.tanh();
            /// <summary>log(1 + exp(beta x)) / beta.</summary>
            public static Tensor softplus(Tensor x, double beta = 1, double threshold = 20) => x.softplus(beta, threshold);
            /// <summary>log(sigmoid(x)).</summary>
            public static Tensor logsigmoid(Tensor x) => x.log_sigmoid();
            /// <summary>exp(x) over its sum along a dimension.</summary>
            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);
            /// <summary>Logarithm of the softmax along a dimension.</summary>
            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);

            /// <summary>Cross-entropy of logits [N, C, ...] with class numbers [N, ...] (Int64) or probabilities.</summary>
            public static Tensor cross_entropy(Tensor input, Tensor target, Tensor? weight = null, long ignore_index = -100, Reduction reduction = Reduction.Mean, double label_smoothing = 0.0) =>
                Aten.cross_entropy_loss.Call(input, target, weight, (long)reduction, ignore_index, label_smoothing);
            /// <summary>Negative log-likelihood of log-probabilities.</summary>
            public static Tensor nll_loss(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) =>
                Aten.nll_loss_nd.Call(input, target, weight, (long)reduction, -100L);
            /// <summary>Binary cross-entropy of logits.</summary>
            public static Tensor binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean, Tensor? pos_weights = null) =>
                Aten.binary_cross_entropy_with_logits.Call(input, target, weight, pos_weights, (long)reduction);
            /// <summary>Squared error.</summary>
            public static Tensor mse_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => Aten.mse_loss.Call(input, target, (long)reduction);
            /// <summary>Absolute error.</summary>
            public static Tensor l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => Aten.l1_loss.Call(input, target, (long)reduction);

            /// <summary>Attention: softmax(q k^T / sqrt(d)) v. A Bool mask is true where a key is seen; a float mask is added.</summary>
            /// <exception cref="ArgumentException">A mask and <paramref name="is_casual"/> are both given.</exception>
            public static Tensor scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0.0, bool is_casual = false)
            {
                if (is_casual && attn_mask is not null) throw new ArgumentException("Give a mask or is_casual, not both.");
                if (Aten.scaled_dot_product_attention.Exists) return Aten.scaled_dot_product_attention.Call(query, key, value, attn_mask, p, is_casual);
                using var scope = NewDisposeScope();
                var scores = query.mul(1 / Math.Sqrt(query.shape[^1])).matmul(key.transpose(-2, -1));
                if (is_casual) attn_mask = ones(query.shape[^2], key.shape[^2], @bool, query.device).tril();
                if (attn_mask is not null)
                    scores = attn_mask.dtype == ScalarType.Bool ? scores.masked_fill(attn_mask.logical_not(), double.NegativeInfinity) : scores.add(attn_mask);
                return dropout(scores.softmax(-1), p).matmul(value).MoveToOuterDisposeScope();
            }

            /// <summary>Pads the last dimensions; sizes from the last dimension backwards, before and after.</summary>
            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => mode is PaddingModes.Constant or PaddingModes.Zeros
                ? Aten.constant_pad_nd.Call(input, pad, value)
                : Aten._pad_enum.Call(input, pad, mode switch { PaddingModes.Reflect => 0L, PaddingModes.Replicate => 1L, _ => 2L }, value);

            /// <summary>Resizes images [N, C, H, W].</summary>
            /// <exception cref="ArgumentException">Neither or both of size and scale are given, or the mode is not one for images.</exception>
            public static Tensor interpolate(Tensor x, long[]? size = null, double[]? scale_factor = null, InterpolationMode mode = InterpolationMode.Nearest, bool? align_corners = null, bool recompute_scale_factor = false, bool antialias = false)
            {
                if (size is null == scale_factor is null) throw new ArgumentException("Give a size or a scale factor.");
                var corners = align_corners ?? false;
                return (mode, antialias) switch
                {
                    (InterpolationMode.Nearest, false) => Aten.upsample_nearest2d_vec.Call(x, size, scale_factor),
                    (InterpolationMode.Bilinear, false) => Aten.upsample_bilinear2d_vec.Call(x, size, corners, scale_factor),
                    (InterpolationMode.Bilinear, true) => Aten._upsample_bilinear2d_aa_vec.Call(x, size, corners, scale_factor),
                    (InterpolationMode.Bicubic, false) => Aten.upsample_bicubic2d_vec.Call(x, size, corners, scale_factor),
                    (InterpolationMode.Bicubic, true) => Aten._upsample_bicubic2d_aa_vec.Call(x, size, corners, scale_factor),
                    _ => throw new ArgumentException($"{mode} does not resize images{(antialias ? " with antialias" : "")}; use Nearest, Bilinear or Bicubic."),
                };
            }

            /// <summary>Sets elements to zero at random while training, and scales the others up.</summary>
            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false)
            {
                if (!training || p == 0) return input.alias();
                if (!inplace) return Aten.dropout.Call(input, p, training);
                Aten.dropout_.Run(input, p, training);
                return input;
            }

            /// <summary>A convolution over images.</summary>
            public static Tensor conv2d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? dilation = null, long groups = 1) =>
                Aten.conv2d.Call(input, weight, bias, strides ?? [1, 1], padding ?? [0, 0], dilation ?? [1, 1], groups);
            /// <summary>Averages over windows of images.</summary>
            public static Tensor avg_pool2d(Tensor input, long kernel_size, long? stride = null, long padding = 0, bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null) =>
                Aten.avg_pool2d.Call(input, new[] { kernel_size, kernel_size }, new[] { stride ?? kernel_size, stride ?? kernel_size }, new[] { padding, padding }, ceil_mode, count_include_pad, divisor_override);
            /// <summary>Scales to unit p-norm along a dimension.</summary>
            public static Tensor normalize(Tensor input, double p = 2, long dim = 1, double eps = 1e-12)
            {
                using var scope = NewDisposeScope();
                return input.div(input.norm((int)dim, true, (float)p).clamp_min(eps).expand_as(input)).MoveToOuterDisposeScope();
            }
            /// <summary>Rows with a single 1.</summary>
            public static Tensor one_hot(Tensor x, long num_classes = -1) => Aten.one_hot.Call(x, num_classes);
            /// <summary>Channels to space.</summary>
            public static Tensor pixel_shuffle(Tensor input, long upscale_factor) => Aten.pixel_shuffle.Call(input, upscale_factor);
            /// <summary>Space to channels.</summary>
            public static Tensor pixel_unshuffle(Tensor input, long downscale_factor) => Aten.pixel_unshuffle.Call(input, downscale_factor);
        }
    }
}
