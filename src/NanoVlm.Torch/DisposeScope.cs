using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>
/// Owns the tensors made on this thread while it is the current scope, and disposes of them with itself.
/// Scopes nest; a tensor that must outlive its scope is moved out or detached.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    private readonly DisposeScopeManager manager;
    // Insertion order does not matter, and identity does: tensors have no value equality.
    private HashSet<IDisposable> disposables = new(ReferenceEqualityComparer.Instance);
    private bool disposed;

    internal DisposeScope(DisposeScopeManager manager) => this.manager = manager;

    internal DisposeScope? Outer { get; init; }

    /// <summary>How many tensors the scope owns now.</summary>
    public int DisposablesCount => disposables.Count;

    /// <summary>The tensors the scope owns now.</summary>
    public IReadOnlyList<IDisposable> DisposablesView => [.. disposables];

    /// <summary>Whether the scope owns this tensor.</summary>
    public bool Contains(IDisposable disposable) => disposables.Contains(disposable);

    /// <summary>Hands a tensor to the scope around this one; without one it is detached.</summary>
    public T MoveToOuter<T>(T disposable) where T : IDisposable => MoveToOther(Outer, disposable);

    /// <inheritdoc cref="MoveToOuter{T}(T)"/>
    public (T1 First, T2 Second) MoveToOuter<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable =>
        (MoveToOuter(first), MoveToOuter(second));

    /// <inheritdoc cref="MoveToOuter{T}(T)"/>
    public (T1 First, T2 Second, T3 Third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable =>
        (MoveToOuter(first), MoveToOuter(second), MoveToOuter(third));

    /// <summary>Hands a tensor to another scope; to none when <paramref name="scope"/> is null.</summary>
    public T MoveToOther<T>(DisposeScope? scope, T disposable) where T : IDisposable
    {
        if (disposable is Tensor tensor) tensor.MoveToOtherDisposeScope(scope);
        return disposable;
    }

    /// <summary>Takes a tensor out of every scope: it lives until it is disposed of or collected.</summary>
    public T Detach<T>(T disposable) where T : IDisposable => MoveToOther(null, disposable);

    /// <summary>Takes a tensor into this scope.</summary>
    /// <exception cref="InvalidOperationException">The object is not a tensor.</exception>
    public void Attach(IDisposable disposable)
    {
        if (disposable is not Tensor tensor)
            throw new InvalidOperationException($"A dispose scope owns tensors only; got {disposable.GetType().Name}.");
        tensor.MoveToOtherDisposeScope(this);
    }

    /// <summary>Disposes of all that the scope owns; the scope stays open.</summary>
    public void DisposeEverything() => DisposeEverythingBut([]);

    /// <summary>Disposes of all that the scope owns but the tensors given; the scope stays open.</summary>
    public void DisposeEverythingBut(params IDisposable[] keep)
    {
        HashSet<IDisposable> old;
        lock (manager)
        {
            old = disposables;
            disposables = new HashSet<IDisposable>(ReferenceEqualityComparer.Instance);
            foreach (var disposable in keep)
                if (old.Remove(disposable)) disposables.Add(disposable);
        }
        foreach (var disposable in old)
        {
            if (disposable is Tensor tensor) tensor.Scope = null;
            disposable.Dispose();
            DisposeScopeManager.Statistics.DisposedInScopeCount++;
        }
    }

    /// <inheritdoc cref="DisposeEverythingBut(IDisposable[])"/>
    public T DisposeEverythingBut<T>(T keep) where T : IDisposable
    {
        DisposeEverythingBut([keep]);
        return keep;
    }

    /// <summary>Forgets a tensor that was disposed of elsewhere.</summary>
    public void MarkAsDisposed(IDisposable disposable) => Remove(disposable);

    /// <summary>Disposes of all that the scope owns and makes the scope around it current again.</summary>
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        DisposeEverything();
        manager.Close(this);
    }

    // A tensor may be disposed of on another thread than the one whose scope owns it.
    internal void Add(Tensor tensor)
    {
        lock (manager) disposables.Add(tensor);
        tensor.Scope = this;
    }

    internal void Remove(IDisposable disposable)
    {
        lock (manager) disposables.Remove(disposable);
    }
}

/// <summary>The dispose scopes of a thread.</summary>
public sealed class DisposeScopeManager
{
    [ThreadStatic] private static DisposeScopeManager? ofThread;

    internal static DisposeScopeManager OfThread => ofThread ??= new DisposeScopeManager();

    internal DisposeScope? Current { get; private set; }

    private readonly ThreadDisposeScopeStatistics counts = new();

    private DisposeScopeManager()
    {
    }

    /// <summary>Counts of the calling thread's tensors, by what became of them.</summary>
    public static ThreadDisposeScopeStatistics Statistics => OfThread.counts;

    internal DisposeScope Open() => Current = new DisposeScope(this) { Outer = Current };

    internal void Close(DisposeScope scope)
    {
        // Scopes close in reverse order; one that was left open inside goes with its outer scope.
        for (var open = Current; open is not null; open = open.Outer)
            if (ReferenceEquals(open, scope))
            {
                Current = scope.Outer;
                return;
            }
    }

    internal void Register(Tensor tensor)
    {
        if (Current is null)
        {
            counts.CreatedOutsideScopeCount++;
            return;
        }
        counts.CreatedInScopeCount++;
        Current.Add(tensor);
    }
}

/// <summary>What became of the tensors that a thread made.</summary>
public sealed class ThreadDisposeScopeStatistics
{
    /// <summary>Tensors made while no scope was open.</summary>
    public long CreatedOutsideScopeCount { get; internal set; }
    /// <summary>Tensors made inside a scope.</summary>
    public long CreatedInScopeCount { get; internal set; }
    /// <summary>Tensors disposed of by their scope.</summary>
    public long DisposedInScopeCount { get; internal set; }
    /// <summary>Tensors taken out of their scope.</summary>
    public long DetachedFromScopeCount { get; internal set; }

    /// <summary>Sets all counts to zero.</summary>
    public void Reset() => CreatedOutsideScopeCount = CreatedInScopeCount = DisposedInScopeCount = DetachedFromScopeCount = 0;
}
