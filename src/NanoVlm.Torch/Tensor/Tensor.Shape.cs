using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public partial class Tensor
    {
        /// <summary>The same memory under another shape; -1 is inferred.</summary>
        public Tensor view(params long[] shape) => Aten.view.Call(this, shape);
        /// <summary>Another shape, by a view where the memory allows it; -1 is inferred.</summary>
        public Tensor reshape(params long[] shape) => Aten.reshape.Call(this, shape);
        /// <summary>The same memory under another tensor's shape.</summary>
        public Tensor view_as(Tensor other) => Aten.view_as.Call(this, other);
        /// <summary>Dimensions in another order; a view.</summary>
        public Tensor permute(params long[] permutation) => Aten.permute.Call(this, permutation);
        /// <summary>Two dimensions exchanged; a view.</summary>
        public Tensor transpose(long dim0, long dim1) => Aten.transpose_int.Call(this, dim0, dim1);
        /// <summary>Two dimensions exchanged; a view.</summary>
        public Tensor swapaxes(long dim0, long dim1) => transpose(dim0, dim1);
        /// <summary>A matrix transposed; a view.</summary>
        public Tensor t() => Aten.t.Call(this);
        /// <summary>A matrix transposed; a view.</summary>
        public Tensor T => Aten.numpy_T.Call(this);
        /// <summary>The last two dimensions exchanged; a view.</summary>
        public Tensor mT => transpose(-2, -1);
        /// <summary>Dimensions moved to other places; a view.</summary>
        public Tensor movedim(long[] source, long[] destination) => Aten.movedim_intlist.Call(this, source, destination);
        /// <summary>Dimensions of size 1 repeated without copying; -1 keeps a size.</summary>
        public Tensor expand(params long[] sizes) => Aten.expand.Call(this, sizes);
        /// <summary>Expanded to another tensor's shape.</summary>
        public Tensor expand_as(Tensor other) => Aten.expand.Call(this, other.shape);
        /// <summary>Broadcast to a shape.</summary>
        public Tensor broadcast_to(params long[] shape) => Aten.broadcast_to.Call(this, shape);
        /// <summary>The whole tensor repeated along each dimension.</summary>
        public Tensor repeat(params long[] sizes) => Aten.repeat.Call(this, sizes);
        /// <summary>The whole tensor repeated along each dimension.</summary>
        public Tensor tile(long[] reps) => Aten.tile.Call(this, reps);
        /// <summary>Each slice repeated in place.</summary>
        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) =>
            Aten.repeat_interleave_self_int.Call(this, repeats, dim, output_size);
        /// <summary>Each slice repeated its own number of times.</summary>
        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) =>
            Aten.repeat_interleave_self_Tensor.Call(this, repeats, dim, output_size);
        /// <summary>With a new dimension of size 1; a view.</summary>
        public Tensor unsqueeze(long dim) => Aten.unsqueeze.Call(this, dim);
        /// <summary>Without its dimensions of size 1, or without the one given; a view.</summary>
        public Tensor squeeze(long? dim = null) => dim is { } d ? Aten.squeeze_dim.Call(this, d) : Aten.squeeze.Call(this);
        /// <summary>A range of dimensions made one.</summary>
        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Aten.flatten_using_ints.Call(this, start_dim, end_dim);
        /// <summary>A dimension made several; a view.</summary>
        public Tensor unflatten(long dim, params long[] sizes)
        {
            var old = shape;
            var index = (int)(dim < 0 ? dim + old.Length : dim);
            return view([.. old[..index], .. sizes, .. old[(index + 1)..]]);
        }
        /// <summary>Pieces of a size along a dimension; views.</summary>
        public Tensor[] split(long size, int dim = 0) => Aten.split_Tensor.CallList(this, size, dim);
        /// <summary>Pieces of given sizes along a dimension; views.</summary>
        public Tensor[] split(long[] sizes, long dim = 0) => Aten.split_with_sizes.CallList(this, sizes, dim);
        /// <summary>A number of pieces along a dimension; views.</summary>
        public Tensor[] chunk(long chunks, long dim = 0) => Aten.chunk.CallList(this, chunks, dim);
        /// <summary>The slices along a dimension; views.</summary>
        public Tensor[] unbind(long dimension = 0) => Aten.unbind_int.CallList(this, dimension);
        /// <summary>One slice of a dimension; a view.</summary>
        public Tensor select(long dim, long index) => Aten.select_int.Call(this, dim, index);
        /// <summary>A range of a dimension; a view.</summary>
        public Tensor narrow(long dim, long start, long length) => Aten.narrow.Call(this, dim, start, length);
        /// <summary>A strided range of a dimension; a view.</summary>
        public Tensor slice(long dim, long start, long finish, long step) => Aten.slice_Tensor.Call(this, dim, start, finish, step);
        /// <summary>A view with given strides.</summary>
        public Tensor as_strided(long[] size, long[] strides, long storageOffset = 0) => Aten.as_strided.Call(this, size, strides, storageOffset);
        /// <summary>All windows of a size along a dimension; a view.</summary>
        public Tensor unfold(long dimension, long size, long step) => Aten.unfold.Call(this, dimension, size, step);

        /// <summary>Slices by number along a dimension.</summary>
        public Tensor index_select(long dim, Tensor index) => Aten.index_select.Call(this, dim, index);
        /// <summary>Adds alpha times source to slices by number.</summary>
        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) => Aten.index_add.Call(this, dim, index, source, alpha);
        /// <summary>Adds alpha times source to slices by number, in place.</summary>
        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha)
        {
            Aten.index_add_.Run(this, dim, index, source, alpha);
            return this;
        }
        /// <summary>With slices by number replaced.</summary>
        public Tensor index_copy(long dim, Tensor index, Tensor source) => Aten.index_copy.Call(this, dim, index, source);
        /// <summary>Replaces slices by number.</summary>
        public Tensor index_copy_(long dim, Tensor index, Tensor source)
        {
            Aten.index_copy_.Run(this, dim, index, source);
            return this;
        }
        /// <summary>With slices by number set to a value.</summary>
        public Tensor index_fill(long dim, Tensor index, Scalar value) => Aten.index_fill_int_Scalar.Call(this, dim, index, value);
        /// <summary>With the elements under the mask set to a value.</summary>
        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.masked_fill_Scalar.Call(this, mask, value);
        /// <summary>Sets the elements under the mask to a value.</summary>
        public Tensor masked_fill_(Tensor mask, Scalar value)
        {
            Aten.masked_fill__Scalar.Run(this, mask, value);
            return this;
        }
        /// <summary>The elements under the mask, in one dimension.</summary>
        public Tensor masked_select(Tensor mask) => Aten.masked_select.Call(this, mask);
        /// <summary>With the elements under the mask taken from value in order.</summary>
        public Tensor masked_scatter(Tensor mask, Tensor value) => Aten.masked_scatter.Call(this, mask, value);
        /// <summary>Sets the elements under the mask from value in order.</summary>
        public Tensor masked_scatter_(Tensor mask, Tensor value)
        {
            Aten.masked_scatter_.Run(this, mask, value);
            return this;
        }
        /// <summary>Elements by number along a dimension.</summary>
        public Tensor gather(long dim, Tensor index) => Aten.gather.Call(this, dim, index);
        /// <summary>Elements by number along a dimension, broadcasting.</summary>
        public Tensor take_along_dim(Tensor indices, long dim) => Aten.take_along_dim.Call(this, indices, dim);
        /// <summary>With elements written by number along a dimension.</summary>
        public Tensor scatter(long dim, Tensor index, Tensor src) => Aten.scatter_src.Call(this, dim, index, src);
        /// <summary>Writes elements by number along a dimension.</summary>
        public Tensor scatter_(long dim, Tensor index, Tensor src)
        {
            Aten.scatter__src.Run(this, dim, index, src);
            return this;
        }
        /// <summary>With elements added by number along a dimension.</summary>
        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Aten.scatter_add.Call(this, dim, index, src);
        /// <summary>Adds elements by number along a dimension.</summary>
        public Tensor scatter_add_(long dim, Tensor index, Tensor src)
        {
            Aten.scatter_add_.Run(this, dim, index, src);
            return this;
        }
        /// <summary>Shifted with wrap-around along a dimension, or flat.</summary>
        public Tensor roll(long shifts, long? dims = null) => Aten.roll.Call(this, new[] { shifts }, dims is { } d ? new[] { d } : Array.Empty<long>());
        /// <summary>Shifted with wrap-around along dimensions.</summary>
        public Tensor roll(long[] shifts, long[] dims) => Aten.roll.Call(this, shifts, dims);
        /// <summary>Reversed along dimensions.</summary>
        public Tensor flip(params long[] dims) => Aten.flip.Call(this, dims);
        /// <summary>The upper triangle.</summary>
        public Tensor triu(long diagonal = 0) => Aten.triu.Call(this, diagonal);
        /// <summary>The lower triangle.</summary>
        public Tensor tril(long diagonal = 0) => Aten.tril.Call(this, diagonal);
        /// <summary>A diagonal; a view.</summary>
        public Tensor diagonal(long offset = 0, long dim1 = 0, long dim2 = 1) => Aten.diagonal.Call(this, offset, dim1, dim2);
        /// <summary>The indices of the elements that are not zero: [count, dimensions].</summary>
        public Tensor nonzero() => Aten.nonzero.Call(this);
        /// <summary>The indices of the elements that are not zero: [count, dimensions].</summary>
        public Tensor argwhere() => Aten.argwhere.Call(this);
        /// <summary>This where the condition holds, y elsewhere.</summary>
        public Tensor where(Tensor condition, Tensor y) => Aten.where_self.Call(condition, this, y);
        /// <summary>With a range of a dimension replaced.</summary>
        public Tensor slice_scatter(Tensor src, long dim = 0, long? start = null, long? end = null, long step = 1) =>
            Aten.slice_scatter.Call(this, src, dim, start, end, step);
    }
}
