using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace NanoVlm.Native;

/// <summary>
/// The node of libtorch's graph that computes a gradient by an <see cref="AutogradFunction"/>, over the entry points that TorchSharp's library has for its own
/// functions. Native code passes nothing that tells one node from another, so each needs function pointers of its own. Making those is slow; nodes are used again.
/// </summary>
internal sealed unsafe partial class AutogradNode
{
    private static readonly Stack<AutogradNode> unused = [];
    private static readonly List<AutogradNode> all = []; // keeps the delegates alive that native code calls
    private static readonly delegate* unmanaged[Cdecl]<byte> keepsGraph = FindKeepsGraph();
    private static ExceptionDispatchInfo? failure;
    [ThreadStatic] private static nint[]? wrapped; // the handles that native code gave last
    [ThreadStatic] private static nint[]? sent; // the gradients that native code got last

    private readonly BackwardCallback onBackward;
    private readonly DeletedCallback onDeleted;
    private readonly nint backwardPointer, deletedPointer;
    private NodePointers pointers;
    private AutogradFunction? function;
    private bool[] given = []; // which inputs there are
    private nint[]? saved; // null once freed

    private AutogradNode()
    {
        (onBackward, onDeleted) = (OnBackward, OnDeleted);
        (backwardPointer, deletedPointer) = (Marshal.GetFunctionPointerForDelegate(onBackward), Marshal.GetFunctionPointerForDelegate(onDeleted));
    }

    /// <summary>Whether another backward may come through the graph of the one that runs.</summary>
    internal static bool KeepsGraph => keepsGraph == null || keepsGraph() != 0;

    /// <summary>Throws what the computation of a gradient has thrown: an exception cannot cross the native frames of a backward. Call it after each backward.</summary>
    internal static void ThrowIfFailed()
    {
        if (failure is not null) Interlocked.Exchange(ref failure, null)?.Throw();
    }

    /// <summary>Makes outputs tensors whose gradients are computed by the function.</summary>
    /// <param name="function">The function.</param>
    /// <param name="inputs">What it was called with.</param>
    /// <param name="outputs">What it computed.</param>
    /// <param name="toSave">What it needs for its gradients.</param>
    internal static Tensor[] Attach(AutogradFunction function, Tensor?[] inputs, Tensor[] outputs, List<Tensor> toSave)
    {
        FreeSent();
        var node = Take();
        node.function = function;
        node.given = Array.ConvertAll(inputs, input => input is not null);
        node.saved = [];
        node.pointers = THSAutograd_CSharpNode_ctor(node.backwardPointer, node.deletedPointer);
        CheckForErrors();
        try
        {
            var handles = stackalloc nint[Math.Max(inputs.Length, outputs.Length)];
            var count = 0;
            foreach (var input in inputs)
                if (input is not null) handles[count++] = input.Handle;
            THSAutograd_CSharpNode_setNextEdges(node.pointers, new Handles(handles, count), 1);
            CheckForErrors();
            for (count = 0; count < outputs.Length; count++) handles[count] = outputs[count].Handle;
            THSAutograd_Function_wrapOutputs(default, default, default, new Handles(handles, count), node.pointers, &Allocate);
            CheckForErrors();
            var results = Array.ConvertAll(wrapped!, Tensor.UnsafeCreateTensor);
            node.saved = new nint[toSave.Count];
            for (var i = 0; i < toSave.Count; i++) node.saved[i] = THSAutograd_SavedVariable_ctor(toSave[i].Handle, node.pointers, 0);
            CheckForErrors();
            return results;
        }
        finally
        {
            THSAutograd_CSharpNode_disposeSharedPtr(node.pointers); // from here on the graph owns it
            GC.KeepAlive(inputs);
            GC.KeepAlive(outputs);
        }
    }

    private static AutogradNode Take()
    {
        lock (all)
        {
            if (unused.TryPop(out var free)) return free;
            var node = new AutogradNode();
            all.Add(node);
            return node;
        }
    }

    private Handles OnBackward(nint* gradients, int count)
    {
        var results = GC.AllocateArray<nint>(Math.Max(1, given.Count(input => input)), pinned: true);
        try
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var received = new Tensor?[count];
            for (var i = 0; i < count; i++) received[i] = gradients[i] == 0 ? null : Tensor.UnsafeCreateTensor(gradients[i]);
            if (saved is null)
                throw new InvalidOperationException("A second backward ran through a graph that the first one had freed: call the first as backward(retain_graph: true).");
            var kept = new Tensor[saved.Length];
            for (var i = 0; i < kept.Length; i++)
            {
                var handle = THSAutograd_SavedVariable_unpack(saved[i], pointers);
                CheckForErrors();
                kept[i] = Tensor.UnsafeCreateTensor(handle);
            }
            var computed = function!.Backward(received, kept);
            for (var (input, at) = (0, 0); input < given.Length; input++)
            {
                if (!given[input]) continue;
                results[at++] = computed[input] is { } gradient ? gradient.alias().DecoupleFromNativeHandle() : 0;
            }
            if (!KeepsGraph) FreeSaved(); // memory is given back as the backward goes
        }
        catch (Exception error)
        {
            failure ??= ExceptionDispatchInfo.Capture(error);
        }
        // Native code copies these references after the return, and nothing tells when: they are freed with the next call. Calls nest where a block is computed again.
        FreeSent();
        sent = results;
        return new Handles((nint*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(results)), given.Count(input => input));
    }

    private void OnDeleted()
    {
        FreeSaved();
        THSAutograd_CSharpNode_disposeWeakPtr(pointers);
        function = null;
        lock (all) unused.Push(this);
    }

    private void FreeSaved()
    {
        foreach (var variable in saved ?? []) THSAutograd_SavedVariable_dispose(variable);
        saved = null;
    }

    /// <summary>Lets go of the gradients that native code got last from this thread.</summary>
    internal static void FreeSent()
    {
        foreach (var handle in sent ?? [])
            if (handle != 0) THSTensor_dispose(handle);
        sent = null;
    }

    // torch::autograd::get_current_graph_task_keep_graph(), which has no C name. Where it is not found, what was saved lives as long as the graph.
    private static delegate* unmanaged[Cdecl]<byte> FindKeepsGraph()
    {
        if (!NativeLibrary.TryLoad("torch_cpu", typeof(AutogradNode).Assembly, null, out var library)) return null;
        foreach (var name in new[] { "_ZN5torch8autograd33get_current_graph_task_keep_graphEv", "?get_current_graph_task_keep_graph@autograd@torch@@YA_NXZ" })
            if (NativeLibrary.TryGetExport(library, name, out var export)) return (delegate* unmanaged[Cdecl]<byte>)export;
        return null;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint* Allocate(nuint length)
    {
        wrapped = GC.AllocateArray<nint>((int)length, pinned: true);
        return (nint*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(wrapped));
    }

    private readonly record struct NodePointers(nint Shared, nint Weak);

    private readonly struct Handles(nint* first, long count)
    {
        public readonly nint* First = first;
        public readonly long Count = count;
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate Handles BackwardCallback(nint* gradients, int count);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void DeletedCallback();

    [LibraryImport("LibTorchSharp")]
    private static partial NodePointers THSAutograd_CSharpNode_ctor(nint backward, nint deleted);

    [LibraryImport("LibTorchSharp")]
    private static partial void THSAutograd_CSharpNode_disposeSharedPtr(NodePointers node);

    [LibraryImport("LibTorchSharp")]
    private static partial void THSAutograd_CSharpNode_disposeWeakPtr(NodePointers node);

    [LibraryImport("LibTorchSharp")]
    private static partial void THSAutograd_CSharpNode_setNextEdges(NodePointers node, Handles inputs, byte isExecutable);

    [LibraryImport("LibTorchSharp")]
    private static partial void THSAutograd_Function_wrapOutputs(
        Handles inputs, Handles notDifferentiable, Handles dirty, Handles outputs, NodePointers node, delegate* unmanaged[Cdecl]<nuint, nint*> allocate);

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSAutograd_SavedVariable_ctor(nint tensor, NodePointers node, byte isInPlaceOnView);

    [LibraryImport("LibTorchSharp")]
    private static partial void THSAutograd_SavedVariable_dispose(nint variable);

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSAutograd_SavedVariable_unpack(nint variable, NodePointers node);

    [LibraryImport("LibTorchSharp")]
    private static partial void THSTensor_dispose(nint tensor);
}
