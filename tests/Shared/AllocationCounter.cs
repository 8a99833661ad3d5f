using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace NanoVlm.Shared;

/// <summary>
/// Counts the memory of tensors on the CPU that are made until it is disposed of, by whatever thread. It stands between libtorch and its allocator, which has no other
/// door: the object below is a c10::Allocator (c10/core/Allocator.h) whose <c>allocate</c> is ours, as compilers for Linux and macOS lay it out.
/// </summary>
public sealed unsafe class AllocationCounter : IDisposable
{
    private const int AllocateSlot = 2, Slots = 8, TypeSlots = 2; // two destructors are before it; the vtable begins behind an offset and the type
    private static readonly ConcurrentDictionary<nint, (long Bytes, AllocationCounter[] Counters)> counted = [];
    private static readonly Lock counting = new();
    private static volatile AllocationCounter[] counters = [];
    private static nint original, replacement;
    private static delegate* unmanaged[Cdecl]<nint, nuint, DataPtr> allocate;
    private static delegate* unmanaged[Cdecl]<nint, void> free;
    private long bytes, peak, live;

    /// <summary>Whether this platform's compilers lay objects out so.</summary>
    public static bool IsSupported => !OperatingSystem.IsWindows();

    /// <summary>Begins to count.</summary>
    public AllocationCounter()
    {
        lock (counting)
        {
            if (replacement == 0) Make();
            if (counters.Length == 0) Set(replacement);
            counters = [.. counters, this];
        }
    }

    /// <summary>Bytes held now.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>The most bytes held at once.</summary>
    public long PeakBytes => Interlocked.Read(ref peak);

    /// <summary>Pieces of memory held now.</summary>
    public long Live => Interlocked.Read(ref live);

    /// <summary>Stops counting.</summary>
    public void Dispose()
    {
        lock (counting)
        {
            counters = [.. counters.Where(counter => counter != this)];
            if (counters.Length == 0) Set(original);
        }
    }

    private static void Make()
    {
        torch.InitializeDeviceType(DeviceType.CPU);
        original = ((delegate* unmanaged[Cdecl]<nint>)NativeLibrary.GetExport(Library, "_ZN3c1015GetCPUAllocatorEv"))();
        var vtable = *(nint**)original;
        allocate = (delegate* unmanaged[Cdecl]<nint, nuint, DataPtr>)vtable[AllocateSlot];
        var copy = (nint*)NativeMemory.Alloc(Slots + TypeSlots, (nuint)sizeof(nint));
        for (var i = 0; i < Slots + TypeSlots; i++) copy[i] = vtable[i - TypeSlots];
        copy[TypeSlots + AllocateSlot] = (nint)(delegate* unmanaged[Cdecl]<nint, nuint, DataPtr>)&Allocate;
        var self = (nint*)NativeMemory.Alloc((nuint)sizeof(nint));
        *self = (nint)(copy + TypeSlots);
        replacement = (nint)self;
    }

    private static nint Library => NativeLibrary.Load("c10", typeof(AllocationCounter).Assembly, null);

    private static void Set(nint allocator) =>
        ((delegate* unmanaged[Cdecl]<nint, byte, void>)NativeLibrary.GetExport(Library, "_ZN3c1015SetCPUAllocatorEPNS_9AllocatorEh"))(allocator, 255);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static DataPtr Allocate(nint self, nuint size)
    {
        var made = allocate(original, size);
        var counters = AllocationCounter.counters;
        if (made.Data == 0 || counters.Length == 0) return made;
        // The memory's deleter stands beside the memory, in an order that is the compiler's.
        ref var deleter = ref made.First == made.Data ? ref made.Second : ref made.First;
        free = (delegate* unmanaged[Cdecl]<nint, void>)deleter;
        deleter = (nint)(delegate* unmanaged[Cdecl]<nint, void>)&Free;
        counted[made.Data] = ((long)size, counters);
        foreach (var counter in counters)
        {
            Interlocked.Increment(ref counter.live);
            var now = Interlocked.Add(ref counter.bytes, (long)size);
            for (var most = counter.peak; now > most; most = counter.peak)
                if (Interlocked.CompareExchange(ref counter.peak, now, most) == most) break;
        }
        return made;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Free(nint data)
    {
        if (counted.TryRemove(data, out var entry))
            foreach (var counter in entry.Counters)
            {
                Interlocked.Decrement(ref counter.live);
                Interlocked.Add(ref counter.bytes, -entry.Bytes);
            }
        free(data);
    }

    // c10::DataPtr: the data, a unique_ptr with its deleter, a device.
    private struct DataPtr
    {
#pragma warning disable CS0649 // native code fills it
        public nint Data, First, Second, Device;
#pragma warning restore CS0649
    }
}
