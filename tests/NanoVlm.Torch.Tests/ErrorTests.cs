using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class ErrorTests
{
    [Fact]
    public void A_wrong_shape_names_the_operator_the_shapes_and_libtorchs_reason()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ExternalException>(() => zeros(2, 3).matmul(zeros(4, 5)));
        Assert.Contains("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", error.Message);
        Assert.Contains("aten::matmul(Float[2, 3], Float[4, 5])", error.Message);
        Assert.DoesNotContain("frame #", error.Message);
        Assert.Contains("aten::add.Tensor(Float[2], Double[3])", Assert.Throws<ExternalException>(() => zeros(2) + zeros(3, float64)).Message);
        Assert.Contains("aten::cat({Float[1], Float[1, 1]})", Assert.Throws<ExternalException>(() => cat([zeros(1), zeros(1, 1)])).Message);
        Assert.Contains("shape '[5]' is invalid", Assert.Throws<ExternalException>(() => zeros(2, 2).view(5)).Message);
        Assert.Throws<ExternalException>(() => nn.functional.cross_entropy(zeros(1, 2), zeros(1, int32)));
        Assert.Throws<ExternalException>(() => einsum("ij,jk", zeros(1, 2), zeros(3, 1)));
        Assert.Throws<ExternalException>(() => zeros(2, requires_grad: true).backward());
        Assert.Throws<ExternalException>(() => zeros(2).grad = zeros(3));
        Assert.Throws<ExternalException>(() => zeros(2, int64).requires_grad = true);
    }

    [Fact]
    public void Items_and_numbers_say_what_they_need()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("shape [2]", Assert.Throws<ArgumentException>(() => zeros(2).item<float>()).Message);
        Assert.Contains("Float64, not Single", Assert.Throws<ArgumentException>(() => tensor(1.0).item<float>()).Message);
        Assert.Throws<ArgumentException>(() => zeros(2).ToScalar());
        Assert.Throws<ArgumentException>(() => zeros(2).data<long>());
        Assert.Throws<ArgumentException>(() => tensor(new[] { 1f, 2 }, [3]));
        Assert.Throws<ArgumentException>(() => new Device("gpu"));
        Assert.Throws<ArgumentException>(() => new Device("cuda:x"));
        Assert.Throws<IndexOutOfRangeException>(() => zeros(2, 2).data<float>()[0, 2]);
        Assert.Throws<ArgumentException>(() => finfo(int64));
    }

    [Fact]
    public void Operators_by_name_are_called_or_said_to_be_missing()
    {
        using var scope = NewDisposeScope();
        Assert.Null(find_operator("aten::no_such_operator"));
        var sum = find_operator("aten::sum.dim_IntList")!;
        Assert.Equal(3, sum.Call(ones(1, 3), new long[] { 1 }, false)!.ToDouble());
        Assert.Equal(2, find_operator("aten::max.dim")!.Invoke(ones(2, 2), 1).Length);
        Assert.Contains("argument 'dim' is missing", Assert.Throws<ExternalException>(() => find_operator("aten::cumsum")!.Call(ones(2))).Message);
        Assert.Contains("takes 1 arguments, got 2", Assert.Throws<ExternalException>(() => find_operator("aten::neg")!.Call(ones(2), 1)).Message);
        Assert.ThrowsAny<ExternalException>(() => find_operator("aten::neg")!.Call("text"));
        Assert.Throws<NotSupportedException>(() => new Native.Operator("aten::nothing").Call(ones(1)));
    }

    [Fact]
    public void Many_failures_leave_no_tensors_behind()
    {
        using var a = zeros(2, 3);
        for (var i = 0; i < 100; i++) Assert.Throws<ExternalException>(() => a.matmul(a));
    }
}
