using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Native;

/// <summary>
/// Numbers beside tensors. TorchSharp makes a <see cref="Scalar"/> of every number, also of the factor that <c>x + y</c> has inside, and does
/// not hold it while native code reads it. A collection that another thread starts, a data loader's for example, may free it before: the
/// operator then throws, or computes with what stands in that memory. This class holds its scalars until long after. <c>ScalarTests</c> finds
/// every other conversion in this library.
/// </summary>
internal static class Scalars
{
    private const int Held = 64;
    [ThreadStatic] private static Scalar[]? last;
    [ThreadStatic] private static uint next; // begins again at 0 after the largest

    public static Scalar scalar(double number) => Hold(number);
    public static Scalar scalar(long number) => Hold(number);
    public static Scalar scalar(bool flag) => Hold(flag);

    public static Tensor plus(this Tensor x, Tensor y) => x.add(y, scalar(1));
    public static Tensor plus(this Tensor x, double y) => x.add(scalar(y), scalar(1));
    public static Tensor squared(this Tensor x) => x * x;

    /// <summary>start, start + 1, ... stop - 1, int64.</summary>
    public static Tensor range(long start, long stop, Device? device = null) => arange(scalar(start), scalar(stop), scalar(1), ScalarType.Int64, device);

    /// <summary>0, 1, ... count - 1, int64.</summary>
    public static Tensor range(long count, Device? device = null) => range(0, count, device);

    private static Scalar Hold(Scalar scalar)
    {
        last ??= new Scalar[Held];
        return last[next++ % Held] = scalar;
    }
}
