using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using Module = TorchSharp.torch.nn.Module;

namespace TorchSharp.Utils
{
    /// <summary>Gives a field's component another name than the field's.</summary>
    [AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
    public sealed class ComponentNameAttribute : Attribute
    {
        /// <summary>The name in state dictionaries.</summary>
        public string Name { get; set; } = "";
    }
}

namespace TorchSharp
{
    public static unsafe partial class torch
    {
        /// <summary>PyTorch's <c>torch.nn</c>: modules, layers and their functions.</summary>
        public static partial class nn
        {
            /// <summary>
            /// A part of a model: parameters, buffers and submodules under names. A class derives from one of the generic forms,
            /// keeps its parts in fields and calls <see cref="RegisterComponents"/> at the end of its constructor.
            /// </summary>
            public abstract class Module : IDisposable
            {
                private readonly string name;
                private readonly List<(string Name, Parameter Value)> ownParameters = [];
                private readonly List<(string Name, Tensor Value, bool Persistent)> ownBuffers = [];
                private readonly List<(string Name, Module Value)> ownModules = [];
                private bool registered;

                /// <param name="name">The module's kind, for messages.</param>
                protected Module(string name) => this.name = name;

                /// <summary>Whether the module is in training mode.</summary>
                public bool training { get; private set; } = true;

                /// <summary>The module's kind.</summary>
                public virtual string GetName() => name;

                /// <summary>Registers the fields that hold modules, parameters and tensors (as buffers), under their names.</summary>
                protected virtual void RegisterComponents()
                {
                    if (registered) return;
                    registered = true;
                    for (var type = GetType(); type is not null && type != typeof(Module); type = type.BaseType)
                        foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                        {
                            var component = field.GetCustomAttribute<ComponentNameAttribute>()?.Name ?? field.Name;
                            if (IsRegistered(component)) continue;
                            switch (field.GetValue(this))
                            {
                                case Module module: register_module(component, module); break;
                                case Parameter parameter: register_parameter(component, parameter); break;
                                case Tensor tensor: register_buffer(component, tensor); break;
                            }
                        }
                }

                /// <summary>Adds a tensor that is part of the state but not trained.</summary>
                /// <param name="name">Its name.</param>
                /// <param name="tensor">The tensor; leaves its dispose scope.</param>
                /// <param name="persistent">Whether it is saved with the state.</param>
                public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
                {
                    Claim(name);
                    ownBuffers.Add((name, tensor.DetachFromDisposeScope(), persistent));
                }

                /// <summary>Adds a parameter; it leaves its dispose scope.</summary>
                public virtual void register_parameter(string name, Parameter param)
                {
                    Claim(name);
                    param.DetachFromDisposeScope();
                    ownParameters.Add((name, param));
                }

                /// <summary>Adds a submodule.</summary>
                public virtual void register_module(string name, Module submodule)
                {
                    Claim(name);
                    submodule.RegisterComponents();
                    ownModules.Add((name, submodule));
                }

                /// <summary>Adds a submodule.</summary>
                public void add_module(string name, Module module) => register_module(name, module);

                /// <summary>Adds, replaces or (with null) removes a parameter.</summary>
                protected void ConditionallyRegisterParameter(string name, Parameter? value)
                {
                    ownParameters.RemoveAll(entry => entry.Name == name);
                    if (value is not null) register_parameter(name, value);
                }

                /// <summary>Adds, replaces or (with null) removes a buffer.</summary>
                protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
                {
                    ownBuffers.RemoveAll(entry => entry.Name == name);
                    if (value is not null) register_buffer(name, value, persistent);
                }

                /// <summary>Parameters with their full names: own ones first, then the submodules' in order. A shared parameter is listed once.</summary>
                public IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
                {
                    var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
                    foreach (var (path, parameter) in AllParameters(recurse))
                        if (seen.Add(parameter)) yield return (path, parameter);
                }

                /// <summary>Parameters; a shared one once.</summary>
                public IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(entry => entry.parameter);

                /// <summary>Buffers with their full names.</summary>
                public IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
                {
                    foreach (var (path, buffer, persistent) in AllBuffers(recurse))
                        if (persistent || include_nonpersistent) yield return (path, buffer);
                }

                /// <summary>Buffers.</summary>
                public IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                    named_buffers(recurse, include_nonpersistent).Select(entry => entry.buffer);

                /// <summary>Direct submodules with their names.</summary>
                public IEnumerable<(string name, Module module)> named_children() => ownModules.Select(entry => (entry.Name, entry.Value));

                /// <summary>Direct submodules.</summary>
                public IEnumerable<Module> children() => ownModules.Select(entry => entry.Value);

                /// <summary>All submodules with their full names, without this module itself.</summary>
                public IEnumerable<(string name, Module module)> named_modules()
                {
                    foreach (var (childName, child) in named_children())
                    {
                        yield return (childName, child);
                        foreach (var (path, module) in child.named_modules()) yield return ($"{childName}.{path}", module);
                    }
                }

                /// <summary>All submodules, without this module itself.</summary>
                public IEnumerable<Module> modules() => named_modules().Select(entry => entry.module);

                /// <summary>A parameter by its full name.</summary>
                public Parameter? get_parameter(string target) => AllParameters(true).FirstOrDefault(entry => entry.Name == target).Value;
                /// <summary>A buffer by its full name.</summary>
                public Tensor? get_buffer(string target) => AllBuffers(true).FirstOrDefault(entry => entry.Name == target).Value;
                /// <summary>Whether there is a parameter of this full name.</summary>
                public bool has_parameter(string target) => get_parameter(target) is not null;
                /// <summary>Whether there is a buffer of this full name.</summary>
                public bool has_buffer(string target) => get_buffer(target) is not null;

                /// <summary>Parameters and persistent buffers by full name: the live tensors, not copies. A shared parameter appears under each of its names.</summary>
                public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
                {
                    destination ??= [];
                    var lead = string.IsNullOrEmpty(prefix) ? "" : prefix + ".";
                    foreach (var (key, value) in ownParameters) destination[lead + key] = value;
                    foreach (var (key, value, persistent) in ownBuffers)
                        if (persistent) destination[lead + key] = value;
                    foreach (var (key, child) in ownModules) child.state_dict(destination, lead + key);
                    return destination;
                }

                /// <summary>Copies values in by name; the module's dtypes and devices stay.</summary>
                /// <param name="source">The values.</param>
                /// <param name="strict">Whether missing and unexpected names are an error.</param>
                /// <param name="skip">Names to leave out.</param>
                /// <returns>Names the source lacks, and names the module lacks.</returns>
                /// <exception cref="InvalidOperationException">Names do not match and <paramref name="strict"/> is set.</exception>
                /// <exception cref="ExternalException">A shape does not match.</exception>
                public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
                    Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
                {
                    var own = state_dict();
                    var left = skip ?? [];
                    var missing = own.Keys.Where(key => !source.ContainsKey(key) && !left.Contains(key)).ToList();
                    var unexpected = source.Keys.Where(key => !own.ContainsKey(key) && !left.Contains(key)).ToList();
                    if (strict && missing.Count + unexpected.Count > 0)
                        throw new InvalidOperationException(
                            $"The state does not fit {GetName()}. Missing: {Listed(missing)}. Unexpected: {Listed(unexpected)}.");
                    using var mode = no_grad();
                    foreach (var (key, target) in own)
                    {
                        if (left.Contains(key) || !source.TryGetValue(key, out var value)) continue;
                        if (!target.shape.SequenceEqual(value.shape))
                            throw new ExternalException($"{key}: shape [{string.Join(", ", value.shape)}] does not fit [{string.Join(", ", target.shape)}].");
                        target.copy_(value);
                    }
                    return (missing, unexpected);
                }

                /// <summary>Sets training mode here and below.</summary>
                public virtual void train(bool train = true)
                {
                    training = train;
                    foreach (var child in children()) child.train(train);
                }

                /// <summary>Sets evaluation mode here and below.</summary>
                public virtual void eval() => train(false);

                /// <summary>Calls a function on every submodule, children first, then on this module.</summary>
                public virtual Module apply(Action<Module> fn)
                {
                    foreach (var child in children()) child.apply(fn);
                    fn(this);
                    return this;
                }

                /// <summary>Forgets the gradients, or sets them to zero.</summary>
                public virtual void zero_grad(bool set_to_none = true)
                {
                    foreach (var parameter in parameters())
                    {
                        using var gradient = parameter.grad;
                        if (gradient is null) continue;
                        if (set_to_none) parameter.grad = null;
                        else gradient.zero_();
                    }
                }

                /// <summary>Disposes of parameters, buffers and submodules.</summary>
                public void Dispose()
                {
                    Dispose(true);
                    GC.SuppressFinalize(this);
                }

                /// <summary>Disposes of parameters, buffers and submodules.</summary>
                protected virtual void Dispose(bool disposing)
                {
                    if (!disposing) return;
                    foreach (var (_, parameter) in ownParameters) parameter.Dispose();
                    foreach (var (_, buffer, _) in ownBuffers) buffer.Dispose();
                    foreach (var (_, child) in ownModules) child.Dispose();
                }

                // In place, so that parameters keep their identity: tying and an optimizer's references survive.
                internal void Convert(ScalarType? dtype, Device? device, bool non_blocking)
                {
                    if (dtype is { } wanted && wanted is not (ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64 or ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64))
                        throw new ArgumentException($"A module is converted to a floating point type; {dtype} is none.");
                    using var mode = no_grad();
                    foreach (var (_, parameter) in named_parameters()) Place(parameter);
                    foreach (var (_, buffer) in named_buffers()) Place(buffer);

                    void Place(Tensor tensor)
                    {
                        var type = dtype is { } t && (tensor.is_floating_point() || tensor.is_complex()) ? t : tensor.dtype;
                        using var moved = tensor.to(type, device ?? tensor.device, non_blocking: non_blocking);
                        using var gradient = tensor.grad;
                        tensor.SetData(moved);
                        if (gradient is null) return;
                        using var movedGradient = gradient.to(type, device ?? gradient.device, non_blocking: non_blocking);
                        tensor.grad = movedGradient;
                    }
                }

                private IEnumerable<(string Name, Parameter Value)> AllParameters(bool recurse)
                {
                    foreach (var entry in ownParameters) yield return entry;
                    if (!recurse) yield break;
                    foreach (var (key, child) in ownModules)
                        foreach (var (path, parameter) in child.AllParameters(true)) yield return ($"{key}.{path}", parameter);
                }

                private IEnumerable<(string Name, Tensor Value, bool Persistent)> AllBuffers(bool recurse)
                {
                    foreach (var entry in ownBuffers) yield return entry;
                    if (!recurse) yield break;
                    foreach (var (key, child) in ownModules)
                        foreach (var (path, buffer, persistent) in child.AllBuffers(true)) yield return ($"{key}.{path}", buffer, persistent);
                }

                private bool IsRegistered(string component) =>
                    ownParameters.Any(entry => entry.Name == component) || ownBuffers.Any(entry => entry.Name == component) || ownModules.Any(entry => entry.Name == component);

                private void Claim(string component)
                {
                    if (IsRegistered(component)) throw new ArgumentException($"{GetName()} has a component named '{component}' already.");
                }

                private static string Listed(List<string> names) =>
                    names.Count == 0 ? "none" : string.Join(", ", names.Take(20)) + (names.Count > 20 ? $" and {names.Count - 20} more" : "");
            }

            /// <summary>Takes a hook out again.</summary>
            public sealed class HookRemover
            {
                private readonly Action remove_;
                internal HookRemover(Action remove) => remove_ = remove;
                /// <summary>Takes the hook out.</summary>
                public void remove() => remove_();
            }
        }
    }

    /// <summary>Moves a module in place and returns it as its own type.</summary>
    public static class ModuleExtensionMethods
    {
        /// <summary>To a device.</summary>
        public static T to<T>(this T module, Device device, bool non_blocking = false) where T : Module => Moved(module, null, device, non_blocking);
        /// <summary>To a floating point dtype; integer buffers keep theirs.</summary>
        public static T to<T>(this T module, ScalarType type, bool non_blocking = false) where T : Module => Moved(module, type, null, non_blocking);
        /// <summary>To a device and a floating point dtype.</summary>
        public static T to<T>(this T module, Device device, ScalarType type, bool non_blocking = false) where T : Module => Moved(module, type, device, non_blocking);
        /// <summary>To a device by kind and number.</summary>
        public static T to<T>(this T module, DeviceType deviceType, int deviceIndex = -1, bool non_blocking = false) where T : Module =>
            Moved(module, null, new Device(deviceType, deviceIndex), non_blocking);
        /// <summary>To a device by description.</summary>
        public static T to<T>(this T module, string device, bool non_blocking = false) where T : Module => Moved(module, null, new Device(device), non_blocking);
        /// <summary>To the CPU.</summary>
        public static T cpu<T>(this T module) where T : Module => Moved(module, null, CPU, false);
        /// <summary>To a CUDA device.</summary>
        public static T cuda<T>(this T module, int deviceIndex = -1) where T : Module => Moved(module, null, new Device(DeviceType.CUDA, deviceIndex), false);
        /// <summary>To bfloat16.</summary>
        public static T bfloat16<T>(this T module) where T : Module => Moved(module, ScalarType.BFloat16, null, false);
        /// <summary>To float16.</summary>
        public static T half<T>(this T module) where T : Module => Moved(module, ScalarType.Float16, null, false);
        /// <summary>To float32.</summary>
        public static T @float<T>(this T module) where T : Module => Moved(module, ScalarType.Float32, null, false);
        /// <summary>To float64.</summary>
        public static T @double<T>(this T module) where T : Module => Moved(module, ScalarType.Float64, null, false);

        private static T Moved<T>(T module, ScalarType? type, Device? device, bool non_blocking) where T : Module
        {
            module.Convert(type, device, non_blocking);
            return module;
        }
    }
}
