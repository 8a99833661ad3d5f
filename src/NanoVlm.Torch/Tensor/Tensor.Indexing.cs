using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>One index of a tensor: a number, a slice, a tensor of indices or a mask, a new axis, or "all that is left".</summary>
    public readonly struct TensorIndex
    {
        internal enum Kind { Slice, Single, Ellipsis, NewAxis, Bool, Tensor }

        internal Kind What { get; private init; }
        internal long? Start { get; private init; }
        internal long? Stop { get; private init; }
        internal long? Step { get; private init; }
        internal torch.Tensor? Indices { get; private init; }

        /// <summary>As many full dimensions as fit.</summary>
        public static readonly TensorIndex Ellipsis = new() { What = Kind.Ellipsis };
        /// <summary>A new dimension of size 1.</summary>
        public static readonly TensorIndex None = new() { What = Kind.NewAxis };
        /// <summary>A new dimension of size 1.</summary>
        public static readonly TensorIndex Null = None;
        /// <summary>One full dimension.</summary>
        public static readonly TensorIndex Colon = new() { What = Kind.Slice };

        /// <summary>All or nothing of a new dimension.</summary>
        public static TensorIndex Bool(bool value) => new() { What = Kind.Bool, Start = value ? 1 : 0 };
        /// <summary>One element of a dimension; negative counts from the end.</summary>
        public static TensorIndex Single(long? index) => index is null ? None : new() { What = Kind.Single, Start = index };
        /// <summary>A range of a dimension; negative bounds count from the end.</summary>
        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) => new() { What = Kind.Slice, Start = start, Stop = stop, Step = step };
        /// <summary>A range of a dimension.</summary>
        public static TensorIndex Slice(Range range) => Slice(
            range.Start.IsFromEnd ? range.Start.Value == 0 ? long.MaxValue : -range.Start.Value : range.Start.Value,
            range.End.IsFromEnd ? range.End.Value == 0 ? null : -range.End.Value : range.End.Value);
        /// <summary>Indices, or a Bool mask.</summary>
        public static TensorIndex Tensor(Tensor tensor) => new() { What = Kind.Tensor, Indices = tensor };

        /// <summary>One element of a dimension.</summary>
        public static implicit operator TensorIndex(long value) => Single(value);
        /// <summary>One element of a dimension.</summary>
        /// <exception cref="ArgumentOutOfRangeException">The index is ^0, which is behind the end.</exception>
        public static implicit operator TensorIndex(Index value) => !value.IsFromEnd ? Single(value.Value)
            : value.Value > 0 ? Single(-value.Value)
            : throw new ArgumentOutOfRangeException(nameof(value), "^0 is behind the end; the last element is ^1.");
        /// <summary>A range of a dimension.</summary>
        public static implicit operator TensorIndex(Range value) => Slice(value);
        /// <summary>A range of a dimension.</summary>
        public static implicit operator TensorIndex((int? start, int? end) value) => Slice(value.start, value.end);
    }

    public partial class Tensor
    {
        /// <summary>Part of the tensor, as PyTorch's <c>x[...]</c>: a view unless a tensor of indices takes part.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        /// <summary>The elements that tensors of indices (or masks) name.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        /// <summary>The element or slice at a number; a view.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1]
        {
            get => index([(TensorIndex)i1]);
            set => index_put_(value, [(TensorIndex)i1]);
        }

        /// <summary>The element or slice at numbers; a view.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2]
        {
            get => index([(TensorIndex)i1, (TensorIndex)i2]);
            set => index_put_(value, [(TensorIndex)i1, (TensorIndex)i2]);
        }

        /// <summary>The element or slice at numbers; a view.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3]
        {
            get => index([(TensorIndex)i1, (TensorIndex)i2, (TensorIndex)i3]);
            set => index_put_(value, [(TensorIndex)i1, (TensorIndex)i2, (TensorIndex)i3]);
        }

        /// <summary>The element or slice at numbers; a view.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4]
        {
            get => index([(TensorIndex)i1, (TensorIndex)i2, (TensorIndex)i3, (TensorIndex)i4]);
            set => index_put_(value, [(TensorIndex)i1, (TensorIndex)i2, (TensorIndex)i3, (TensorIndex)i4]);
        }

        /// <summary>The element or slice at numbers; a view.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5]
        {
            get => index([(TensorIndex)i1, (TensorIndex)i2, (TensorIndex)i3, (TensorIndex)i4, (TensorIndex)i5]);
            set => index_put_(value, [(TensorIndex)i1, (TensorIndex)i2, (TensorIndex)i3, (TensorIndex)i4, (TensorIndex)i5]);
        }

        /// <summary>The element or slice at numbers; a view.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5, long i6]
        {
            get => index([(TensorIndex)i1, (TensorIndex)i2, (TensorIndex)i3, (TensorIndex)i4, (TensorIndex)i5, (TensorIndex)i6]);
            set => index_put_(value, [(TensorIndex)i1, (TensorIndex)i2, (TensorIndex)i3, (TensorIndex)i4, (TensorIndex)i5, (TensorIndex)i6]);
        }

        /// <summary>Part of the tensor.</summary>
        public Tensor index(params TensorIndex[] indices)
        {
            var (view, tensors) = Slice(indices);
            if (tensors is null) return ReferenceEquals(view, this) ? alias() : view;
            var result = Aten.index_Tensor.Call(view, tensors);
            if (!ReferenceEquals(view, this)) view.Dispose();
            return result;
        }

        /// <summary>The elements that tensors of indices (or masks) name.</summary>
        public Tensor index(params Tensor[] indices) => Aten.index_Tensor.Call(this, indices);

        /// <summary>Writes to part of the tensor; the value is broadcast.</summary>
        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        /// <summary>Writes to part of the tensor, or adds to it; the value is broadcast.</summary>
        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            var (view, tensors) = Slice(indices);
            using var converted = value.to(dtype, device);
            // Leading dimensions of size 1 do not count.
            var sizes = converted.shape;
            using var fitted = converted.view([.. sizes.SkipWhile((size, i) => size == 1 && sizes.Length - i > view.Dimensions)]);
            if (tensors is not null) Aten.index_put_.Run(view, tensors, converted, accumulate);
            else if (accumulate) view.add_(fitted);
            else view.copy_(fitted);
            if (!ReferenceEquals(view, this)) view.Dispose();
            return this;
        }

        /// <summary>Writes to the elements that tensors of indices (or masks) name.</summary>
        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, indices, false);

        /// <summary>Writes to the elements that tensors of indices name, or adds to them.</summary>
        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false)
        {
            using var converted = value.to(dtype, device);
            Aten.index_put_.Run(this, indices, converted, accumulate);
            return this;
        }

        // Applies numbers, slices, new axes and the ellipsis as views; what remains are tensors for aten::index.
        private (Tensor View, Tensor?[]? Tensors) Slice(TensorIndex[] indices)
        {
            var used = indices.Sum(i => i.What switch
            {
                TensorIndex.Kind.Slice or TensorIndex.Kind.Single => 1,
                TensorIndex.Kind.Tensor => i.Indices!.dtype == ScalarType.Bool ? (int)i.Indices.Dimensions : 1,
                _ => 0,
            });
            if (used > Dimensions)
                throw new ArgumentException($"Too many indices ({used}) for a tensor of shape [{string.Join(", ", shape)}].");
            if (indices.Count(i => i.What == TensorIndex.Kind.Ellipsis) > 1)
                throw new ArgumentException("An index has at most one ellipsis.");

            var view = this;
            List<Tensor?>? tensors = null;
            var dim = 0L;
            var merged = 0L; // a mask of several dimensions is one entry of the list
            foreach (var index in indices)
            {
                switch (index.What)
                {
                    case TensorIndex.Kind.Single:
                        Step(view.select(dim, index.Start!.Value));
                        break;
                    case TensorIndex.Kind.Slice:
                        if (index.Start is not null || index.Stop is not null || index.Step is not null)
                            Step(Aten.slice_Tensor.Call(view, dim, index.Start, index.Stop, index.Step ?? 1));
                        dim++;
                        break;
                    case TensorIndex.Kind.Ellipsis:
                        dim += Dimensions - used;
                        break;
                    case TensorIndex.Kind.NewAxis:
                        Step(view.unsqueeze(dim++));
                        break;
                    case TensorIndex.Kind.Bool:
                        Step(view.unsqueeze(dim));
                        if (index.Start == 0) Step(view.narrow(dim, 0, 0));
                        dim++;
                        break;
                    case TensorIndex.Kind.Tensor:
                        tensors ??= [];
                        while (tensors.Count < dim - merged) tensors.Add(null);
                        tensors.Add(index.Indices);
                        var width = index.Indices!.dtype == ScalarType.Bool ? index.Indices.Dimensions : 1;
                        merged += width - 1;
                        dim += width;
                        break;
                }
            }
            return (view, tensors?.ToArray());

            void Step(Tensor next)
            {
                if (!ReferenceEquals(view, this)) view.Dispose();
                view = next;
            }
        }
    }
}
