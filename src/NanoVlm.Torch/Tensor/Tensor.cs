using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>
    /// A tensor of libtorch. The object holds one reference to the native tensor, gives it up on <see cref="Dispose()"/> and
    /// belongs to the dispose scope that was current when it was made. A finalizer is the safety net, not the rule: the
    /// garbage collector does not see native memory.
    /// </summary>
    public partial class Tensor : IDisposable
    {
        private static long total;
        private static long peak;
        private IntPtr handle;

        internal Tensor(IntPtr handle)
        {
            this.handle = handle;
            var count = Interlocked.Increment(ref total);
            for (var old = Volatile.Read(ref peak); count > old; old = Volatile.Read(ref peak))
                if (Interlocked.CompareExchange(ref peak, count, old) == old) break;
            DisposeScopeManager.OfThread.Register(this);
        }

        /// <summary>The safety net for a tensor that nobody disposed of.</summary>
        ~Tensor() => Release();

        /// <summary>Tensor objects that hold a native tensor now, in the whole process.</summary>
        public static long TotalCount => Interlocked.Read(ref total);

        /// <summary>The largest <see cref="TotalCount"/> so far.</summary>
        public static long PeakCount => Interlocked.Read(ref peak);

        // The scope that owns this tensor, and its neighbours there: the scope's to change.
        internal DisposeScope? Scope;
        internal Tensor? Older;
        internal Tensor? Newer;

        /// <summary>The native tensor.</summary>
        /// <exception cref="InvalidOperationException">The tensor was disposed of.</exception>
        public IntPtr Handle
        {
            get
            {
                if (handle == 0) throw Disposed();
                return handle;
            }
        }

        /// <summary>Whether the tensor was disposed of.</summary>
        public bool IsInvalid => handle == 0;

        /// <summary>Gives up the native tensor. Doing so twice is harmless.</summary>
        public void Dispose()
        {
            Scope?.Remove(this);
            Release();
            GC.SuppressFinalize(this);
        }

        /// <summary>Hands the tensor to the scope around its own; without one it is detached.</summary>
        public Tensor MoveToOuterDisposeScope() => Scope is { } scope ? MoveToOtherDisposeScope(scope.Outer) : this;

        /// <summary>Takes the tensor out of every scope.</summary>
        public Tensor DetachFromDisposeScope() => MoveToOtherDisposeScope((DisposeScope?)null);

        /// <summary>Hands the tensor to another scope, or to none.</summary>
        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            if (handle == 0) throw Disposed();
            if (Scope?.Remove(this) == true) DisposeScopeManager.Statistics.DetachedFromScopeCount++;
            other?.Add(this);
            return this;
        }

        /// <summary>Hands the tensor to the scope of another tensor.</summary>
        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other.Scope);

        /// <summary>Gives the native tensor to the caller, who must release it; this object becomes invalid.</summary>
        public IntPtr DecoupleFromNativeHandle()
        {
            var result = Handle;
            Scope?.Remove(this);
            handle = 0;
            Interlocked.Decrement(ref total);
            GC.SuppressFinalize(this);
            return result;
        }

        /// <summary>Wraps a native tensor whose reference the caller gives up.</summary>
        public static Tensor UnsafeCreateTensor(IntPtr handle) => new(handle);

        /// <summary>The sizes of all dimensions; a new array at every read.</summary>
        public long[] shape
        {
            get
            {
                var sizes = new long[Dimensions];
                fixed (long* p = sizes) NativeMethods.Check(NativeMethods.nvlm_tensor_sizes(Handle, p));
                GC.KeepAlive(this);
                return sizes;
            }
        }

        /// <summary>The sizes of all dimensions.</summary>
        public long[] size() => shape;

        /// <summary>The size of one dimension; negative counts from the end.</summary>
        public long size(int dim)
        {
            var sizes = shape;
            var index = dim < 0 ? dim + sizes.Length : dim;
            if (index < 0 || index >= sizes.Length)
                throw new ArgumentOutOfRangeException(nameof(dim), $"Dimension {dim} is out of range for a tensor of shape [{string.Join(", ", sizes)}].");
            return sizes[index];
        }

        /// <summary>The number of dimensions.</summary>
        public long dim() => Dimensions;
        /// <summary>The number of dimensions.</summary>
        public long ndim => Dimensions;
        /// <summary>The number of dimensions.</summary>
        public long Dimensions => Kept(NativeMethods.nvlm_tensor_dim(Handle));
        /// <summary>The number of elements.</summary>
        public long numel() => NumberOfElements;
        /// <summary>The number of elements.</summary>
        public long NumberOfElements => Kept(NativeMethods.nvlm_tensor_numel(Handle));
        /// <summary>Bytes of one element.</summary>
        public long element_size() => ElementSize;
        /// <summary>Bytes of one element.</summary>
        public long ElementSize => Kept(NativeMethods.nvlm_tensor_element_size(Handle));
        /// <summary>The element type.</summary>
        public ScalarType dtype => (ScalarType)Kept(NativeMethods.nvlm_tensor_dtype(Handle));

        /// <summary>Where the memory is; a new object at every read.</summary>
        public Device device
        {
            get
            {
                int type, index;
                NativeMethods.nvlm_tensor_device(Handle, &type, &index);
                GC.KeepAlive(this);
                return new Device((DeviceType)type, index);
            }
        }

        /// <summary>The kind of device.</summary>
        public DeviceType device_type => device.type;
        /// <summary>The device's number; -1 for the CPU.</summary>
        public int device_index => device.index;

        /// <summary>The strides of all dimensions, in elements.</summary>
        public long[] stride()
        {
            var strides = new long[Dimensions];
            fixed (long* p = strides) NativeMethods.Check(NativeMethods.nvlm_tensor_strides(Handle, p));
            GC.KeepAlive(this);
            return strides;
        }

        /// <summary>The stride of one dimension, in elements.</summary>
        public long stride(int dim)
        {
            var strides = stride();
            var index = dim < 0 ? dim + strides.Length : dim;
            if (index < 0 || index >= strides.Length)
                throw new ArgumentOutOfRangeException(nameof(dim), $"Dimension {dim} is out of range for a tensor of shape [{string.Join(", ", shape)}].");
            return strides[index];
        }

        /// <summary>The first element's place in the storage, in elements.</summary>
        public long storage_offset() => Kept(NativeMethods.nvlm_tensor_storage_offset(Handle));
        /// <summary>Whether elements lie in row-major order without gaps.</summary>
        public bool is_contiguous() => Kept(NativeMethods.nvlm_tensor_is_contiguous(Handle)) != 0;
        /// <summary>Whether the memory is on a CUDA device.</summary>
        public bool is_cuda => device_type == DeviceType.CUDA;
        /// <summary>Whether the tensor is a shape without memory.</summary>
        public bool is_meta => device_type == DeviceType.META;
        /// <summary>Whether the layout is sparse.</summary>
        public bool is_sparse => Kept(NativeMethods.nvlm_tensor_is_sparse(Handle)) != 0;
        /// <summary>Whether the memory is main memory.</summary>
        public bool is_cpu() => device_type == DeviceType.CPU;
        /// <summary>Whether the dtype is a floating point type.</summary>
        public bool is_floating_point() => dtype is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;
        /// <summary>Whether the dtype is an integer type.</summary>
        public bool is_integral() => dtype <= ScalarType.Int64;
        /// <summary>Whether the dtype is a complex type.</summary>
        public bool is_complex() => dtype is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;
        /// <summary>Whether the memory is page-locked.</summary>
        public bool is_pinned() => Aten.is_pinned.CallValue(this).Integer != 0;

        /// <summary>Dtype and shape: <c>Float32[2, 3] on cpu</c>.</summary>
        public override string ToString() =>
            handle == 0 ? "disposed tensor" : $"{dtype}[{string.Join(", ", shape)}] on {device}";

        internal static Tensor? FromHandle(IntPtr handle) => handle == 0 ? null : new Tensor(handle);

        // The native tensor of `data` becomes this object's: see Parameter.
        private protected static IntPtr TakeHandle(Tensor data) => data.DecoupleFromNativeHandle();

        // Keeps this object, and so its finalizer, away until the native call that made the value is over.
        private T Kept<T>(T value)
        {
            GC.KeepAlive(this);
            return value;
        }

        private void Release()
        {
            var held = Interlocked.Exchange(ref handle, 0);
            if (held == 0) return;
            Interlocked.Decrement(ref total);
            NativeMethods.nvlm_tensor_release(held);
        }

        private static InvalidOperationException Disposed() => new("The tensor was disposed of.");
    }
}
