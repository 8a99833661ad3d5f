using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>Tensors joined along a dimension they have.</summary>
    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Aten.cat.Call(tensors as Tensor[] ?? [.. tensors], dim);
    /// <summary>Tensors joined along a dimension they have.</summary>
    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => cat(tensors, dim);
    /// <summary>Tensors joined along a new dimension.</summary>
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Aten.stack.Call(tensors as Tensor[] ?? [.. tensors], dim);
    /// <summary>Tensors joined side by side.</summary>
    public static Tensor hstack(params Tensor[] tensors) => Aten.hstack.Call(tensors);
    /// <summary>Tensors joined one below the other.</summary>
    public static Tensor vstack(Tensor[] tensors) => Aten.vstack.Call(tensors);
    /// <summary>x where the condition holds, y elsewhere.</summary>
    public static Tensor where(Tensor condition, Tensor x, Tensor y) => Aten.where_self.Call(condition, x, y);
    /// <summary>The indices where the condition holds, a tensor a dimension.</summary>
    public static Tensor[] where(Tensor condition) => Aten.where.CallList(condition);
    /// <summary>Outer product of two vectors.</summary>
    public static Tensor outer(Tensor input, Tensor vec2) => input.outer(vec2);
    /// <summary>A sum of products by index notation, e.g. "bij,bjk->bik".</summary>
    public static Tensor einsum(string equation, params Tensor[] tensors) => Aten.einsum.Call(equation, tensors);
    /// <summary>Matrix product with broadcasting over leading dimensions.</summary>
    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);
    /// <summary>Matrix products of two batches of matrices.</summary>
    public static Tensor bmm(Tensor input, Tensor batch2) => input.bmm(batch2);
    /// <summary>Matrix product of two matrices.</summary>
    public static Tensor mm(Tensor input, Tensor target) => input.mm(target);
    /// <summary>beta input + alpha mat1 mat2.</summary>
    public static Tensor addmm(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmm(mat1, mat2, beta, alpha);
    /// <summary>exp(x) over its sum along a dimension.</summary>
    public static Tensor softmax(Tensor input, int dim, ScalarType? dtype = null) => input.softmax(dim, dtype);
    /// <summary>Shifted with wrap-around along a dimension, or flat.</summary>
    public static Tensor roll(Tensor input, long shifts, long? dims = null) => input.roll(shifts, dims);
    /// <summary>Coordinates of a grid.</summary>
    public static Tensor[] meshgrid(IEnumerable<Tensor> tensors, string indexing = "ij") => Aten.meshgrid_indexing.CallList(tensors.ToArray(), indexing);
    /// <summary>Where values would be inserted to keep a sequence sorted.</summary>
    public static Tensor searchsorted(Tensor sorted_sequence, Tensor values, bool out_int32 = false, bool right = false) =>
        Aten.searchsorted_Tensor.Call(sorted_sequence, values, out_int32, right);
    /// <summary>Tensors expanded to their common shape.</summary>
    public static IList<Tensor> broadcast_tensors(params Tensor[] tensors) => Aten.broadcast_tensors.CallList(tensors);
    /// <summary>Whether all elements are close.</summary>
    public static bool allclose(Tensor tensor, Tensor target, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) =>
        tensor.allclose(target, rtol, atol, equal_nan);

    /// <summary>Absolute value.</summary>
    public static Tensor abs(Tensor input) => input.abs();
    /// <summary>e to the power.</summary>
    public static Tensor exp(Tensor input) => input.exp();
    /// <summary>Natural logarithm.</summary>
    public static Tensor log(Tensor input) => input.log();
    /// <summary>Square root.</summary>
    public static Tensor sqrt(Tensor input) => input.sqrt();
    /// <summary>1 over the square root.</summary>
    public static Tensor rsqrt(Tensor input) => input.rsqrt();
    /// <summary>Sine.</summary>
    public static Tensor sin(Tensor input) => input.sin();
    /// <summary>Cosine.</summary>
    public static Tensor cos(Tensor input) => input.cos();
    /// <summary>Hyperbolic tangent.</summary>
    public static Tensor tanh(Tensor input) => input.tanh();
    /// <summary>1 / (1 + exp(-x)).</summary>
    public static Tensor sigmoid(Tensor input) => input.sigmoid();
    /// <summary>Power.</summary>
    public static Tensor pow(Tensor input, Scalar exponent) => input.pow(exponent);
    /// <summary>The sum of all elements.</summary>
    public static Tensor sum(Tensor input) => input.sum();
    /// <summary>The mean of all elements.</summary>
    public static Tensor mean(Tensor input) => input.mean();
    /// <summary>Where the largest is along a dimension.</summary>
    public static Tensor argmax(Tensor input, long dim, bool keepdim = false) => input.argmax(dim, keepdim);
    /// <summary>The lower triangle.</summary>
    public static Tensor tril(Tensor input, long diagonal = 0) => input.tril(diagonal);
    /// <summary>The upper triangle.</summary>
    public static Tensor triu(Tensor input, long diagonal = 0) => input.triu(diagonal);

    /// <summary>An operator by name (<c>nanovlm::linear</c>), or null when the loaded libraries do not have it. Not in TorchSharp.</summary>
    /// <param name="qualifiedName">Name with its overload after a dot.</param>
    public static CustomOperator? find_operator(string qualifiedName)
    {
        var found = new Operator(qualifiedName);
        return found.Exists ? new CustomOperator(found) : null;
    }

    /// <summary>A CPU tensor over memory of the caller's, without a copy. Not in TorchSharp.</summary>
    /// <param name="data">The first element, aligned to the element's size.</param>
    /// <param name="shape">The sizes; elements lie in row-major order.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="release">Called once, on any thread, when nothing refers to the memory any more; it must not throw. Not called when this throws.</param>
    public static Tensor from_blob(nint data, long[] shape, ScalarType dtype, Action release) => Over((void*)data, shape, dtype, GCHandle.Alloc(release), &Released);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Released(void* context)
    {
        var handle = GCHandle.FromIntPtr((IntPtr)context);
        var release = (Action)handle.Target!;
        handle.Free();
        release();
    }

    /// <summary>An operator found by name, called with positional arguments; what is left out at the end takes its default.</summary>
    public sealed class CustomOperator
    {
        private readonly Operator op;

        internal CustomOperator(Operator op) => this.op = op;

        /// <summary>Calls the operator. Arguments: tensors (or null), numbers, booleans, strings, long[], double[], Tensor[].</summary>
        /// <returns>The tensors among the results; an undefined one is null.</returns>
        public Tensor?[] Invoke(params ReadOnlySpan<OperatorArgument> arguments)
        {
            var laid = new Argument[arguments.Length];
            for (var i = 0; i < laid.Length; i++) laid[i] = arguments[i].Inner;
            return op.CallMany(laid);
        }

        /// <summary>Calls an operator whose result is one tensor.</summary>
        public Tensor Call(params ReadOnlySpan<OperatorArgument> arguments) => Invoke(arguments)[0]!;
    }

    /// <summary>An argument of a <see cref="CustomOperator"/>; made implicitly from what the operator takes.</summary>
    public readonly struct OperatorArgument
    {
        internal readonly Argument Inner;
        private OperatorArgument(Argument inner) => Inner = inner;

        /// <summary>A tensor, or none.</summary>
        public static implicit operator OperatorArgument(Tensor? value) => new(value);
        /// <summary>A list of tensors.</summary>
        public static implicit operator OperatorArgument(Tensor[] value) => new(value);
        /// <summary>An integer.</summary>
        public static implicit operator OperatorArgument(long value) => new(value);
        /// <summary>An integer.</summary>
        public static implicit operator OperatorArgument(int value) => new((long)value);
        /// <summary>A number.</summary>
        public static implicit operator OperatorArgument(double value) => new(value);
        /// <summary>A boolean.</summary>
        public static implicit operator OperatorArgument(bool value) => new(value);
        /// <summary>A string.</summary>
        public static implicit operator OperatorArgument(string value) => new(value);
        /// <summary>A list of integers.</summary>
        public static implicit operator OperatorArgument(long[] value) => new(value);
        /// <summary>A list of numbers.</summary>
        public static implicit operator OperatorArgument(double[] value) => new(value);
    }
}
