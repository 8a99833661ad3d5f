namespace TorchSharp;

public static unsafe partial class torch
{
    public static partial class nn
    {
        /// <summary>A module of 1 input.</summary>
        /// <typeparam name="T">The type of the input.</typeparam>
        /// <typeparam name="TResult">The type of the result.</typeparam>
        public abstract class Module<T, TResult> : Module
        {
            private readonly List<Func<Module<T, TResult>, T, TResult, TResult>> hooks = [];

            /// <param name="name">The module's kind, for messages.</param>
            protected Module(string name) : base(name)
            {
            }

            /// <summary>The module's value, without hooks.</summary>
            public abstract TResult forward(T input);

            /// <summary>The module's value; forward hooks see it and may replace it.</summary>
            public TResult call(T input)
            {
                var result = forward(input);
                foreach (var hook in hooks) result = hook(this, input, result);
                return result;
            }

            /// <summary>Adds a function that sees every result of <see cref="call"/> and may replace it.</summary>
            public HookRemover register_forward_hook(Func<Module<T, TResult>, T, TResult, TResult> hook)
            {
                hooks.Add(hook);
                return new HookRemover(() => hooks.Remove(hook));
            }
        }

        /// <summary>A module of 2 inputs.</summary>
        /// <typeparam name="T1">The type of an input.</typeparam>
        /// <typeparam name="T2">The type of an input.</typeparam>
        /// <typeparam name="TResult">The type of the result.</typeparam>
        public abstract class Module<T1, T2, TResult> : Module
        {
            private readonly List<Func<Module<T1, T2, TResult>, T1, T2, TResult, TResult>> hooks = [];

            /// <param name="name">The module's kind, for messages.</param>
            protected Module(string name) : base(name)
            {
            }

            /// <summary>The module's value, without hooks.</summary>
            public abstract TResult forward(T1 input1, T2 input2);

            /// <summary>The module's value; forward hooks see it and may replace it.</summary>
            public TResult call(T1 input1, T2 input2)
            {
                var result = forward(input1, input2);
                foreach (var hook in hooks) result = hook(this, input1, input2, result);
                return result;
            }

            /// <summary>Adds a function that sees every result of <see cref="call"/> and may replace it.</summary>
            public HookRemover register_forward_hook(Func<Module<T1, T2, TResult>, T1, T2, TResult, TResult> hook)
            {
                hooks.Add(hook);
                return new HookRemover(() => hooks.Remove(hook));
            }
        }

        /// <summary>A module of 3 inputs.</summary>
        /// <typeparam name="T1">The type of an input.</typeparam>
        /// <typeparam name="T2">The type of an input.</typeparam>
        /// <typeparam name="T3">The type of an input.</typeparam>
        /// <typeparam name="TResult">The type of the result.</typeparam>
        public abstract class Module<T1, T2, T3, TResult> : Module
        {
            private readonly List<Func<Module<T1, T2, T3, TResult>, T1, T2, T3, TResult, TResult>> hooks = [];

            /// <param name="name">The module's kind, for messages.</param>
            protected Module(string name) : base(name)
            {
            }

            /// <summary>The module's value, without hooks.</summary>
            public abstract TResult forward(T1 input1, T2 input2, T3 input3);

            /// <summary>The module's value; forward hooks see it and may replace it.</summary>
            public TResult call(T1 input1, T2 input2, T3 input3)
            {
                var result = forward(input1, input2, input3);
                foreach (var hook in hooks) result = hook(this, input1, input2, input3, result);
                return result;
            }

            /// <summary>Adds a function that sees every result of <see cref="call"/> and may replace it.</summary>
            public HookRemover register_forward_hook(Func<Module<T1, T2, T3, TResult>, T1, T2, T3, TResult, TResult> hook)
            {
                hooks.Add(hook);
                return new HookRemover(() => hooks.Remove(hook));
            }
        }

        /// <summary>A module of 4 inputs.</summary>
        /// <typeparam name="T1">The type of an input.</typeparam>
        /// <typeparam name="T2">The type of an input.</typeparam>
        /// <typeparam name="T3">The type of an input.</typeparam>
        /// <typeparam name="T4">The type of an input.</typeparam>
        /// <typeparam name="TResult">The type of the result.</typeparam>
        public abstract class Module<T1, T2, T3, T4, TResult> : Module
        {
            private readonly List<Func<Module<T1, T2, T3, T4, TResult>, T1, T2, T3, T4, TResult, TResult>> hooks = [];

            /// <param name="name">The module's kind, for messages.</param>
            protected Module(string name) : base(name)
            {
            }

            /// <summary>The module's value, without hooks.</summary>
            public abstract TResult forward(T1 input1, T2 input2, T3 input3, T4 input4);

            /// <summary>The module's value; forward hooks see it and may replace it.</summary>
            public TResult call(T1 input1, T2 input2, T3 input3, T4 input4)
            {
                var result = forward(input1, input2, input3, input4);
                foreach (var hook in hooks) result = hook(this, input1, input2, input3, input4, result);
                return result;
            }

            /// <summary>Adds a function that sees every result of <see cref="call"/> and may replace it.</summary>
            public HookRemover register_forward_hook(Func<Module<T1, T2, T3, T4, TResult>, T1, T2, T3, T4, TResult, TResult> hook)
            {
                hooks.Add(hook);
                return new HookRemover(() => hooks.Remove(hook));
            }
        }

        /// <summary>A module of 5 inputs.</summary>
        /// <typeparam name="T1">The type of an input.</typeparam>
        /// <typeparam name="T2">The type of an input.</typeparam>
        /// <typeparam name="T3">The type of an input.</typeparam>
        /// <typeparam name="T4">The type of an input.</typeparam>
        /// <typeparam name="T5">The type of an input.</typeparam>
        /// <typeparam name="TResult">The type of the result.</typeparam>
        public abstract class Module<T1, T2, T3, T4, T5, TResult> : Module
        {
            private readonly List<Func<Module<T1, T2, T3, T4, T5, TResult>, T1, T2, T3, T4, T5, TResult, TResult>> hooks = [];

            /// <param name="name">The module's kind, for messages.</param>
            protected Module(string name) : base(name)
            {
            }

            /// <summary>The module's value, without hooks.</summary>
            public abstract TResult forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5);

            /// <summary>The module's value; forward hooks see it and may replace it.</summary>
            public TResult call(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5)
            {
                var result = forward(input1, input2, input3, input4, input5);
                foreach (var hook in hooks) result = hook(this, input1, input2, input3, input4, input5, result);
                return result;
            }

            /// <summary>Adds a function that sees every result of <see cref="call"/> and may replace it.</summary>
            public HookRemover register_forward_hook(Func<Module<T1, T2, T3, T4, T5, TResult>, T1, T2, T3, T4, T5, TResult, TResult> hook)
            {
                hooks.Add(hook);
                return new HookRemover(() => hooks.Remove(hook));
            }
        }

        /// <summary>A module of 6 inputs.</summary>
        /// <typeparam name="T1">The type of an input.</typeparam>
        /// <typeparam name="T2">The type of an input.</typeparam>
        /// <typeparam name="T3">The type of an input.</typeparam>
        /// <typeparam name="T4">The type of an input.</typeparam>
        /// <typeparam name="T5">The type of an input.</typeparam>
        /// <typeparam name="T6">The type of an input.</typeparam>
        /// <typeparam name="TResult">The type of the result.</typeparam>
        public abstract class Module<T1, T2, T3, T4, T5, T6, TResult> : Module
        {
            private readonly List<Func<Module<T1, T2, T3, T4, T5, T6, TResult>, T1, T2, T3, T4, T5, T6, TResult, TResult>> hooks = [];

            /// <param name="name">The module's kind, for messages.</param>
            protected Module(string name) : base(name)
            {
            }

            /// <summary>The module's value, without hooks.</summary>
            public abstract TResult forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6);

            /// <summary>The module's value; forward hooks see it and may replace it.</summary>
            public TResult call(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6)
            {
                var result = forward(input1, input2, input3, input4, input5, input6);
                foreach (var hook in hooks) result = hook(this, input1, input2, input3, input4, input5, input6, result);
                return result;
            }

            /// <summary>Adds a function that sees every result of <see cref="call"/> and may replace it.</summary>
            public HookRemover register_forward_hook(Func<Module<T1, T2, T3, T4, T5, T6, TResult>, T1, T2, T3, T4, T5, T6, TResult, TResult> hook)
            {
                hooks.Add(hook);
                return new HookRemover(() => hooks.Remove(hook));
            }
        }
    }
}
