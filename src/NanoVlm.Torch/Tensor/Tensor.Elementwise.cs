using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>How a quotient is rounded.</summary>
    public enum RoundingMode
    {
        /// <summary>Not at all.</summary>
        None,
        /// <summary>Toward zero.</summary>
        trunc,
        /// <summary>Down.</summary>
        floor,
    }

    public partial class Tensor
    {
        /// <summary>Absolute value, element by element.</summary>
        public Tensor abs() => Aten.abs.Call(this);
        /// <summary>Absolute value, element by element, in place.</summary>
        public Tensor abs_()
        {
            Aten.abs_.Run(this);
            return this;
        }
        /// <summary>Negation, element by element.</summary>
        public Tensor neg() => Aten.neg.Call(this);
        /// <summary>Negation, element by element, in place.</summary>
        public Tensor neg_()
        {
            Aten.neg_.Run(this);
            return this;
        }
        /// <summary>e to the power, element by element.</summary>
        public Tensor exp() => Aten.exp.Call(this);
        /// <summary>e to the power, element by element, in place.</summary>
        public Tensor exp_()
        {
            Aten.exp_.Run(this);
            return this;
        }
        /// <summary>2 to the power, element by element.</summary>
        public Tensor exp2() => Aten.exp2.Call(this);
        /// <summary>2 to the power, element by element, in place.</summary>
        public Tensor exp2_()
        {
            Aten.exp2_.Run(this);
            return this;
        }
        /// <summary>e to the power, minus 1, element by element.</summary>
        public Tensor expm1() => Aten.expm1.Call(this);
        /// <summary>e to the power, minus 1, element by element, in place.</summary>
        public Tensor expm1_()
        {
            Aten.expm1_.Run(this);
            return this;
        }
        /// <summary>Natural logarithm, element by element.</summary>
        public Tensor log() => Aten.log.Call(this);
        /// <summary>Natural logarithm, element by element, in place.</summary>
        public Tensor log_()
        {
            Aten.log_.Run(this);
            return this;
        }
        /// <summary>Logarithm to base 2, element by element.</summary>
        public Tensor log2() => Aten.log2.Call(this);
        /// <summary>Logarithm to base 2, element by element, in place.</summary>
        public Tensor log2_()
        {
            Aten.log2_.Run(this);
            return this;
        }
        /// <summary>Logarithm to base 10, element by element.</summary>
        public Tensor log10() => Aten.log10.Call(this);
        /// <summary>Logarithm to base 10, element by element, in place.</summary>
        public Tensor log10_()
        {
            Aten.log10_.Run(this);
            return this;
        }
        /// <summary>Natural logarithm of 1 + x, element by element.</summary>
        public Tensor log1p() => Aten.log1p.Call(this);
        /// <summary>Natural logarithm of 1 + x, element by element, in place.</summary>
        public Tensor log1p_()
        {
            Aten.log1p_.Run(this);
            return this;
        }
        /// <summary>Square root, element by element.</summary>
        public Tensor sqrt() => Aten.sqrt.Call(this);
        /// <summary>Square root, element by element, in place.</summary>
        public Tensor sqrt_()
        {
            Aten.sqrt_.Run(this);
            return this;
        }
        /// <summary>1 over the square root, element by element.</summary>
        public Tensor rsqrt() => Aten.rsqrt.Call(this);
        /// <summary>1 over the square root, element by element, in place.</summary>
        public Tensor rsqrt_()
        {
            Aten.rsqrt_.Run(this);
            return this;
        }
        /// <summary>1 over x, element by element.</summary>
        public Tensor reciprocal() => Aten.reciprocal.Call(this);
        /// <summary>1 over x, element by element, in place.</summary>
        public Tensor reciprocal_()
        {
            Aten.reciprocal_.Run(this);
            return this;
        }
        /// <summary>Sine, element by element.</summary>
        public Tensor sin() => Aten.sin.Call(this);
        /// <summary>Sine, element by element, in place.</summary>
        public Tensor sin_()
        {
            Aten.sin_.Run(this);
            return this;
        }
        /// <summary>Cosine, element by element.</summary>
        public Tensor cos() => Aten.cos.Call(this);
        /// <summary>Cosine, element by element, in place.</summary>
        public Tensor cos_()
        {
            Aten.cos_.Run(this);
            return this;
        }
        /// <summary>Tangent, element by element.</summary>
        public Tensor tan() => Aten.tan.Call(this);
        /// <summary>Tangent, element by element, in place.</summary>
        public Tensor tan_()
        {
            Aten.tan_.Run(this);
            return this;
        }
        /// <summary>Hyperbolic tangent, element by element.</summary>
        public Tensor tanh() => Aten.tanh.Call(this);
        /// <summary>Hyperbolic tangent, element by element, in place.</summary>
        public Tensor tanh_()
        {
            Aten.tanh_.Run(this);
            return this;
        }
        /// <summary>1 / (1 + exp(-x)), element by element.</summary>
        public Tensor sigmoid() => Aten.sigmoid.Call(this);
        /// <summary>1 / (1 + exp(-x)), element by element, in place.</summary>
        public Tensor sigmoid_()
        {
            Aten.sigmoid_.Run(this);
            return this;
        }
        /// <summary>Error function, element by element.</summary>
        public Tensor erf() => Aten.erf.Call(this);
        /// <summary>Error function, element by element, in place.</summary>
        public Tensor erf_()
        {
            Aten.erf_.Run(this);
            return this;
        }
        /// <summary>Inverse of the error function, element by element.</summary>
        public Tensor erfinv() => Aten.erfinv.Call(this);
        /// <summary>Inverse of the error function, element by element, in place.</summary>
        public Tensor erfinv_()
        {
            Aten.erfinv_.Run(this);
            return this;
        }
        /// <summary>Largest integer not above, element by element.</summary>
        public Tensor floor() => Aten.floor.Call(this);
        /// <summary>Largest integer not above, element by element, in place.</summary>
        public Tensor floor_()
        {
            Aten.floor_.Run(this);
            return this;
        }
        /// <summary>Smallest integer not below, element by element.</summary>
        public Tensor ceil() => Aten.ceil.Call(this);
        /// <summary>Smallest integer not below, element by element, in place.</summary>
        public Tensor ceil_()
        {
            Aten.ceil_.Run(this);
            return this;
        }
        /// <summary>Integer part, element by element.</summary>
        public Tensor trunc() => Aten.trunc.Call(this);
        /// <summary>Integer part, element by element, in place.</summary>
        public Tensor trunc_()
        {
            Aten.trunc_.Run(this);
            return this;
        }
        /// <summary>Fractional part, element by element.</summary>
        public Tensor frac() => Aten.frac.Call(this);
        /// <summary>Fractional part, element by element, in place.</summary>
        public Tensor frac_()
        {
            Aten.frac_.Run(this);
            return this;
        }
        /// <summary>-1, 0 or 1, element by element.</summary>
        public Tensor sign() => Aten.sign.Call(this);
        /// <summary>-1, 0 or 1, element by element, in place.</summary>
        public Tensor sign_()
        {
            Aten.sign_.Run(this);
            return this;
        }
        /// <summary>max(x, 0), element by element.</summary>
        public Tensor relu() => Aten.relu.Call(this);
        /// <summary>max(x, 0), element by element, in place.</summary>
        public Tensor relu_()
        {
            Aten.relu_.Run(this);
            return this;
        }
        /// <summary>x times sigmoid(x), element by element.</summary>
        public Tensor silu() => Aten.silu.Call(this);
        /// <summary>x times sigmoid(x), element by element, in place.</summary>
        public Tensor silu_()
        {
            Aten.silu_.Run(this);
            return this;
        }
        /// <summary>Logical negation, element by element.</summary>
        public Tensor logical_not() => Aten.logical_not.Call(this);
        /// <summary>Logical negation, element by element, in place.</summary>
        public Tensor logical_not_()
        {
            Aten.logical_not_.Run(this);
            return this;
        }
        /// <summary>Bitwise negation, element by element.</summary>
        public Tensor bitwise_not() => Aten.bitwise_not.Call(this);
        /// <summary>Bitwise negation, element by element, in place.</summary>
        public Tensor bitwise_not_()
        {
            Aten.bitwise_not_.Run(this);
            return this;
        }
        /// <summary>Square, element by element.</summary>
        public Tensor square() => Aten.square.Call(this);
        /// <summary>Rounds to a number of decimals, ties to even.</summary>
        public Tensor round(long decimals = 0) => Aten.round_decimals.Call(this, decimals);
        /// <summary>Rounds to a number of decimals, ties to even, in place.</summary>
        public Tensor round_(long decimals = 0)
        {
            Aten.round__decimals.Run(this, decimals);
            return this;
        }
        /// <summary>Product, element by element.</summary>
        public Tensor mul(Tensor target) => Aten.mul_Tensor.Call(this, target);
        /// <summary>Product, element by element, in place.</summary>
        public Tensor mul_(Tensor target)
        {
            Aten.mul__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Product, element by element.</summary>
        public Tensor mul(Scalar target) => Aten.mul_Scalar.Call(this, target);
        /// <summary>Product, element by element, in place.</summary>
        public Tensor mul_(Scalar target)
        {
            Aten.mul__Scalar.Run(this, target);
            return this;
        }
        /// <summary>Remainder with the divisor's sign, element by element.</summary>
        public Tensor remainder(Tensor target) => Aten.remainder_Tensor.Call(this, target);
        /// <summary>Remainder with the divisor's sign, element by element, in place.</summary>
        public Tensor remainder_(Tensor target)
        {
            Aten.remainder__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Remainder with the divisor's sign, element by element.</summary>
        public Tensor remainder(Scalar target) => Aten.remainder_Scalar.Call(this, target);
        /// <summary>Remainder with the divisor's sign, element by element, in place.</summary>
        public Tensor remainder_(Scalar target)
        {
            Aten.remainder__Scalar.Run(this, target);
            return this;
        }
        /// <summary>Remainder with the dividend's sign, element by element.</summary>
        public Tensor fmod(Tensor target) => Aten.fmod_Tensor.Call(this, target);
        /// <summary>Remainder with the dividend's sign, element by element, in place.</summary>
        public Tensor fmod_(Tensor target)
        {
            Aten.fmod__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Remainder with the dividend's sign, element by element.</summary>
        public Tensor fmod(Scalar target) => Aten.fmod_Scalar.Call(this, target);
        /// <summary>Remainder with the dividend's sign, element by element, in place.</summary>
        public Tensor fmod_(Scalar target)
        {
            Aten.fmod__Scalar.Run(this, target);
            return this;
        }
        /// <summary>Power, element by element.</summary>
        public Tensor pow(Tensor target) => Aten.pow_Tensor_Tensor.Call(this, target);
        /// <summary>Power, element by element, in place.</summary>
        public Tensor pow_(Tensor target)
        {
            Aten.pow__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Power, element by element.</summary>
        public Tensor pow(Scalar target) => Aten.pow_Tensor_Scalar.Call(this, target);
        /// <summary>Power, element by element, in place.</summary>
        public Tensor pow_(Scalar target)
        {
            Aten.pow__Scalar.Run(this, target);
            return this;
        }
        /// <summary>Quotient, rounded down, element by element.</summary>
        public Tensor floor_divide(Tensor target) => Aten.floor_divide.Call(this, target);
        /// <summary>Quotient, rounded down, element by element, in place.</summary>
        public Tensor floor_divide_(Tensor target)
        {
            Aten.floor_divide__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Quotient, rounded down, element by element.</summary>
        public Tensor floor_divide(Scalar target) => Aten.floor_divide_Scalar.Call(this, target);
        /// <summary>Quotient, rounded down, element by element, in place.</summary>
        public Tensor floor_divide_(Scalar target)
        {
            Aten.floor_divide__Scalar.Run(this, target);
            return this;
        }
        /// <summary>Sum, element by element.</summary>
        public Tensor add(Tensor target) => Aten.add_Tensor.Call(this, target);
        /// <summary>This plus alpha times target.</summary>
        public Tensor add(Tensor target, Scalar alpha) => Aten.add_Tensor.Call(this, target, alpha);
        /// <summary>Sum, element by element, in place.</summary>
        public Tensor add_(Tensor target)
        {
            Aten.add__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Adds alpha times target in place.</summary>
        public Tensor add_(Tensor target, Scalar alpha)
        {
            Aten.add__Tensor.Run(this, target, alpha);
            return this;
        }
        /// <summary>Sum, element by element.</summary>
        public Tensor add(Scalar target) => Aten.add_Scalar.Call(this, target);
        /// <summary>This plus alpha times target.</summary>
        public Tensor add(Scalar target, Scalar alpha) => Aten.add_Scalar.Call(this, target, alpha);
        /// <summary>Sum, element by element, in place.</summary>
        public Tensor add_(Scalar target)
        {
            Aten.add__Scalar.Run(this, target);
            return this;
        }
        /// <summary>Adds alpha times target in place.</summary>
        public Tensor add_(Scalar target, Scalar alpha)
        {
            Aten.add__Scalar.Run(this, target, alpha);
            return this;
        }
        /// <summary>Difference, element by element.</summary>
        public Tensor sub(Tensor target) => Aten.sub_Tensor.Call(this, target);
        /// <summary>Difference, element by element, in place.</summary>
        public Tensor sub_(Tensor target)
        {
            Aten.sub__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Quotient, element by element, optionally rounded.</summary>
        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Aten.div_Tensor.Call(this, target) : Aten.div_Tensor_mode.Call(this, target, rounding_mode.ToString());
        /// <summary>Quotient, element by element, optionally rounded, in place.</summary>
        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None)
        {
            if (rounding_mode == RoundingMode.None) Aten.div__Tensor.Run(this, target);
            else Aten.div__Tensor_mode.Run(this, target, rounding_mode.ToString());
            return this;
        }
        /// <summary>Difference, element by element.</summary>
        public Tensor sub(Scalar target) => Aten.sub_Scalar.Call(this, target);
        /// <summary>Difference, element by element, in place.</summary>
        public Tensor sub_(Scalar target)
        {
            Aten.sub__Scalar.Run(this, target);
            return this;
        }
        /// <summary>Quotient, element by element, optionally rounded.</summary>
        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Aten.div_Scalar.Call(this, target) : Aten.div_Scalar_mode.Call(this, target, rounding_mode.ToString());
        /// <summary>Quotient, element by element, optionally rounded, in place.</summary>
        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None)
        {
            if (rounding_mode == RoundingMode.None) Aten.div__Scalar.Run(this, target);
            else Aten.div__Scalar_mode.Run(this, target, rounding_mode.ToString());
            return this;
        }
        /// <summary>The larger of two, element by element.</summary>
        public Tensor maximum(Tensor target) => Aten.maximum.Call(this, target);
        /// <summary>The smaller of two, element by element.</summary>
        public Tensor minimum(Tensor target) => Aten.minimum.Call(this, target);
        /// <summary>Angle of the point (target, this), element by element.</summary>
        public Tensor atan2(Tensor target) => Aten.atan2.Call(this, target);
        /// <summary>Angle of the point (target, this), element by element, in place.</summary>
        public Tensor atan2_(Tensor target)
        {
            Aten.atan2_.Run(this, target);
            return this;
        }
        /// <summary>Logical and, element by element.</summary>
        public Tensor logical_and(Tensor target) => Aten.logical_and.Call(this, target);
        /// <summary>Logical and, element by element, in place.</summary>
        public Tensor logical_and_(Tensor target)
        {
            Aten.logical_and_.Run(this, target);
            return this;
        }
        /// <summary>Logical or, element by element.</summary>
        public Tensor logical_or(Tensor target) => Aten.logical_or.Call(this, target);
        /// <summary>Logical or, element by element, in place.</summary>
        public Tensor logical_or_(Tensor target)
        {
            Aten.logical_or_.Run(this, target);
            return this;
        }
        /// <summary>Logical exclusive or, element by element.</summary>
        public Tensor logical_xor(Tensor target) => Aten.logical_xor.Call(this, target);
        /// <summary>Logical exclusive or, element by element, in place.</summary>
        public Tensor logical_xor_(Tensor target)
        {
            Aten.logical_xor_.Run(this, target);
            return this;
        }
        /// <summary>Bitwise and, element by element.</summary>
        public Tensor bitwise_and(Tensor target) => Aten.bitwise_and_Tensor.Call(this, target);
        /// <summary>Bitwise and, element by element, in place.</summary>
        public Tensor bitwise_and_(Tensor target)
        {
            Aten.bitwise_and__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Bitwise or, element by element.</summary>
        public Tensor bitwise_or(Tensor target) => Aten.bitwise_or_Tensor.Call(this, target);
        /// <summary>Bitwise or, element by element, in place.</summary>
        public Tensor bitwise_or_(Tensor target)
        {
            Aten.bitwise_or__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Bitwise exclusive or, element by element.</summary>
        public Tensor bitwise_xor(Tensor target) => Aten.bitwise_xor_Tensor.Call(this, target);
        /// <summary>Bitwise exclusive or, element by element, in place.</summary>
        public Tensor bitwise_xor_(Tensor target)
        {
            Aten.bitwise_xor__Tensor.Run(this, target);
            return this;
        }
        /// <summary>Whether this is equal to target, element by element; a Bool tensor.</summary>
        public Tensor eq(Tensor target) => Aten.eq_Tensor.Call(this, target);
        /// <summary>Whether this is equal to target, element by element; a Bool tensor.</summary>
        public Tensor eq(Scalar target) => Aten.eq_Scalar.Call(this, target);
        /// <summary>Whether this is different from target, element by element; a Bool tensor.</summary>
        public Tensor ne(Tensor target) => Aten.ne_Tensor.Call(this, target);
        /// <summary>Whether this is different from target, element by element; a Bool tensor.</summary>
        public Tensor ne(Scalar target) => Aten.ne_Scalar.Call(this, target);
        /// <summary>Whether this is less than target, element by element; a Bool tensor.</summary>
        public Tensor lt(Tensor target) => Aten.lt_Tensor.Call(this, target);
        /// <summary>Whether this is less than target, element by element; a Bool tensor.</summary>
        public Tensor lt(Scalar target) => Aten.lt_Scalar.Call(this, target);
        /// <summary>Whether this is at most target, element by element; a Bool tensor.</summary>
        public Tensor le(Tensor target) => Aten.le_Tensor.Call(this, target);
        /// <summary>Whether this is at most target, element by element; a Bool tensor.</summary>
        public Tensor le(Scalar target) => Aten.le_Scalar.Call(this, target);
        /// <summary>Whether this is greater than target, element by element; a Bool tensor.</summary>
        public Tensor gt(Tensor target) => Aten.gt_Tensor.Call(this, target);
        /// <summary>Whether this is greater than target, element by element; a Bool tensor.</summary>
        public Tensor gt(Scalar target) => Aten.gt_Scalar.Call(this, target);
        /// <summary>Whether this is at least target, element by element; a Bool tensor.</summary>
        public Tensor ge(Tensor target) => Aten.ge_Tensor.Call(this, target);
        /// <summary>Whether this is at least target, element by element; a Bool tensor.</summary>
        public Tensor ge(Scalar target) => Aten.ge_Scalar.Call(this, target);
    }
}
