using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Towers;

/// <summary>Limited-memory BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.5) with a backtracking line search: for smooth convex functions.</summary>
internal static class Lbfgs
{
    private const int Memory = 10;

    /// <summary>Finds where a function is least.</summary>
    /// <param name="function">Its value and gradient at a point, a vector of float64; what it makes is freed.</param>
    /// <param name="start">Where to begin.</param>
    /// <param name="maxIterations">The most steps.</param>
    /// <param name="tolerance">The largest gradient component, relative to that of the start or 1, at which it ends.</param>
    public static Tensor Minimize(Func<Tensor, (double Value, Tensor Gradient)> function, Tensor start, int maxIterations = 500, double tolerance = 1e-6)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var x = start.clone();
        var (value, gradient) = Evaluate(x);
        var end = tolerance * Math.Max(1, Largest(gradient));
        var pairs = new LinkedList<(Tensor Step, Tensor Change, double Product)>();
        for (var i = 0; i < maxIterations && Largest(gradient) > end; i++)
        {
            using var inner = NewDisposeScope();
            var direction = Direction(gradient, pairs);
            var slope = Dot(direction, gradient);
            var length = pairs.Count == 0 ? Math.Min(1, 1 / gradient.norm().to(ScalarType.Float64).item<double>()) : 1.0;
            var next = x.plus(direction * scalar(length));
            var there = Evaluate(next);
            while (!(there.Value <= value + 1e-4 * length * slope) && length > 1e-12)
            {
                length /= 2;
                next = x.plus(direction * scalar(length));
                there = Evaluate(next);
            }
            if (length <= 1e-12) break; // rounding lets it go no lower
            var (step, change) = (next - x, there.Gradient - gradient);
            var product = Dot(step, change);
            if (product > 0)
            {
                pairs.AddFirst((step.MoveToOuterDisposeScope(), change.MoveToOuterDisposeScope(), product));
                if (pairs.Count > Memory)
                {
                    pairs.Last!.Value.Step.Dispose();
                    pairs.Last.Value.Change.Dispose();
                    pairs.RemoveLast();
                }
            }
            x.Dispose();
            gradient.Dispose();
            (x, value, gradient) = (next.MoveToOuterDisposeScope(), there.Value, there.Gradient.MoveToOuterDisposeScope());
        }
        return x.MoveToOuterDisposeScope();

        (double Value, Tensor Gradient) Evaluate(Tensor at)
        {
            using var inner = NewDisposeScope();
            var (v, g) = function(at);
            return (v, g.MoveToOuterDisposeScope());
        }
    }

    // The gradient times the inverse Hessian that the last steps suggest, downhill.
    private static Tensor Direction(Tensor gradient, LinkedList<(Tensor Step, Tensor Change, double Product)> pairs)
    {
        var q = gradient.clone();
        var weights = new Stack<double>();
        foreach (var (step, change, product) in pairs)
        {
            var weight = Dot(step, q) / product;
            weights.Push(weight);
            q = q - change * scalar(weight);
        }
        if (pairs.First is { Value: var latest }) q = q * scalar(latest.Product / Dot(latest.Change, latest.Change));
        for (var pair = pairs.Last; pair is not null; pair = pair.Previous)
            q = q.plus(pair.Value.Step * scalar(weights.Pop() - Dot(pair.Value.Change, q) / pair.Value.Product));
        return -q;
    }

    private static double Dot(Tensor a, Tensor b) => a.dot(b).to(ScalarType.Float64).item<double>();

    private static double Largest(Tensor x) => x.abs().max().to(ScalarType.Float64).item<double>();
}
