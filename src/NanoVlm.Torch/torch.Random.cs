using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>Seeds the default generators of all devices and returns the CPU's.</summary>
    public static Generator manual_seed(long seed)
    {
        NativeMethods.Check(NativeMethods.nvlm_manual_seed((ulong)seed));
        return Generator.Default;
    }

    /// <summary>Seeds the default generator by chance and returns the seed.</summary>
    public static long seed()
    {
        using var generator = Generator.Default;
        return generator.seed();
    }

    /// <summary>The seed of the default generator.</summary>
    public static long initial_seed()
    {
        using var generator = Generator.Default;
        return generator.initial_seed();
    }

    /// <summary>The state of the CPU's default generator, as bytes.</summary>
    public static Tensor get_rng_state()
    {
        using var generator = Generator.Default;
        return generator.get_state();
    }

    /// <summary>Restores the state of the CPU's default generator.</summary>
    public static void set_rng_state(Tensor new_state)
    {
        using var generator = Generator.Default;
        generator.set_state(new_state);
    }

    /// <summary>PyTorch's <c>torch.random</c>.</summary>
    public static class random
    {
        /// <inheritdoc cref="torch.manual_seed"/>
        public static Generator manual_seed(long seed) => torch.manual_seed(seed);
    }

    /// <summary>A stream of random numbers with a state that can be saved and restored.</summary>
    public sealed class Generator : IDisposable
    {
        private IntPtr handle;

        /// <param name="seed">Where the stream begins.</param>
        /// <param name="device">The device whose operators use it; the CPU by default.</param>
        public Generator(ulong seed = 0, Device? device = null)
        {
            this.device = device ?? CPU;
            IntPtr made;
            NativeMethods.Check(NativeMethods.nvlm_generator_new((int)this.device.type, this.device.index, seed, &made));
            handle = made;
        }

        private Generator(IntPtr handle, Device device)
        {
            this.handle = handle;
            this.device = device;
        }

        /// <summary>The safety net.</summary>
        ~Generator() => Release();

        /// <summary>The generator that operators use when none is given.</summary>
        public static Generator Default => DefaultOf(CPU);

        /// <summary>The device whose operators use it.</summary>
        public Device device { get; }

        internal IntPtr Handle => handle != 0 ? handle : throw new InvalidOperationException("The generator was disposed of.");

        internal static Generator DefaultOf(Device device)
        {
            IntPtr found;
            NativeMethods.Check(NativeMethods.nvlm_generator_default((int)device.type, device.index, &found));
            return new Generator(found, device);
        }

        /// <summary>Begins the stream anew.</summary>
        public Generator manual_seed(long seed)
        {
            NativeMethods.Check(NativeMethods.nvlm_generator_set_seed(Handle, (ulong)seed));
            GC.KeepAlive(this);
            return this;
        }

        /// <summary>Begins the stream anew by chance and returns the seed.</summary>
        public long seed()
        {
            ulong value;
            NativeMethods.Check(NativeMethods.nvlm_generator_new_seed(Handle, &value));
            GC.KeepAlive(this);
            return (long)value;
        }

        /// <summary>The seed that the stream began with.</summary>
        public long initial_seed()
        {
            ulong value;
            NativeMethods.Check(NativeMethods.nvlm_generator_seed(Handle, &value));
            GC.KeepAlive(this);
            return (long)value;
        }

        /// <summary>The state, as a Byte tensor.</summary>
        public Tensor get_state()
        {
            IntPtr state;
            NativeMethods.Check(NativeMethods.nvlm_generator_state(Handle, &state));
            GC.KeepAlive(this);
            return new Tensor(state);
        }

        /// <summary>Restores a state.</summary>
        public void set_state(Tensor value)
        {
            NativeMethods.Check(NativeMethods.nvlm_generator_set_state(Handle, value.Handle));
            GC.KeepAlive(value);
            GC.KeepAlive(this);
        }

        /// <summary>Frees the native generator.</summary>
        public void Dispose()
        {
            Release();
            GC.SuppressFinalize(this);
        }

        private void Release()
        {
            var held = Interlocked.Exchange(ref handle, 0);
            if (held != 0) NativeMethods.nvlm_generator_free(held);
        }
    }
}
