using System.Runtime.InteropServices;
using TorchSharp.Native;

namespace TorchSharp;

/// <summary>PyTorch's <c>torch</c> module: tensors, their factories and operators. A subset of TorchSharp's class of the same name.</summary>
public static unsafe partial class torch
{
    /// <summary>Element types; the numbers are libtorch's.</summary>
    public enum ScalarType : sbyte
    {
        /// <summary>Unsigned 8-bit integer.</summary>
        Byte = 0,
        /// <summary>Signed 8-bit integer.</summary>
        Int8 = 1,
        /// <summary>Signed 16-bit integer.</summary>
        Int16 = 2,
        /// <summary>Signed 32-bit integer.</summary>
        Int32 = 3,
        /// <summary>Signed 64-bit integer.</summary>
        Int64 = 4,
        /// <summary>IEEE half precision.</summary>
        Float16 = 5,
        /// <summary>IEEE single precision.</summary>
        Float32 = 6,
        /// <summary>IEEE double precision.</summary>
        Float64 = 7,
        /// <summary>Complex of two float32.</summary>
        ComplexFloat32 = 9,
        /// <summary>Complex of two float64.</summary>
        ComplexFloat64 = 10,
        /// <summary>Boolean, a byte.</summary>
        Bool = 11,
        /// <summary>Brain floating point, 16 bits.</summary>
        BFloat16 = 15,
    }

    /// <summary>Boolean, a byte.</summary>
    public static readonly ScalarType @bool = ScalarType.Bool;
    /// <summary>Unsigned 8-bit integer.</summary>
    public static readonly ScalarType uint8 = ScalarType.Byte;
    /// <summary>Signed 8-bit integer.</summary>
    public static readonly ScalarType int8 = ScalarType.Int8;
    /// <summary>Signed 16-bit integer.</summary>
    public static readonly ScalarType int16 = ScalarType.Int16;
    /// <summary>Signed 32-bit integer.</summary>
    public static readonly ScalarType int32 = ScalarType.Int32;
    /// <summary>Signed 64-bit integer.</summary>
    public static readonly ScalarType int64 = ScalarType.Int64;
    /// <summary>Brain floating point, 16 bits.</summary>
    public static readonly ScalarType bfloat16 = ScalarType.BFloat16;
    /// <summary>IEEE half precision.</summary>
    public static readonly ScalarType float16 = ScalarType.Float16;
    /// <summary>IEEE single precision.</summary>
    public static readonly ScalarType float32 = ScalarType.Float32;
    /// <summary>IEEE double precision.</summary>
    public static readonly ScalarType float64 = ScalarType.Float64;
    /// <summary>Complex of two float32.</summary>
    public static readonly ScalarType complex64 = ScalarType.ComplexFloat32;
    /// <summary>Complex of two float64.</summary>
    public static readonly ScalarType complex128 = ScalarType.ComplexFloat64;
    /// <summary>Signed 16-bit integer.</summary>
    public static readonly ScalarType @short = ScalarType.Int16;
    /// <summary>Signed 32-bit integer.</summary>
    public static readonly ScalarType @int = ScalarType.Int32;
    /// <summary>Signed 64-bit integer.</summary>
    public static readonly ScalarType @long = ScalarType.Int64;
    /// <summary>IEEE half precision.</summary>
    public static readonly ScalarType half = ScalarType.Float16;
    /// <summary>IEEE single precision.</summary>
    public static readonly ScalarType @float = ScalarType.Float32;
    /// <summary>IEEE double precision.</summary>
    public static readonly ScalarType @double = ScalarType.Float64;

    /// <summary>The version of libtorch, e.g. "1.13.1".</summary>
    public static string __version__ => Marshal.PtrToStringUTF8((IntPtr)NativeMethods.nvlm_torch_version())!;

    /// <summary>How libtorch was built: compilers, BLAS, oneDNN, CPU code path (PyTorch's <c>__config__.show()</c>).</summary>
    public static string build_description() => NativeMethods.TakeString(NativeMethods.nvlm_build_description());

    /// <summary>How libtorch threads (PyTorch's <c>__config__.parallel_info()</c>).</summary>
    public static string thread_description() => NativeMethods.TakeString(NativeMethods.nvlm_thread_description());

    /// <summary>The dtype of new floating point tensors.</summary>
    public static ScalarType get_default_dtype() => (ScalarType)NativeMethods.nvlm_default_dtype();

    /// <summary>Sets the dtype of new floating point tensors.</summary>
    public static void set_default_dtype(ScalarType dtype) => NativeMethods.Check(NativeMethods.nvlm_set_default_dtype((int)dtype));

    /// <summary>Threads used inside an operator.</summary>
    public static int get_num_threads() => NativeMethods.nvlm_num_threads();

    /// <summary>Sets the threads used inside an operator.</summary>
    public static void set_num_threads(int num) => NativeMethods.Check(NativeMethods.nvlm_set_num_threads(num));

    /// <summary>Threads used between operators.</summary>
    public static int get_num_interop_threads() => NativeMethods.nvlm_num_interop_threads();

    /// <summary>Sets the threads used between operators; once, before the first parallel work.</summary>
    public static void set_num_interop_threads(int num) => NativeMethods.Check(NativeMethods.nvlm_set_num_interop_threads(num));

    /// <summary>Opens a dispose scope on this thread: tensors made until it is disposed of belong to it.</summary>
    public static DisposeScope NewDisposeScope() => DisposeScopeManager.OfThread.Open();

    /// <summary>The innermost open scope of this thread.</summary>
    public static DisposeScope? CurrentDisposeScope => DisposeScopeManager.OfThread.Current;

    /// <summary>Runs an expression in a scope of its own and keeps its result.</summary>
    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }

    /// <summary>A device by its kind and number. No value equality, as in TorchSharp: compare type and index.</summary>
    public sealed class Device
    {
        /// <param name="description">"cpu", "cuda", "cuda:1".</param>
        public Device(string description)
        {
            var colon = description.IndexOf(':');
            type = Parse(colon < 0 ? description : description[..colon], description);
            index = colon < 0 ? -1 : int.TryParse(description[(colon + 1)..], out var number) && number >= 0
                ? number
                : throw new ArgumentException($"'{description}' is not a device; expected cpu, cuda or cuda:N.");
        }

        /// <param name="deviceType">"cpu" or "cuda".</param>
        /// <param name="index">The device's number; -1 for the current one.</param>
        public Device(string deviceType, int index = -1) : this(Parse(deviceType, deviceType), index)
        {
        }

        /// <param name="deviceType">The kind of device.</param>
        /// <param name="index">The device's number; -1 for the current one.</param>
        public Device(DeviceType deviceType, int index = -1)
        {
            type = deviceType;
            this.index = index;
        }

        /// <param name="index">The number of a CUDA device.</param>
        public Device(int index) : this(DeviceType.CUDA, index)
        {
        }

        /// <summary>The kind of device.</summary>
        public DeviceType type { get; }

        /// <summary>The device's number; -1 when unspecified.</summary>
        public int index { get; }

        /// <summary>A device from its description.</summary>
        public static implicit operator Device(string description) => new(description);

        /// <summary>"cpu", "cuda:0".</summary>
        public override string ToString() => type.ToString().ToLowerInvariant() + (index < 0 ? "" : $":{index}");

        private static DeviceType Parse(string name, string description) => name switch
        {
            "cpu" => DeviceType.CPU,
            "cuda" => DeviceType.CUDA,
            "mps" => DeviceType.MPS,
            "meta" => DeviceType.META,
            _ => throw new ArgumentException($"'{description}' is not a device; expected cpu, cuda or cuda:N."),
        };
    }

    /// <summary>Main memory.</summary>
    public static readonly Device CPU = new(DeviceType.CPU);
    /// <summary>Shapes without memory.</summary>
    public static readonly Device META = new(DeviceType.META);
    /// <summary>The current CUDA device.</summary>
    public static Device CUDA => new(DeviceType.CUDA);

    /// <summary>A device from its description: "cpu", "cuda:1".</summary>
    public static Device device(string description) => new(description);
    /// <summary>A device by kind and number.</summary>
    public static Device device(string deviceType, int index = -1) => new(deviceType, index);
    /// <summary>A device by kind and number.</summary>
    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);
    /// <summary>A CUDA device by number.</summary>
    public static Device device(int index) => new(index);

    /// <summary>CUDA devices.</summary>
    public static class cuda
    {
        /// <summary>Whether this libtorch has CUDA and the machine a device.</summary>
        public static bool is_available() => NativeMethods.nvlm_cuda_available() != 0;
        /// <summary>How many devices there are.</summary>
        public static int device_count() => NativeMethods.nvlm_cuda_device_count();
        /// <summary>Waits for all work on a device.</summary>
        public static void synchronize(Device? device = null) => NativeMethods.Check(NativeMethods.nvlm_cuda_synchronize(device?.index ?? -1));
        /// <summary>The state of a device's default generator, as bytes.</summary>
        public static Tensor get_rng_state(Device? device = null)
        {
            using var generator = Generator.DefaultOf(device ?? CUDA);
            return generator.get_state();
        }
        /// <summary>Restores the state of a device's default generator.</summary>
        public static void set_rng_state(Tensor new_state, Device? device = null)
        {
            using var generator = Generator.DefaultOf(device ?? CUDA);
            generator.set_state(new_state);
        }
        /// <summary>Seeds the current device's generator.</summary>
        public static void manual_seed(long seed) => manual_seed_all(seed);
        /// <summary>Seeds the generators of all devices.</summary>
        public static void manual_seed_all(long seed)
        {
            for (var i = 0; i < device_count(); i++)
            {
                using var generator = Generator.DefaultOf(new Device(i));
                generator.manual_seed(seed);
            }
        }
    }

    /// <summary>Switches of libtorch's backends.</summary>
    public static class backends
    {
        /// <summary>cuBLAS and cuDNN.</summary>
        public static class cuda
        {
            /// <summary>Matrix products.</summary>
            public static class matmul
            {
                /// <summary>Whether float32 products may round their inputs to TF32.</summary>
                public static bool allow_tf32
                {
                    get => NativeMethods.nvlm_allow_tf32() != 0;
                    set => NativeMethods.nvlm_set_allow_tf32(value ? 1 : 0);
                }
            }
        }
    }

    /// <summary>The limits of a floating point type.</summary>
    /// <param name="bits">Its width.</param>
    /// <param name="eps">The distance from 1 to the next number.</param>
    /// <param name="max">The largest number.</param>
    /// <param name="min">The most negative number.</param>
    /// <param name="tiny">The smallest positive normal number.</param>
    public readonly record struct FInfo(int bits, double eps, double max, double min, double tiny);

    /// <summary>The limits of a floating point type.</summary>
    /// <exception cref="ArgumentException">The type is not a floating point type.</exception>
    public static FInfo finfo(ScalarType dtype) => dtype switch
    {
        ScalarType.Float64 => new(64, Math.BitIncrement(1) - 1, double.MaxValue, double.MinValue, 2.2250738585072014e-308),
        ScalarType.Float32 => new(32, MathF.BitIncrement(1) - 1, float.MaxValue, float.MinValue, 1.17549435e-38),
        ScalarType.BFloat16 => new(16, 0.0078125, 3.3895313892515355e38, -3.3895313892515355e38, 1.17549435e-38),
        ScalarType.Float16 => new(16, 0.0009765625, 65504, -65504, 6.103515625e-05),
        _ => throw new ArgumentException($"{dtype} is not a floating point type."),
    };

    /// <summary>The limits of the default floating point type.</summary>
    public static FInfo finfo() => finfo(get_default_dtype());
}
