using TorchSharp.Modules;
using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public static partial class nn
    {
        /// <summary>PyTorch's <c>torch.nn.init</c>: fills tensors in place, without gradients.</summary>
        public static class init
        {
            /// <summary>Which way a variance is preserved.</summary>
            public enum FanInOut
            {
                /// <summary>Forward.</summary>
                FanIn,
                /// <summary>Backward.</summary>
                FanOut,
            }

            /// <summary>Draws from a normal distribution.</summary>
            public static Tensor normal_(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null) => Filled(tensor, x => x.normal_(mean, std, generator));

            /// <summary>Draws from a normal distribution cut off at a and b, by its inverse.</summary>
            public static Tensor trunc_normal_(Tensor tensor, double mean = 0, double std = 1, double a = -2, double b = 2, Generator? generator = null) => Filled(tensor, x =>
            {
                var (low, high) = (Erf((a - mean) / std / Math.Sqrt(2)), Erf((b - mean) / std / Math.Sqrt(2)));
                x.uniform_(low, high, generator).erfinv_().mul_(std * Math.Sqrt(2)).add_(mean).clamp_(a, b);

                static double Erf(double value)
                {
                    using var point = torch.tensor(value);
                    using var result = point.erf();
                    return result.ToDouble();
                }
            });

            /// <summary>Draws from a uniform distribution.</summary>
            public static Tensor uniform_(Tensor tensor, double low = 0, double high = 1, Generator? generator = null) => Filled(tensor, x => x.uniform_(low, high, generator));
            /// <summary>Sets every element.</summary>
            public static Tensor constant_(Tensor tensor, Scalar val) => Filled(tensor, x => x.fill_(val));
            /// <summary>Sets every element to zero.</summary>
            public static Tensor zeros_(Tensor tensor) => Filled(tensor, x => x.zero_());
            /// <summary>Sets every element to one.</summary>
            public static Tensor ones_(Tensor tensor) => constant_(tensor, 1);

            /// <summary>Glorot's uniform initialisation.</summary>
            public static Tensor xavier_uniform_(Tensor tensor, double gain = 1)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                var bound = gain * Math.Sqrt(6.0 / (fanIn + fanOut));
                return uniform_(tensor, -bound, bound);
            }

            /// <summary>Glorot's normal initialisation.</summary>
            public static Tensor xavier_normal_(Tensor tensor, double gain = 1)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                return normal_(tensor, 0, gain * Math.Sqrt(2.0 / (fanIn + fanOut)));
            }

            /// <summary>He's uniform initialisation for a leaky ReLU of slope a.</summary>
            public static Tensor kaiming_uniform_(Tensor tensor, double a = 0, FanInOut mode = FanInOut.FanIn)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                var bound = Math.Sqrt(6 / ((1 + a * a) * (mode == FanInOut.FanIn ? fanIn : fanOut)));
                return uniform_(tensor, -bound, bound);
            }

            /// <summary>How many inputs and outputs an element of the result depends on.</summary>
            /// <exception cref="ArgumentException">The tensor has fewer than two dimensions.</exception>
            public static (long fanIn, long fanOut) CalculateFanInAndFanOut(Tensor tensor)
            {
                var shape = tensor.shape;
                if (shape.Length < 2) throw new ArgumentException($"Fans need two dimensions; this is {tensor}.");
                var receptive = shape[2..].Aggregate(1L, (product, size) => product * size);
                return (shape[1] * receptive, shape[0] * receptive);
            }

            private static Tensor Filled(Tensor tensor, Action<Tensor> fill)
            {
                using var mode = no_grad();
                fill(tensor);
                return tensor;
            }
        }

        /// <summary>PyTorch's <c>torch.nn.utils</c>.</summary>
        public static class utils
        {
            // The project's kernel: one call for all gradients, the same sum for any number of threads.
            private static readonly Operator fusedNorm = new("nanovlm::grad_norm");

            /// <summary>Scales all gradients so that their joint norm is at most a maximum.</summary>
            /// <returns>The norm before clipping; 0 when there are no gradients. Waits for the device.</returns>
            public static double clip_grad_norm_(IEnumerable<Parameter> tensors, double max_norm, double norm_type = 2)
            {
                using var scope = NewDisposeScope();
                using var mode = no_grad();
                var gradients = tensors.Select(parameter => parameter.grad).OfType<Tensor>().ToArray();
                if (gradients.Length == 0) return 0;
                var total = norm_type == 2 && fusedNorm.Exists && gradients.All(gradient => gradient.is_cpu() && gradient.dtype is ScalarType.Float32 or ScalarType.BFloat16)
                    ? fusedNorm.Call(gradients).ToDouble()
                    : stack([.. Aten._foreach_norm_Scalar.CallList(gradients, norm_type).Select(norm => norm.to(ScalarType.Float64, CPU))]).norm((float)norm_type).ToDouble();
                var scale = max_norm / (total + 1e-6);
                if (scale < 1) Aten._foreach_mul__Scalar.Run(gradients, scale);
                return total;
            }

            /// <summary>Limits every element of every gradient.</summary>
            public static void clip_grad_value_(IEnumerable<Parameter> tensors, double clip_value)
            {
                using var scope = NewDisposeScope();
                using var mode = no_grad();
                foreach (var parameter in tensors) parameter.grad?.clamp_(-clip_value, clip_value);
            }
        }
    }
}
