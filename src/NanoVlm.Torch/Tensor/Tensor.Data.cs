using TorchSharp.Native;
using TorchSharp.Utils;

namespace TorchSharp;

public static unsafe partial class torch
{
    public partial class Tensor
    {
        /// <summary>The one element, whose type must be the tensor's.</summary>
        /// <exception cref="ArgumentException">There is not exactly one element, or its type is another.</exception>
        public T item<T>() where T : unmanaged
        {
            if (NumberOfElements != 1) throw new ArgumentException($"item() needs a tensor of one element; this one has shape [{string.Join(", ", shape)}].");
            CheckType<T>();
            using var local = is_cpu() ? alias() : cpu();
            return *(T*)local.DataPointer();
        }

        /// <summary>The one element as a number, converting.</summary>
        public Scalar ToScalar()
        {
            if (NumberOfElements != 1) throw new ArgumentException($"A number needs a tensor of one element; this one has shape [{string.Join(", ", shape)}].");
            var value = Aten._local_scalar_dense.CallValue(this);
            return value.Tag switch
            {
                Tag.Double => Scalar.FromDouble(value.Number),
                Tag.Bool => Scalar.FromBool(value.Integer != 0),
                _ => Scalar.FromLong(value.Integer),
            };
        }

        /// <summary>The one element as a number, converting.</summary>
        public static explicit operator float(Tensor value) => value.ToSingle();
        /// <summary>The one element as a number, converting.</summary>
        public static explicit operator double(Tensor value) => value.ToDouble();
        /// <summary>The one element as a number, converting.</summary>
        public static explicit operator sbyte(Tensor value) => (sbyte)value.ToInt64();
        /// <summary>The one element as a number, converting.</summary>
        public static explicit operator byte(Tensor value) => (byte)value.ToInt64();
        /// <summary>The one element as a number, converting.</summary>
        public static explicit operator short(Tensor value) => (short)value.ToInt64();
        /// <summary>The one element as a number, converting.</summary>
        public static explicit operator int(Tensor value) => value.ToInt32();
        /// <summary>The one element as a number, converting.</summary>
        public static explicit operator long(Tensor value) => value.ToInt64();
        /// <summary>The one element as a boolean, converting.</summary>
        public static explicit operator bool(Tensor value) => value.ToBoolean();

        /// <summary>Reads and writes the elements of a CPU tensor; of another device, a copy's.</summary>
        /// <exception cref="ArgumentException"><typeparamref name="T"/> is not the tensor's element type.</exception>
        public TensorAccessor<T> data<T>() where T : unmanaged
        {
            CheckType<T>();
            return new TensorAccessor<T>(is_cpu() ? this : cpu());
        }

        /// <summary>The memory of a contiguous CPU tensor: a view, valid while the tensor lives.</summary>
        /// <exception cref="InvalidOperationException">The tensor is elsewhere, strided, or larger than a span.</exception>
        public Span<byte> bytes
        {
            get
            {
                if (!is_cpu() || !is_contiguous()) throw new InvalidOperationException($"bytes needs a contiguous CPU tensor; this is {this}.");
                return new Span<byte>(DataPointer(), checked((int)(NumberOfElements * ElementSize)));
            }
            set
            {
                var target = bytes;
                if (value.Length != target.Length) throw new ArgumentException($"{value.Length} bytes do not fit a tensor of {target.Length}.");
                value.CopyTo(target);
                GC.KeepAlive(this);
            }
        }

        /// <summary>Writes a contiguous tensor's memory to a stream.</summary>
        public void WriteBytesToStream(Stream stream, int bufferSize = 1024)
        {
            using var local = cpu();
            using var packed = local.contiguous();
            var left = packed.NumberOfElements * packed.ElementSize;
            const int slice = 1 << 30;
            for (var at = (byte*)packed.DataPointer(); left > 0; at += slice, left -= slice)
                stream.Write(new ReadOnlySpan<byte>(at, (int)Math.Min(left, slice)));
        }

        /// <summary>Fills a contiguous CPU tensor's memory from a stream.</summary>
        public void ReadBytesFromStream(Stream stream, int bufferSize = 1024)
        {
            if (!is_cpu() || !is_contiguous()) throw new InvalidOperationException($"ReadBytesFromStream needs a contiguous CPU tensor; this is {this}.");
            var left = NumberOfElements * ElementSize;
            const int slice = 1 << 30;
            for (var at = (byte*)DataPointer(); left > 0; at += slice, left -= slice)
                stream.ReadExactly(new Span<byte>(at, (int)Math.Min(left, slice)));
            GC.KeepAlive(this);
        }

        /// <summary>The address of the first element of a CPU tensor.</summary>
        internal void* DataPointer()
        {
            void* pointer;
            NativeMethods.Check(Kept(NativeMethods.nvlm_tensor_data(Handle, &pointer)));
            return pointer;
        }

        private void CheckType<T>() where T : unmanaged
        {
            if (ElementTypes.Of<T>() != dtype)
                throw new ArgumentException($"The elements are {dtype}, not {typeof(T).Name}.");
        }

        /// <summary>A copy with memory of its own.</summary>
        public Tensor clone() => Aten.clone.Call(this);
        /// <summary>Another object for the same tensor: shares memory and gradient.</summary>
        public Tensor alias() => Aten.alias.Call(this);
        /// <summary>The same values in row-major memory; shares memory when they are already.</summary>
        public Tensor contiguous() => Aten.contiguous.Call(this);
        /// <summary>The same memory, out of the gradient graph.</summary>
        public Tensor detach() => Aten.detach.Call(this);
        /// <summary>Takes this tensor out of the gradient graph.</summary>
        public Tensor detach_()
        {
            Aten.detach_.Run(this);
            return this;
        }
        /// <summary>Copies values in, broadcasting and converting.</summary>
        public Tensor copy_(Tensor source, bool nonBlocking = false)
        {
            Aten.copy_.Run(this, source, nonBlocking);
            return this;
        }
        /// <summary>Makes this tensor share another's storage and shape.</summary>
        public Tensor set_(Tensor source)
        {
            Aten.set__source_Tensor.Run(this, source);
            return this;
        }
        /// <summary>A copy in page-locked memory.</summary>
        public Tensor pin_memory() => Aten.pin_memory.Call(this);

        /// <summary>On the CPU; shares memory when it is there already.</summary>
        public Tensor cpu() => to(CPU);
        /// <summary>On a CUDA device.</summary>
        public Tensor cuda(Device? device = null, bool non_blocking = false) => to(device ?? CUDA, non_blocking: non_blocking);

        /// <summary>Converted to another dtype; shares memory when nothing changes and no copy is asked for.</summary>
        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Converted(Aten.to_dtype.Call(this, type, non_blocking, copy), disposeAfter);

        /// <summary>On another device; shares memory when nothing changes and no copy is asked for.</summary>
        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(dtype, device, copy, disposeAfter, non_blocking);

        /// <inheritdoc cref="to(Device, bool, bool, bool)"/>
        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(device), copy, disposeAfter, non_blocking);

        /// <inheritdoc cref="to(Device, bool, bool, bool)"/>
        public Tensor to(DeviceType deviceType, int deviceIndex = -1, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);

        /// <summary>Converted to another dtype on another device.</summary>
        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Converted(Aten.to_device.Call(this, device, type, non_blocking, copy), disposeAfter);

        /// <summary>Converted to another tensor's dtype and device.</summary>
        public Tensor to(Tensor other, bool non_blocking = false) => to(other.dtype, other.device, non_blocking: non_blocking);

        /// <inheritdoc cref="to(ScalarType, bool, bool, bool)"/>
        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(type, copy, disposeAfter, non_blocking);

        /// <summary>Converted to another tensor's dtype.</summary>
        public Tensor type_as(Tensor tensor) => to(tensor.dtype);
        /// <summary>Converted to float32.</summary>
        public Tensor @float() => to(ScalarType.Float32);
        /// <summary>Converted to float16.</summary>
        public Tensor half() => to(ScalarType.Float16);
        /// <summary>Converted to bfloat16.</summary>
        public Tensor bfloat16() => to(ScalarType.BFloat16);
        /// <summary>Converted to float64.</summary>
        public Tensor @double() => to(ScalarType.Float64);
        /// <summary>Converted to 64-bit integers.</summary>
        public Tensor @long() => to(ScalarType.Int64);
        /// <summary>Converted to 32-bit integers.</summary>
        public Tensor @int() => to(ScalarType.Int32);
        /// <summary>Converted to booleans.</summary>
        public Tensor @bool() => to(ScalarType.Bool);

        private Tensor Converted(Tensor result, bool disposeAfter)
        {
            if (disposeAfter) Dispose();
            return result;
        }
    }

    /// <summary>The element type that a C# type stands for.</summary>
    internal static class ElementTypes
    {
        internal static ScalarType Of<T>() where T : unmanaged =>
            typeof(T) == typeof(float) ? ScalarType.Float32
            : typeof(T) == typeof(long) ? ScalarType.Int64
            : typeof(T) == typeof(double) ? ScalarType.Float64
            : typeof(T) == typeof(int) ? ScalarType.Int32
            : typeof(T) == typeof(short) ? ScalarType.Int16
            : typeof(T) == typeof(byte) ? ScalarType.Byte
            : typeof(T) == typeof(sbyte) ? ScalarType.Int8
            : typeof(T) == typeof(bool) ? ScalarType.Bool
            : typeof(T) == typeof(Half) ? ScalarType.Float16
            : typeof(T) == typeof(BFloat16) ? ScalarType.BFloat16
            : throw new ArgumentException($"Tensors have no elements of type {typeof(T).Name}.");

        internal static ScalarType Of(Type type) =>
            type == typeof(float) ? ScalarType.Float32
            : type == typeof(long) ? ScalarType.Int64
            : type == typeof(double) ? ScalarType.Float64
            : type == typeof(int) ? ScalarType.Int32
            : type == typeof(short) ? ScalarType.Int16
            : type == typeof(byte) ? ScalarType.Byte
            : type == typeof(sbyte) ? ScalarType.Int8
            : type == typeof(bool) ? ScalarType.Bool
            : type == typeof(Half) ? ScalarType.Float16
            : type == typeof(BFloat16) ? ScalarType.BFloat16
            : throw new ArgumentException($"Tensors have no elements of type {type.Name}.");
    }
}
