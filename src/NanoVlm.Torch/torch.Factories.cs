using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>Zeros.</summary>
    public static Tensor zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.zeros.Call(size, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Zeros.</summary>
    public static Tensor zeros(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => zeros(size.ToArray(), dtype, device, requires_grad);
    /// <summary>Zeros.</summary>
    public static Tensor zeros(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => zeros(new long[] { size }, dtype, device, requires_grad);
    /// <summary>Zeros.</summary>
    public static Tensor zeros(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => zeros(new long[] { rows, columns }, dtype, device, requires_grad);
    /// <summary>Zeros.</summary>
    public static Tensor zeros(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => zeros(new long[] { dim0, dim1, dim2 }, dtype, device, requires_grad);
    /// <summary>Zeros.</summary>
    public static Tensor zeros(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => zeros(new long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad);
    /// <summary>Ones.</summary>
    public static Tensor ones(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.ones.Call(size, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Ones.</summary>
    public static Tensor ones(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => ones(size.ToArray(), dtype, device, requires_grad);
    /// <summary>Ones.</summary>
    public static Tensor ones(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => ones(new long[] { size }, dtype, device, requires_grad);
    /// <summary>Ones.</summary>
    public static Tensor ones(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => ones(new long[] { rows, columns }, dtype, device, requires_grad);
    /// <summary>Ones.</summary>
    public static Tensor ones(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => ones(new long[] { dim0, dim1, dim2 }, dtype, device, requires_grad);
    /// <summary>Ones.</summary>
    public static Tensor ones(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => ones(new long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad);
    /// <summary>Memory as it is found.</summary>
    public static Tensor empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.empty_memory_format.Call(size, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Memory as it is found.</summary>
    public static Tensor empty(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => empty(size.ToArray(), dtype, device, requires_grad);
    /// <summary>Memory as it is found.</summary>
    public static Tensor empty(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => empty(new long[] { size }, dtype, device, requires_grad);
    /// <summary>Memory as it is found.</summary>
    public static Tensor empty(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => empty(new long[] { rows, columns }, dtype, device, requires_grad);
    /// <summary>Memory as it is found.</summary>
    public static Tensor empty(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => empty(new long[] { dim0, dim1, dim2 }, dtype, device, requires_grad);
    /// <summary>Memory as it is found.</summary>
    public static Tensor empty(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => empty(new long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad);
    /// <summary>One value everywhere; integers and booleans give Int64, as in TorchSharp.</summary>
    public static Tensor full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.full.Call(size, value, dtype ?? KindOf(value), Argument.None, device, false), requires_grad);
    /// <summary>One value everywhere; integers and booleans give Int64, as in TorchSharp.</summary>
    public static Tensor full(ReadOnlySpan<long> size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => full(size.ToArray(), value, dtype, device, requires_grad);
    /// <summary>One value everywhere; integers and booleans give Int64, as in TorchSharp.</summary>
    public static Tensor full(long size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => full(new long[] { size }, value, dtype, device, requires_grad);
    /// <summary>One value everywhere; integers and booleans give Int64, as in TorchSharp.</summary>
    public static Tensor full(long rows, long columns, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => full(new long[] { rows, columns }, value, dtype, device, requires_grad);
    /// <summary>One value everywhere; integers and booleans give Int64, as in TorchSharp.</summary>
    public static Tensor full(long dim0, long dim1, long dim2, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => full(new long[] { dim0, dim1, dim2 }, value, dtype, device, requires_grad);
    /// <summary>One value everywhere; integers and booleans give Int64, as in TorchSharp.</summary>
    public static Tensor full(long dim0, long dim1, long dim2, long dim3, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => full(new long[] { dim0, dim1, dim2, dim3 }, value, dtype, device, requires_grad);
    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Made(Aten.rand_generator.Call(size, generator, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => rand(size.ToArray(), dtype, device, requires_grad, generator);
    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => rand(new long[] { size }, dtype, device, requires_grad, generator);
    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => rand(new long[] { rows, columns }, dtype, device, requires_grad, generator);
    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => rand(new long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, generator);
    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => rand(new long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, generator);
    /// <summary>Normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Made(Aten.randn_generator.Call(size, generator, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => randn(size.ToArray(), dtype, device, requires_grad, generator);
    /// <summary>Normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => randn(new long[] { size }, dtype, device, requires_grad, generator);
    /// <summary>Normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => randn(new long[] { rows, columns }, dtype, device, requires_grad, generator);
    /// <summary>Normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => randn(new long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, generator);
    /// <summary>Normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => randn(new long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, generator);
    /// <summary>Zeros in the shape of another tensor.</summary>
    public static Tensor zeros_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.zeros_like.Call(input, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Ones in the shape of another tensor.</summary>
    public static Tensor ones_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.ones_like.Call(input, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Memory as it is found, in the shape of another tensor.</summary>
    public static Tensor empty_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.empty_like.Call(input, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Uniform in [0, 1), in the shape of another tensor.</summary>
    public static Tensor rand_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.rand_like.Call(input, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Normal, in the shape of another tensor.</summary>
    public static Tensor randn_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.randn_like.Call(input, dtype, Argument.None, device, false), requires_grad);
    /// <summary>One value in the shape of another tensor.</summary>
    public static Tensor full_like(Tensor input, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.full_like.Call(input, value, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Integers from [low, high), in the shape of another tensor.</summary>
    public static Tensor randint_like(Tensor input, long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.randint_like_low_dtype.Call(input, low, high, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Integers from [0, high).</summary>
    public static Tensor randint(long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => randint(0, high, size, dtype, device, requires_grad, generator);
    /// <summary>Integers from [low, high); Int64 unless a dtype is given.</summary>
    public static Tensor randint(long low, long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Made(Aten.randint_low_generator.Call(low, high, size, generator, dtype ?? ScalarType.Int64, Argument.None, device, false), requires_grad);
    /// <summary>The numbers 0 to n - 1 in random order.</summary>
    public static Tensor randperm(long n, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Made(Aten.randperm_generator.Call(n, generator, dtype ?? ScalarType.Int64, Argument.None, device, false), requires_grad);
    /// <summary>Normal with a mean and a deviation.</summary>
    public static Tensor normal(double mean, double std, ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        randn(size, dtype, device, false, generator).mul_(std).add_(mean).requires_grad_(requires_grad);
    /// <summary>Zeros and ones drawn with the input's probabilities.</summary>
    public static Tensor bernoulli(Tensor input, Generator? generator = null) => Aten.bernoulli.Call(input, generator);
    /// <summary>Indices drawn by weight, row by row.</summary>
    public static Tensor multinomial(Tensor input, long num_samples, bool replacement = false, Generator? generator = null) =>
        input.multinomial(num_samples, replacement, generator);
    /// <summary>0, 1, ... below stop; Int64 for an integer, else the default dtype.</summary>
    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => arange(0L, stop, 1L, dtype, device, requires_grad);
    /// <summary>start, start + 1, ... below stop.</summary>
    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => arange(start, stop, 1L, dtype, device, requires_grad);
    /// <summary>start, start + step, ... before stop.</summary>
    public static Tensor arange(Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.arange_start_step.Call(start, stop, step, dtype ?? (start.IsInteger && stop.IsInteger && step.IsInteger ? ScalarType.Int64 : get_default_dtype()), Argument.None, device, false), requires_grad);
    /// <summary>Evenly spaced numbers, both ends included.</summary>
    public static Tensor linspace(double start, double end, long steps, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.linspace.Call(start, end, steps, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Powers of a base with evenly spaced exponents.</summary>
    public static Tensor logspace(double start, double end, long steps, double @base = 10, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.logspace.Call(start, end, steps, @base, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Ones on the diagonal.</summary>
    public static Tensor eye(long rows, long columns = -1, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.eye_m.Call(rows, columns < 0 ? rows : columns, dtype, Argument.None, device, false), requires_grad);
    /// <summary>Memory as it is found, with given strides.</summary>
    public static Tensor empty_strided(long[] size, long[] strides, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.empty_strided.Call(size, strides, dtype, Argument.None, device, false), requires_grad);

    // aten::full takes the dtype from the value: TorchSharp gives Int64 for booleans too.
    private static ScalarType KindOf(Scalar value) => value.Type == ScalarType.Float64 ? get_default_dtype() : ScalarType.Int64;

    private static Tensor Made(Tensor tensor, bool requires_grad)
    {
        if (requires_grad) tensor.requires_grad_();
        return tensor;
    }
}
