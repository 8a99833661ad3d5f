using TorchSharp.Modules;
using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public partial class Tensor
    {
        /// <summary>Gaussian error linear unit, exact (erf).</summary>
        public Tensor gelu() => Aten.gelu.Call(this);
        /// <summary>Gaussian error linear unit, exact or by the tanh approximation.</summary>
        public Tensor gelu(GELU.Approximate approximate) => Aten.gelu.Call(this, approximate.ToString());
        /// <summary>x where positive, alpha (exp(x) - 1) elsewhere.</summary>
        public Tensor elu(double alpha = 1) => Aten.elu.Call(this, alpha);
        /// <summary>x where positive, a small slope elsewhere.</summary>
        public Tensor leaky_relu(Scalar negative_slope) => Aten.leaky_relu.Call(this, negative_slope);
        /// <summary>log(1 + exp(beta x)) / beta.</summary>
        public Tensor softplus(double beta = 1, double threshold = 20) => Aten.softplus.Call(this, beta, threshold);
        /// <summary>log(sigmoid(x)).</summary>
        public Tensor log_sigmoid() => Aten.log_sigmoid.Call(this);

        /// <summary>Limits the values to a range.</summary>
        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Aten.clamp.Call(this, min, max);
        /// <summary>Limits the values to a range of each element's own.</summary>
        public Tensor clamp(Tensor? min, Tensor? max = null) => Aten.clamp_Tensor.Call(this, min, max);
        /// <summary>Limits the values to a range, in place.</summary>
        public Tensor clamp_(Scalar? min = null, Scalar? max = null)
        {
            Aten.clamp_.Run(this, min, max);
            return this;
        }
        /// <summary>Limits the values from below.</summary>
        public Tensor clamp_min(Scalar min) => Aten.clamp_min.Call(this, min);
        /// <summary>Limits the values from above.</summary>
        public Tensor clamp_max(Scalar max) => Aten.clamp_max.Call(this, max);

        /// <summary>this + value tensor1 tensor2.</summary>
        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcmul.Call(this, tensor1, tensor2, value);
        /// <summary>this + value tensor1 tensor2, in place.</summary>
        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value)
        {
            Aten.addcmul_.Run(this, tensor1, tensor2, value);
            return this;
        }
        /// <summary>this + value tensor1 / tensor2.</summary>
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcdiv.Call(this, tensor1, tensor2, value);
        /// <summary>this + value tensor1 / tensor2, in place.</summary>
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value)
        {
            Aten.addcdiv_.Run(this, tensor1, tensor2, value);
            return this;
        }
        /// <summary>this + weight (end - this).</summary>
        public Tensor lerp(Tensor end, Tensor weight) => Aten.lerp_Tensor.Call(this, end, weight);
        /// <summary>this + weight (end - this), in place.</summary>
        public Tensor lerp_(Tensor end, Tensor weight)
        {
            Aten.lerp__Tensor.Run(this, end, weight);
            return this;
        }
        /// <summary>Replaces NaN and infinities.</summary>
        public Tensor nan_to_num(double nan = 0, double? posinf = null, double? neginf = null) => Aten.nan_to_num.Call(this, nan, posinf, neginf);

        /// <summary>Sets every element.</summary>
        public Tensor fill_(Scalar value)
        {
            Aten.fill__Scalar.Run(this, value);
            return this;
        }
        /// <summary>Sets every element to zero.</summary>
        public Tensor zero_()
        {
            Aten.zero_.Run(this);
            return this;
        }
        /// <summary>Draws from a normal distribution, in place.</summary>
        public Tensor normal_(double mean = 0, double std = 1, Generator? generator = null)
        {
            Aten.normal_.Run(this, mean, std, generator);
            return this;
        }
        /// <summary>Draws from a uniform distribution, in place.</summary>
        public Tensor uniform_(double from, double to, Generator? generator = null)
        {
            Aten.uniform_.Run(this, from, to, generator);
            return this;
        }
        /// <summary>Draws zeros and ones, in place.</summary>
        public Tensor bernoulli_(double p = 0.5, Generator? generator = null)
        {
            Aten.bernoulli__float.Run(this, p, generator);
            return this;
        }
        /// <summary>Draws integers from [from, to), in place.</summary>
        public Tensor random_(double from, double to, Generator? generator = null)
        {
            Aten.random__from.Run(this, (long)from, (long)to, generator);
            return this;
        }
        /// <summary>Draws from an exponential distribution, in place.</summary>
        public Tensor exponential_(double lambda = 1, Generator? generator = null)
        {
            Aten.exponential_.Run(this, lambda, generator);
            return this;
        }

        /// <summary>Matrix product with broadcasting over leading dimensions.</summary>
        public Tensor matmul(Tensor target) => Aten.matmul.Call(this, target);
        /// <summary>Matrix product of two matrices.</summary>
        public Tensor mm(Tensor target) => Aten.mm.Call(this, target);
        /// <summary>Matrix products of two batches of matrices.</summary>
        public Tensor bmm(Tensor batch2) => Aten.bmm.Call(this, batch2);
        /// <summary>Product of a matrix and a vector.</summary>
        public Tensor mv(Tensor target) => Aten.mv.Call(this, target);
        /// <summary>Inner product of two vectors.</summary>
        public Tensor dot(Tensor target) => Aten.dot.Call(this, target);
        /// <summary>Outer product of two vectors.</summary>
        public Tensor outer(Tensor vec2) => Aten.outer.Call(this, vec2);
        /// <summary>beta this + alpha mat1 mat2.</summary>
        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1f, float alpha = 1f) => Aten.addmm.Call(this, mat1, mat2, (double)beta, (double)alpha);
        /// <summary>beta this + alpha batch1 batch2 (PyTorch's order of arguments).</summary>
        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1f, float alpha = 1f) => Aten.baddbmm.Call(this, batch1, batch2, (double)beta, (double)alpha);
    }
}
