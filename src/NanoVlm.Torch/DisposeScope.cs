using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>
/// Owns the tensors made on this thread while it is the current scope, and disposes of them with itself.
/// Scopes nest; a tensor that must outlive its scope is moved out or detached.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    private readonly DisposeScopeManager manager;
    // The tensors are linked through themselves: a step makes thousands, and a set would cost more than the calls.
    private Tensor? newest;
    private int count;
    private bool disposed;

    internal DisposeScope(DisposeScopeManager manager) => this.manager = manager;

    internal DisposeScope? Outer { get; init; }

    /// <summary>How many tensors the scope owns now.</summary>
    public int DisposablesCount => Volatile.Read(ref count);

    /// <summary>The tensors the scope owns now, the newest first.</summary>
    public IReadOnlyList<IDisposable> DisposablesView
    {
        get
        {
            var tensors = new List<IDisposable>(count);
            lock (manager)
                for (var tensor = newest; tensor is not null; tensor = tensor.Older) tensors.Add(tensor);
            return tensors;
        }
    }

    /// <summary>Whether the scope owns this tensor.</summary>
    public bool Contains(IDisposable disposable) => disposable is Tensor tensor && ReferenceEquals(tensor.Scope, this);

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
        Tensor? old;
        lock (manager)
        {
            var kept = Array.FindAll(keep, Contains).Distinct(ReferenceEqualityComparer.Instance).ToArray();
            foreach (var disposable in kept) Unlink((Tensor)disposable!);
            (old, newest, count) = (newest, null, 0);
            for (var tensor = old; tensor is not null; tensor = tensor.Older) tensor.Scope = null;
            foreach (var disposable in kept) Link((Tensor)disposable!);
        }
        for (Tensor? tensor = old, older; tensor is not null; tensor = older)
        {
            older = tensor.Older;
            tensor.Older = tensor.Newer = null;
            tensor.Dispose();
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
    public void MarkAsDisposed(IDisposable disposable)
    {
        if (disposable is Tensor tensor) Remove(tensor);
    }

    /// <summary>Disposes of all that the scope owns and makes the scope around it current again.</summary>
    public void Dispose()
    {
        if (disposed) return;
        manager.Close(this);
        disposed = true;
        DisposeEverything();
    }

    // A tensor may be disposed of on another thread than the one whose scope owns it: the lists of a thread's scopes
    // change under one lock.
    internal void Add(Tensor tensor)
    {
        var scope = this;
        while (scope is { disposed: true }) scope = scope.Outer; // a scope that is over owns nothing
        if (scope is null) return;
        lock (scope.manager) scope.Link(tensor);
    }

    /// <summary>Whether the tensor was this scope's.</summary>
    internal bool Remove(Tensor tensor)
    {
        lock (manager)
        {
            if (!ReferenceEquals(tensor.Scope, this)) return false;
            Unlink(tensor);
            return true;
        }
    }

    private void Link(Tensor tensor)
    {
        tensor.Scope = this;
        tensor.Older = newest;
        if (newest is not null) newest.Newer = tensor;
        newest = tensor;
        count++;
    }

    private void Unlink(Tensor tensor)
    {
        if (tensor.Newer is null) newest = tensor.Older;
        else tensor.Newer.Older = tensor.Older;
        if (tensor.Older is not null) tensor.Older.Newer = tensor.Newer;
        tensor.Older = tensor.Newer = null;
        tensor.Scope = null;
        count--;
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
        var isOpen = false;
        for (var open = Current; open is not null && !isOpen; open = open.Outer) isOpen = ReferenceEquals(open, scope);
        if (!isOpen) return;
        // Scopes close in reverse order; one that was left open inside goes with its outer scope.
        while (Current is { } inner && !ReferenceEquals(inner, scope)) inner.Dispose();
        Current = scope.Outer;
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
