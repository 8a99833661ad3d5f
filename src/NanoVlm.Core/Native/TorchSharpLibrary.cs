using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Runtime.Versioning;
using System.Text;
using TorchSharp;

namespace NanoVlm.Native;

/// <summary>
/// Lets TorchSharp's native library load where libstdc++ is older than GCC 13's: Debian 12, Ubuntu 22.04, RHEL 9. The library asks for version GLIBCXX_3.4.32 of
/// libstdc++ because of one symbol that no code of it uses, so it works without; only the loader refuses it. Here the loader gets a copy, in memory alone, in which
/// that one requirement is marked as weak. Where the library loads as it is, nothing of this runs.
/// </summary>
internal static partial class TorchSharpLibrary
{
    private const string Name = "LibTorchSharp";
    private const string Version = "GLIBCXX_3.4.32";
    private static readonly Lock once = new();
    private static nint loaded;

#pragma warning disable CA2255 // a library has no other moment before its user's first tensor
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Register()
    {
        if (!OperatingSystem.IsLinux()) return;
        var torchSharp = typeof(torch).Assembly;
        AssemblyLoadContext.GetLoadContext(torchSharp)!.ResolvingUnmanagedDll += Resolve;
        var own = AssemblyLoadContext.GetLoadContext(typeof(TorchSharpLibrary).Assembly)!;
        if (own != AssemblyLoadContext.GetLoadContext(torchSharp)) own.ResolvingUnmanagedDll += Resolve;
    }

    // The runtime asks here only after it found no library that loads.
    [SupportedOSPlatform("linux")]
    private static nint Resolve(Assembly assembly, string name)
    {
        if (name is not (Name or "lib" + Name or "lib" + Name + ".so")) return 0;
        lock (once)
        {
            if (loaded == 0 && Folders().FirstOrDefault(folder => File.Exists(Path.Combine(folder, $"lib{Name}.so"))) is { } folder) loaded = Load(folder);
            return loaded;
        }
    }

    private static IEnumerable<string> Folders()
    {
        var searched = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var besides = new[] { AppContext.BaseDirectory, Path.GetDirectoryName(typeof(torch).Assembly.Location) ?? "" };
        return searched.Concat(besides).Concat(besides.Select(folder => Path.Combine(folder, "runtimes", RuntimeInformation.RuntimeIdentifier, "native")));
    }

    [SupportedOSPlatform("linux")]
    private static nint Load(string folder)
    {
        var path = Path.Combine(folder, $"lib{Name}.so");
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (DllNotFoundException error) when (error.Message.Contains(Version))
        {
            var file = File.ReadAllBytes(path);
            if (!TryWeaken(file, Version)) return 0;
            // The copy has no folder of its own, so what it needs is loaded before it, from the folder of the original.
            foreach (var needed in new[] { "c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch" })
                NativeLibrary.TryLoad(Path.Combine(folder, $"lib{needed}.so"), out _);
            return LoadFromMemory(file);
        }
    }

    /// <summary>Sets the flag VER_FLG_WEAK of a version that an ELF file needs of another library (gabi, "Symbol Versioning").</summary>
    /// <param name="elf">A 64-bit little-endian ELF file; changed in place.</param>
    /// <param name="version">The version's name.</param>
    /// <returns>Whether it was there.</returns>
    internal static bool TryWeaken(Span<byte> elf, string version)
    {
        if (elf is not [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, ..] || elf.Length < 64) return false;
        try
        {
            var (sections, size, count) = ((int)BinaryPrimitives.ReadUInt64LittleEndian(elf[40..]), U16(elf, 58), U16(elf, 60));
            for (var i = 0; i < count; i++)
            {
                var section = elf.Slice(sections + i * size, 64);
                if (U32(section, 4) != 0x6ffffffe) continue; // SHT_GNU_verneed
                var strings = Offset(elf.Slice(sections + U32(section, 40) * size, 64));
                for (var (at, left) = (Offset(section), U32(section, 44)); left > 0; at += U32(elf, at + 12), left--)
                    for (var (entry, needs) = (at + U32(elf, at + 8), (int)U16(elf, at + 2)); needs > 0; entry += U32(elf, entry + 12), needs--)
                    {
                        var name = elf[(strings + U32(elf, entry + 8))..];
                        if (Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]) != version) continue;
                        BinaryPrimitives.WriteUInt16LittleEndian(elf[(entry + 4)..], (ushort)(U16(elf, entry + 4) | 2));
                        return true;
                    }
            }
        }
        catch (ArgumentOutOfRangeException)
        {
            // Not the file it seemed to be.
        }
        return false;

        static int Offset(ReadOnlySpan<byte> section) => (int)BinaryPrimitives.ReadUInt64LittleEndian(section[24..]);
        static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
        static int U32(ReadOnlySpan<byte> bytes, int at) => (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
    }

    // A file of the kernel's that no disk holds: nothing is left behind, and folders that forbid programs do not matter.
    [SupportedOSPlatform("linux")]
    private static nint LoadFromMemory(byte[] file)
    {
        var descriptor = memfd_create($"lib{Name}.so", 1); // MFD_CLOEXEC
        if (descriptor < 0) return 0;
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.Write(handle, file, 0);
        return NativeLibrary.Load($"/proc/self/fd/{descriptor}");
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);
}
