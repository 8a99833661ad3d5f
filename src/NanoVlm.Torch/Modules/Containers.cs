using System.Collections;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Modules
{
    /// <summary>A list of modules, named by their numbers.</summary>
    /// <typeparam name="T">The modules' type.</typeparam>
    public sealed class ModuleList<T> : Module, IReadOnlyList<T> where T : Module
    {
        private readonly List<T> items = [];

        internal ModuleList(IEnumerable<T> modules) : base(nameof(ModuleList<T>)) => extend(modules);

        /// <summary>How many modules there are.</summary>
        public int Count => items.Count;

        /// <summary>A module by number.</summary>
        public T this[int index] => items[index];

        /// <summary>Adds a module at the end.</summary>
        public ModuleList<T> append(T module)
        {
            register_module(items.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), module);
            items.Add(module);
            return this;
        }

        /// <summary>Adds modules at the end.</summary>
        public ModuleList<T> extend(IEnumerable<T> modules)
        {
            foreach (var module in modules) append(module);
            return this;
        }

        /// <summary>The modules in order.</summary>
        public IEnumerator<T> GetEnumerator() => items.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => items.GetEnumerator();

        /// <inheritdoc/>
        protected override void RegisterComponents()
        {
        }
    }

    /// <summary>Modules one after the other.</summary>
    public sealed class Sequential : Module<Tensor, Tensor>
    {
        private readonly List<Module<Tensor, Tensor>> items = [];

        internal Sequential(IEnumerable<(string name, Module<Tensor, Tensor> submodule)> modules) : base(nameof(Sequential))
        {
            foreach (var (name, module) in modules) append(name, module);
        }

        /// <summary>Adds a module at the end, named by its number.</summary>
        public Sequential append(Module<Tensor, Tensor> module) => append(items.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), module);

        /// <summary>Adds a module at the end.</summary>
        public Sequential append(string name, Module<Tensor, Tensor> module)
        {
            register_module(name, module);
            items.Add(module);
            return this;
        }

        /// <inheritdoc/>
        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = input;
            foreach (var module in items) x = module.call(x);
            return (ReferenceEquals(x, input) ? x.alias() : x).MoveToOuterDisposeScope();
        }

        /// <inheritdoc/>
        protected override void RegisterComponents()
        {
        }
    }
}

namespace TorchSharp
{
    public static unsafe partial class torch
    {
        public static partial class nn
        {
            /// <summary>A list of modules.</summary>
            public static Modules.ModuleList<T> ModuleList<T>(params T[] modules) where T : Module => new(modules);
            /// <summary>Modules one after the other, named by their numbers.</summary>
            public static Modules.Sequential Sequential(params Module<Tensor, Tensor>[] modules) =>
                new(modules.Select((module, i) => (i.ToString(System.Globalization.CultureInfo.InvariantCulture), module)));
            /// <summary>Modules one after the other, by name.</summary>
            public static Modules.Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);
        }
    }
}
