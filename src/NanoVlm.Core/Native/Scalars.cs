using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Native;

/// <summary>
/// Numbers beside tensors. TorchSharp makes a <see cref="Scalar"/> of every number (also of the factor that <c>x + y</c> has inside), hands native code its address, and
/// holds it no longer: a collection that another thread starts may free it before it is read, and the operator then throws or computes with what stands there. A data
/// loader's threads do start collections. These scalars are held until long after; <c>ScalarTests</c> lets nothing in this library convert a number in another way.
/// </summary>
internal static class Scalars
{
    private const int Held = 64;
    [ThreadStatic] private static Scalar[]? last;
    [ThreadStatic] private static int next;

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
