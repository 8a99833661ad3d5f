using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Native;

/// <summary>An operator of libtorch or of this project, looked up by name once and called boxed.</summary>
internal sealed unsafe class Operator
{
    private const int StackLimit = 2048;
    private readonly IntPtr handle;
    private readonly string name;

    /// <param name="qualified">The name with its overload: <c>aten::add.Tensor</c>.</param>
    internal Operator(string qualified)
    {
        name = qualified;
        var dot = qualified.IndexOf('.');
        handle = NativeMethods.nvlm_operator_find(dot < 0 ? qualified : qualified[..dot], dot < 0 ? "" : qualified[(dot + 1)..]);
    }

    /// <summary>Whether this libtorch has the operator.</summary>
    internal bool Exists => handle != 0;

    /// <summary>Calls an operator with one tensor as its result.</summary>
    internal Tensor Call(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Invoke(arguments, &result, 1);
        return Take(result) ?? throw new ExternalException($"{name} returned no tensor.");
    }

    /// <summary>Calls an operator whose tensor result may be undefined.</summary>
    internal Tensor? CallOptional(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Invoke(arguments, &result, 1);
        return Take(result);
    }

    /// <summary>Calls an in-place operator or one whose results are not wanted.</summary>
    internal void Run(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[8];
        var count = Invoke(arguments, results, 8);
        for (var i = 0; i < count; i++) Discard(results[i]);
    }

    /// <summary>Calls an operator with two tensors as its results.</summary>
    internal (Tensor First, Tensor Second) CallPair(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[2];
        Invoke(arguments, results, 2);
        return (Take(results[0])!, Take(results[1])!);
    }

    /// <summary>Calls an operator with several tensors as its results; undefined ones are null.</summary>
    internal Tensor?[] CallMany(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[8];
        var count = Invoke(arguments, results, 8);
        var tensors = new Tensor?[count];
        for (var i = 0; i < count; i++) tensors[i] = Take(results[i]);
        return tensors;
    }

    /// <summary>Calls an operator with a list of tensors as its result.</summary>
    internal Tensor[] CallList(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Invoke(arguments, &result, 1);
        var handles = (IntPtr*)result.Pointer;
        var tensors = new Tensor[result.Length];
        for (var i = 0; i < tensors.Length; i++) tensors[i] = new Tensor(handles[i]);
        NativeMethods.nvlm_free(handles);
        return tensors;
    }

    /// <summary>Calls an operator with a number, integer or boolean as its result.</summary>
    internal NativeValue CallValue(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Invoke(arguments, &result, 1);
        return result;
    }

    private static Tensor? Take(NativeValue value) => value.Tag == Tag.Tensor ? new Tensor(value.Pointer) : null;

    private static void Discard(NativeValue value)
    {
        if (value.Tag == Tag.Tensor) NativeMethods.nvlm_tensor_release(value.Pointer);
        if (value.Tag != Tag.TensorList) return;
        var handles = (IntPtr*)value.Pointer;
        for (var i = 0; i < value.Length; i++) NativeMethods.nvlm_tensor_release(handles[i]);
        NativeMethods.nvlm_free(handles);
    }

    private int Invoke(ReadOnlySpan<Argument> arguments, NativeValue* results, int capacity)
    {
        if (handle == 0) throw new NotSupportedException($"This libtorch ({__version__}) has no operator {name}.");
        var words = 0;
        foreach (ref readonly var argument in arguments) words += Words(argument);
        if (words <= StackLimit)
        {
            var scratch = stackalloc long[words + 1];
            return Invoke(arguments, scratch, results, capacity);
        }
        var memory = (long*)NativeMemory.Alloc((nuint)words, sizeof(long));
        try
        {
            return Invoke(arguments, memory, results, capacity);
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    private int Invoke(ReadOnlySpan<Argument> arguments, long* scratch, NativeValue* results, int capacity)
    {
        var values = stackalloc NativeValue[arguments.Length];
        for (var i = 0; i < arguments.Length; i++) scratch = LayOut(arguments[i], ref values[i], scratch);
        int count;
        var status = NativeMethods.nvlm_operator_call(handle, values, arguments.Length, results, capacity, &count);
        foreach (ref readonly var argument in arguments) GC.KeepAlive(argument.Reference);
        NativeMethods.Check(status);
        return count;
    }

    // How many 8-byte words of scratch memory an argument's list needs.
    private static int Words(in Argument argument) => argument.Tag switch
    {
        Tag.IntList => ((long[])argument.Reference!).Length,
        Tag.DoubleList => ((double[])argument.Reference!).Length,
        Tag.TensorList => ((Tensor?[])argument.Reference!).Length,
        Tag.String => (Encoding.UTF8.GetMaxByteCount(((string)argument.Reference!).Length) + 7) / 8,
        _ => 0,
    };

    private static long* LayOut(in Argument argument, ref NativeValue value, long* scratch)
    {
        value = new NativeValue { Tag = argument.Tag, Integer = argument.Bits };
        switch (argument.Tag)
        {
            case Tag.Tensor:
                value.Pointer = ((Tensor)argument.Reference!).Handle;
                return scratch;
            case Tag.Generator:
                value.Pointer = ((Generator)argument.Reference!).Handle;
                return scratch;
            case Tag.IntList:
                var integers = (long[])argument.Reference!;
                integers.CopyTo(new Span<long>(scratch, integers.Length));
                return Listed(ref value, scratch, integers.Length, integers.Length);
            case Tag.DoubleList:
                var numbers = (double[])argument.Reference!;
                numbers.CopyTo(new Span<double>(scratch, numbers.Length));
                return Listed(ref value, scratch, numbers.Length, numbers.Length);
            case Tag.TensorList:
                var tensors = (Tensor?[])argument.Reference!;
                for (var i = 0; i < tensors.Length; i++) scratch[i] = tensors[i] is { } tensor ? tensor.Handle : 0;
                return Listed(ref value, scratch, tensors.Length, tensors.Length);
            case Tag.String:
                var text = (string)argument.Reference!;
                var room = (Encoding.UTF8.GetMaxByteCount(text.Length) + 7) / 8;
                var length = Encoding.UTF8.GetBytes(text, new Span<byte>(scratch, room * 8));
                return Listed(ref value, scratch, length, room);
            default:
                return scratch;
        }
    }

    private static long* Listed(ref NativeValue value, long* scratch, int length, int words)
    {
        value.Pointer = (IntPtr)scratch;
        value.Length = length;
        return scratch + words;
    }
}
