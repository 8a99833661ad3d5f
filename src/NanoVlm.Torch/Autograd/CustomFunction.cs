using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    public static partial class autograd
    {
        /// <summary>What a function keeps between its forward and its backward.</summary>
        public sealed class AutogradContext
        {
            private readonly Dictionary<string, object> data = [];
            internal List<Tensor> Saved { get; private set; } = [];
            internal List<Tensor> Dirty { get; private set; } = [];
            internal List<Tensor> NonDifferentiable { get; private set; } = [];
            internal bool MaterializeGrads { get; private set; } = true;
            internal IntPtr Node { get; set; }

            /// <summary>Keeps inputs or outputs for the backward; the graph owns them, not this object.</summary>
            public void save_for_backward(List<Tensor> tensors) => Saved = tensors;

            /// <summary>What was saved; new objects, owned by the current scope. Only inside backward.</summary>
            public List<Tensor> get_saved_variables()
            {
                if (Node == 0) throw new InvalidOperationException("Saved tensors can be read inside backward only.");
                var handles = new IntPtr[NativeMethods.nvlm_node_saved_count(Node)];
                fixed (IntPtr* made = handles) NativeMethods.Check(NativeMethods.nvlm_node_saved(Node, made));
                return [.. handles.Select(handle => Tensor.FromHandle(handle)!)];
            }

            /// <summary>Keeps any object for the backward.</summary>
            public void save_data(string key, object value) => data[key] = value;
            /// <summary>An object that was kept.</summary>
            public object get_data(string key) => data[key];
            /// <summary>Names the inputs that forward changed in place.</summary>
            public void mark_dirty(List<Tensor> tensors) => Dirty = tensors;
            /// <summary>Names the outputs that have no gradient.</summary>
            public void mark_non_differentiable(List<Tensor> tensors) => NonDifferentiable = tensors;
            /// <summary>Whether a missing gradient reaches backward as zeros (the default) or as null.</summary>
            public void set_materialize_grads(bool value) => MaterializeGrads = value;

            internal void ForgetForward() => Saved = Dirty = NonDifferentiable = [];
        }

        /// <summary>A function of several outputs whose gradient is written in C#. An exception in backward reaches the caller of <c>backward()</c>.</summary>
        /// <typeparam name="T">The function's own class.</typeparam>
        public abstract class MultiTensorFunction<T> where T : MultiTensorFunction<T>, new()
        {
            /// <summary>The name in messages and graphs.</summary>
            public abstract string Name { get; }
            /// <summary>The value; runs with gradients off.</summary>
            public abstract List<Tensor> forward(AutogradContext ctx, params object[] vars);
            /// <summary>One gradient for each argument of apply; null where there is none.</summary>
            public abstract List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs);

            /// <summary>Runs forward and records the function for gradients. Tensors among the arguments are tracked at top level only.</summary>
            public static List<Tensor> apply(params object[] vars)
            {
                var function = new T();
                return Apply(function.Name, function.forward, function.backward, vars);
            }
        }

        /// <summary>A function of one output whose gradient is written in C#. An exception in backward reaches the caller of <c>backward()</c>.</summary>
        /// <typeparam name="T">The function's own class.</typeparam>
        public abstract class SingleTensorFunction<T> where T : SingleTensorFunction<T>, new()
        {
            /// <summary>The name in messages and graphs.</summary>
            public abstract string Name { get; }
            /// <summary>The value; runs with gradients off.</summary>
            public abstract Tensor forward(AutogradContext ctx, params object[] vars);
            /// <summary>One gradient for each argument of apply; null where there is none.</summary>
            public abstract List<Tensor> backward(AutogradContext ctx, Tensor grad_output);

            /// <summary>Runs forward and records the function for gradients. Tensors among the arguments are tracked at top level only.</summary>
            public static Tensor apply(params object[] vars)
            {
                var function = new T();
                return Apply(function.Name, (ctx, arguments) => [function.forward(ctx, arguments)], (ctx, grads) => function.backward(ctx, grads[0]), vars)[0];
            }
        }

        // What the native node holds on to: reached through a GCHandle, freed with the node.
        private sealed class Recorded(AutogradContext context, Func<AutogradContext, List<Tensor>, List<Tensor>> backward, int[] tensorPositions, int argumentCount)
        {
            internal readonly int ArgumentCount = argumentCount;
            internal readonly AutogradContext Context = context;
            internal readonly Func<AutogradContext, List<Tensor>, List<Tensor>> Backward = backward;
            internal readonly int[] TensorPositions = tensorPositions;
        }

        private static List<Tensor> Apply(
            string name, Func<AutogradContext, object[], List<Tensor>> forward, Func<AutogradContext, List<Tensor>, List<Tensor>> backward, object[] arguments)
        {
            var positions = Enumerable.Range(0, arguments.Length).Where(i => arguments[i] is Tensor).ToArray();
            var inputs = positions.Select(i => (Tensor)arguments[i]).ToArray();
            var context = new AutogradContext();
            List<Tensor> outputs;
            using (no_grad()) outputs = forward(context, arguments);

            var results = outputs.Select(output => output.Handle).ToArray();
            var flags = outputs.Select(output => context.NonDifferentiable.Any(other => other.Handle == output.Handle) ? (byte)1 : (byte)0).ToArray();
            fixed (IntPtr* from = Handles(inputs), to = results, dirty = Handles(context.Dirty), saved = Handles(context.Saved))
            fixed (byte* flag = flags)
            {
                // The native node owns this handle and frees it, also when the call fails.
                var state = GCHandle.Alloc(new Recorded(context, backward, positions, arguments.Length));
                NativeMethods.Check(NativeMethods.nvlm_custom_function(name, from, inputs.Length, to, flag, results.Length, dirty, context.Dirty.Count,
                    saved, context.Saved.Count, context.MaterializeGrads ? 1 : 0, &Backward, &Free, (void*)GCHandle.ToIntPtr(state)));
            }
            var wrapped = new List<Tensor>(results.Length);
            for (var i = 0; i < results.Length; i++)
            {
                if (results[i] == outputs[i].Handle)
                {
                    // Forward's own object, now with a history.
                    NativeMethods.nvlm_tensor_release(results[i]);
                    wrapped.Add(outputs[i]);
                }
                else
                {
                    wrapped.Add(new Tensor(results[i])); // an input that was returned: a view of it
                }
            }
            GC.KeepAlive(inputs);
            GC.KeepAlive(context.Saved);
            GC.KeepAlive(context.Dirty);
            context.ForgetForward();
            return wrapped;
        }

        [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
        private static byte* Backward(void* state, IntPtr node, IntPtr* gradients, int gradientCount, IntPtr* results, int resultCount)
        {
            var recorded = (Recorded)GCHandle.FromIntPtr((IntPtr)state).Target!;
            try
            {
                using var scope = NewDisposeScope();
                var incoming = new List<Tensor>(gradientCount);
                for (var i = 0; i < gradientCount; i++)
                    incoming.Add(gradients[i] == 0 ? null! : new Tensor(NativeMethods.nvlm_tensor_retain(gradients[i])));
                recorded.Context.Node = node;
                var outgoing = recorded.Backward(recorded.Context, incoming);
                if (outgoing.Count < recorded.ArgumentCount)
                    throw new InvalidOperationException($"backward returned {outgoing.Count} gradients for {recorded.ArgumentCount} arguments of apply; give one for each, null where there is none.");
                for (var i = 0; i < resultCount && i < recorded.TensorPositions.Length; i++)
                {
                    var position = recorded.TensorPositions[i];
                    var gradient = outgoing[position];
                    results[i] = gradient is null ? 0 : NativeMethods.nvlm_tensor_retain(gradient.Handle);
                }
                return null;
            }
            catch (Exception exception)
            {
                var text = Encoding.UTF8.GetBytes(exception.Message + "\n  in a backward written in C# (" + exception.GetType().Name + ")\0");
                var copy = (byte*)NativeMemory.Alloc((nuint)text.Length);
                text.CopyTo(new Span<byte>(copy, text.Length));
                return copy;
            }
            finally
            {
                recorded.Context.Node = 0;
            }
        }

        [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
        private static void Free(void* state) => GCHandle.FromIntPtr((IntPtr)state).Free();
    }
}
