using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public partial class Tensor
    {
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(Tensor left, Tensor right) => left.add(right);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(Tensor left, Scalar right) => left.add(right);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(Tensor left, int right) => left.add((Scalar)right);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(Tensor left, long right) => left.add((Scalar)right);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(Tensor left, float right) => left.add((Scalar)right);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(Tensor left, double right) => left.add((Scalar)right);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(Scalar left, Tensor right) => right.add(left);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(int left, Tensor right) => right.add((Scalar)left);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(long left, Tensor right) => right.add((Scalar)left);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(float left, Tensor right) => right.add((Scalar)left);
        /// <summary>Sum, element by element.</summary>
        public static Tensor operator +(double left, Tensor right) => right.add((Scalar)left);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(Tensor left, Tensor right) => left.sub(right);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(Tensor left, Scalar right) => left.sub(right);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(Tensor left, int right) => left.sub((Scalar)right);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(Tensor left, long right) => left.sub((Scalar)right);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(Tensor left, float right) => left.sub((Scalar)right);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(Tensor left, double right) => left.sub((Scalar)right);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(Scalar left, Tensor right) => Aten.rsub_Scalar.Call(right, left);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(int left, Tensor right) => Aten.rsub_Scalar.Call(right, (Scalar)left);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(long left, Tensor right) => Aten.rsub_Scalar.Call(right, (Scalar)left);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(float left, Tensor right) => Aten.rsub_Scalar.Call(right, (Scalar)left);
        /// <summary>Difference, element by element.</summary>
        public static Tensor operator -(double left, Tensor right) => Aten.rsub_Scalar.Call(right, (Scalar)left);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(Tensor left, Tensor right) => left.mul(right);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(Tensor left, Scalar right) => left.mul(right);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(Tensor left, int right) => left.mul((Scalar)right);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(Tensor left, long right) => left.mul((Scalar)right);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(Tensor left, float right) => left.mul((Scalar)right);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(Tensor left, double right) => left.mul((Scalar)right);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(Scalar left, Tensor right) => right.mul(left);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(int left, Tensor right) => right.mul((Scalar)left);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(long left, Tensor right) => right.mul((Scalar)left);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(float left, Tensor right) => right.mul((Scalar)left);
        /// <summary>Product, element by element.</summary>
        public static Tensor operator *(double left, Tensor right) => right.mul((Scalar)left);
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(Tensor left, Tensor right) => left.div(right);
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(Tensor left, Scalar right) => left.div(right);
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(Tensor left, int right) => left.div((Scalar)right);
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(Tensor left, long right) => left.div((Scalar)right);
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(Tensor left, float right) => left.div((Scalar)right);
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(Tensor left, double right) => left.div((Scalar)right);
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(Scalar left, Tensor right)
        {
            using var inverse = right.reciprocal();
            return inverse.mul(left);
        }
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(int left, Tensor right) => (Scalar)left / right;
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(long left, Tensor right) => (Scalar)left / right;
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(float left, Tensor right) => (Scalar)left / right;
        /// <summary>Quotient, element by element.</summary>
        public static Tensor operator /(double left, Tensor right) => (Scalar)left / right;
        /// <summary>Remainder, element by element.</summary>
        public static Tensor operator %(Tensor left, Tensor right) => left.remainder(right);
        /// <summary>Remainder, element by element.</summary>
        public static Tensor operator %(Tensor left, Scalar right) => left.remainder(right);
        /// <summary>Negation, element by element.</summary>
        public static Tensor operator -(Tensor value) => value.neg();
        /// <summary>Bitwise negation; for Bool, logical.</summary>
        public static Tensor operator ~(Tensor value) => value.bitwise_not();
        /// <summary>Bitwise and.</summary>
        public static Tensor operator &(Tensor left, Tensor right) => left.bitwise_and(right);
        /// <summary>Bitwise or.</summary>
        public static Tensor operator |(Tensor left, Tensor right) => left.bitwise_or(right);
        /// <summary>Bitwise exclusive or.</summary>
        public static Tensor operator ^(Tensor left, Tensor right) => left.bitwise_xor(right);
        /// <summary>Whether equal, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator ==(Tensor left, Tensor right) => left.eq(right);
        /// <summary>Whether equal, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator ==(Tensor left, Scalar right) => left.eq(right);
        /// <summary>Whether different, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator !=(Tensor left, Tensor right) => left.ne(right);
        /// <summary>Whether different, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator !=(Tensor left, Scalar right) => left.ne(right);
        /// <summary>Whether less, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator <(Tensor left, Tensor right) => left.lt(right);
        /// <summary>Whether less, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator <(Tensor left, Scalar right) => left.lt(right);
        /// <summary>Whether less or equal, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator <=(Tensor left, Tensor right) => left.le(right);
        /// <summary>Whether less or equal, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator <=(Tensor left, Scalar right) => left.le(right);
        /// <summary>Whether greater, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator >(Tensor left, Tensor right) => left.gt(right);
        /// <summary>Whether greater, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator >(Tensor left, Scalar right) => left.gt(right);
        /// <summary>Whether greater or equal, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator >=(Tensor left, Tensor right) => left.ge(right);
        /// <summary>Whether greater or equal, element by element; a Bool tensor. Test for null with <c>is null</c>.</summary>
        public static Tensor operator >=(Tensor left, Scalar right) => left.ge(right);
        /// <summary>Reference equality: element-wise comparison is <c>==</c>.</summary>
        public override bool Equals(object? obj) => ReferenceEquals(this, obj);
        /// <summary>By reference.</summary>
        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(Scalar value) => value.Type switch
        {
            ScalarType.Int64 => tensor(value.Integer),
            ScalarType.Bool => tensor(value.Integer != 0),
            _ => tensor(value.Number),
        };
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(int value) => tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(long value) => tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(float value) => tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(double value) => tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(bool value) => tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(long[] value) => tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(float[] value) => tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(double[] value) => tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(int[] value) => tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(bool[] value) => tensor(value);
    }
}
