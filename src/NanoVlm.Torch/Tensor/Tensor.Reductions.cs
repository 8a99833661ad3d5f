using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public partial class Tensor
    {
        /// <summary>The sum of all elements.</summary>
        public Tensor sum(ScalarType? type = null) => Aten.sum.Call(this, type);
        /// <summary>Sums along a dimension.</summary>
        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => sum([dim], keepdim, type);
        /// <summary>Sums along dimensions.</summary>
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Aten.sum_dim_IntList.Call(this, dim, keepdim, type);
        /// <summary>The mean of all elements.</summary>
        public Tensor mean() => Aten.mean.Call(this);
        /// <summary>Means along dimensions.</summary>
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) => Aten.mean_dim.Call(this, dimensions, keepdim, type);
        /// <summary>The variance of all elements.</summary>
        public Tensor var(bool unbiased = true) => Aten.var.Call(this, unbiased);
        /// <summary>Variances along a dimension.</summary>
        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Typed(type, x => Aten.var_dim.Call(x, new[] { dim }, unbiased, keepdim));
        /// <summary>The standard deviation of all elements.</summary>
        public Tensor std(bool unbiased = true) => Aten.std.Call(this, unbiased);
        /// <summary>Standard deviations along a dimension.</summary>
        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Typed(type, x => Aten.std_dim.Call(x, new[] { dim }, unbiased, keepdim));
        /// <summary>The largest element.</summary>
        public Tensor max() => Aten.max.Call(this);
        /// <summary>The larger of two, element by element.</summary>
        public Tensor max(Tensor other) => Aten.maximum.Call(this, other);
        /// <summary>The largest along a dimension, and where.</summary>
        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) => Aten.max_dim.CallPair(this, dim, keepdim);
        /// <summary>The smallest element.</summary>
        public Tensor min() => Aten.min.Call(this);
        /// <summary>The smaller of two, element by element.</summary>
        public Tensor min(Tensor other) => Aten.minimum.Call(this, other);
        /// <summary>The smallest along a dimension, and where.</summary>
        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) => Aten.min_dim.CallPair(this, dim, keepdim);
        /// <summary>The largest along dimensions.</summary>
        public Tensor amax(params long[] dims) => Aten.amax.Call(this, dims, false);
        /// <summary>The largest along dimensions.</summary>
        public Tensor amax(long[] dims, bool keepdim) => Aten.amax.Call(this, dims, keepdim);
        /// <summary>The smallest along dimensions.</summary>
        public Tensor amin(params long[] dims) => Aten.amin.Call(this, dims, false);
        /// <summary>The smallest along dimensions.</summary>
        public Tensor amin(long[] dims, bool keepdim) => Aten.amin.Call(this, dims, keepdim);
        /// <summary>Where the largest element is, flat.</summary>
        public Tensor argmax() => Aten.argmax.Call(this, Argument.None, false);
        /// <summary>Where the largest is along a dimension.</summary>
        public Tensor argmax(long dim, bool keepdim = false) => Aten.argmax.Call(this, dim, keepdim);
        /// <summary>Where the smallest element is, flat.</summary>
        public Tensor argmin() => Aten.argmin.Call(this, Argument.None, false);
        /// <summary>Where the smallest is along a dimension.</summary>
        public Tensor argmin(long dim, bool keepdim = false) => Aten.argmin.Call(this, dim, keepdim);
        /// <summary>Products along a dimension.</summary>
        public Tensor prod(long dim, bool keepdim = false, ScalarType? type = null) => Aten.prod_dim_int.Call(this, dim, keepdim, type);
        /// <summary>log(sum(exp(x))) along a dimension.</summary>
        public Tensor logsumexp(long dim, bool keepdim = false) => Aten.logsumexp.Call(this, new[] { dim }, keepdim);
        /// <summary>The p-norm of all elements.</summary>
        public Tensor norm(float p = 2f) => Aten.norm_Scalar.Call(this, (double)p);
        /// <summary>The p-norm along a dimension.</summary>
        public Tensor norm(int dim, bool keepdim = false, float p = 2f) => Aten.norm_ScalarOpt_dim.Call(this, (double)p, new[] { (long)dim }, keepdim);
        /// <summary>Whether all elements are true.</summary>
        public Tensor all() => Aten.all.Call(this);
        /// <summary>Whether all elements are true, along a dimension.</summary>
        public Tensor all(long dim, bool keepdim = false) => Aten.all_dim.Call(this, dim, keepdim);
        /// <summary>Whether any element is true.</summary>
        public Tensor any() => Aten.any.Call(this);
        /// <summary>Whether any element is true, along a dimension.</summary>
        public Tensor any(long dim, bool keepdim = false) => Aten.any_dim.Call(this, dim, keepdim);
        /// <summary>Running sums along a dimension.</summary>
        public Tensor cumsum(long dim, ScalarType? type = null) => Aten.cumsum.Call(this, dim, type);
        /// <summary>Running products along a dimension.</summary>
        public Tensor cumprod(long dim, ScalarType? type = null) => Aten.cumprod.Call(this, dim, type);
        /// <summary>Sorted along a dimension, and where from.</summary>
        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false) =>
            Aten.sort_stable.CallPair(this, stable, dim, descending);
        /// <summary>The order that sorts along a dimension.</summary>
        public Tensor argsort(long dim = -1, bool descending = false) => Aten.argsort.Call(this, dim, descending);
        /// <summary>The k largest (or smallest) along a dimension, and where.</summary>
        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            Aten.topk.CallPair(this, (long)k, (long)dim, largest, sorted);
        /// <summary>Indices drawn by weight, row by row.</summary>
        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) =>
            Aten.multinomial.Call(this, num_samples, replacement, generator);
        /// <summary>How often each non-negative integer occurs.</summary>
        public Tensor bincount(Tensor? weights = null, long minlength = 0) => Aten.bincount.Call(this, weights, minlength);
        /// <summary>Distinct values; optionally where each element went and how often each occurs.</summary>
        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique(bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null)
        {
            var results = dim is { } d
                ? Aten.unique_dim.CallMany(this, (long)d, sorted, return_inverse, return_counts)
                : Aten._unique2.CallMany(this, sorted, return_inverse, return_counts);
            return (results[0]!, return_inverse ? results[1] : null, return_counts ? results[2] : null);
        }
        /// <summary>exp(x) over its sum along a dimension.</summary>
        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.softmax_int.Call(this, dim, dtype);
        /// <summary>Logarithm of the softmax along a dimension.</summary>
        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Aten.log_softmax_int.Call(this, dim, dtype);
        /// <summary>Whether all elements are close.</summary>
        public bool allclose(Tensor target, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) =>
            Aten.allclose.CallValue(this, target, rtol, atol, equal_nan).Integer != 0;
        /// <summary>Whether equal, element by element; a Bool tensor.</summary>
        public Tensor equal(Tensor target) => eq(target);
        /// <summary>Whether close, element by element.</summary>
        public Tensor isclose(Tensor other, double rtol = 1e-5, double atol = 1e-8, bool nanEqual = false) => Aten.isclose.Call(this, other, rtol, atol, nanEqual);
        /// <summary>Whether not a number, element by element.</summary>
        public Tensor isnan() => Aten.isnan.Call(this);
        /// <summary>Whether infinite, element by element.</summary>
        public Tensor isinf() => Aten.isinf.Call(this);
        /// <summary>Whether finite, element by element.</summary>
        public Tensor isfinite() => Aten.isfinite.Call(this);
        /// <summary>Whether among the test elements, element by element.</summary>
        public Tensor isin(Tensor test_elements, bool assumeUnique = false, bool invert = false) =>
            Aten.isin_Tensor_Tensor.Call(this, test_elements, assumeUnique, invert);

        private Tensor Typed(ScalarType? type, Func<Tensor, Tensor> reduce) => type is { } dtype ? reduce(to(dtype)) : reduce(this);
    }
}
