using System.Runtime.InteropServices;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.Tests.Numbers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name), ChecksLeaks]
public sealed class ModuleTests
{
    private class Base(string name) : Module<Tensor, Tensor>(name)
    {
        protected readonly Parameter scale = Parameter(ones(2));
        public override Tensor forward(Tensor input) => input * scale;
    }

    private sealed class Block : Base
    {
        private readonly Linear projection = Linear(2, 2);
        [ComponentName(Name = "renamed")] private readonly Linear other = Linear(2, 2, hasBias: false);
        private readonly Tensor position = zeros(2);
        private readonly Parameter? absent = null;
        internal readonly ModuleList<Linear> layers = ModuleList(Linear(2, 2, hasBias: false), Linear(2, 2, hasBias: false));
        private readonly Tensor counter = zeros(1, int64);

        internal Block() : base(nameof(Block))
        {
            register_buffer("scratch", zeros(1), persistent: false);
            RegisterComponents();
        }

        internal bool AbsentIsNull => absent is null;
        internal Linear Projection => projection;
        internal long Counter => counter.ToInt64() + position.numel() + other.out_features;
    }

    private sealed class Tied : Module<Tensor, Tensor>
    {
        internal readonly Embedding embedding = Embedding(3, 2);
        internal readonly Linear head;

        internal Tied() : base(nameof(Tied))
        {
            head = Linear(embedding.weight);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => head.call(embedding.call(input));
    }

    [Fact]
    public void Fields_register_their_modules_parameters_and_buffers_under_their_names()
    {
        using var block = new Block();
        Assert.True(block.AbsentIsNull);
        Assert.Equal(["scale", "projection.weight", "projection.bias", "renamed.weight", "layers.0.weight", "layers.1.weight"],
            block.named_parameters().Select(entry => entry.name));
        Assert.Equal(["scratch", "position", "counter"], block.named_buffers().Select(entry => entry.name));
        Assert.Equal(["position", "counter"], block.named_buffers(include_nonpersistent: false).Select(entry => entry.name));
        Assert.Equal(["scale"], block.named_parameters(recurse: false).Select(entry => entry.name));
        Assert.Equal(["projection", "renamed", "layers"], block.named_children().Select(entry => entry.name));
        Assert.Equal(["projection", "renamed", "layers", "layers.0", "layers.1"], block.named_modules().Select(entry => entry.name));
        Assert.Equal(["scale", "position", "counter", "projection.weight", "projection.bias", "renamed.weight", "layers.0.weight", "layers.1.weight"], block.state_dict().Keys);
        Assert.Same(block.Projection.weight, block.state_dict()["projection.weight"]);
        Assert.Same(block.Projection.weight, block.get_parameter("projection.weight"));
        Assert.True(block.has_parameter("scale") && block.has_buffer("position") && !block.has_parameter("nothing"));
        Assert.Equal(["model.scale"], block.state_dict(prefix: "model").Keys.Take(1));
        Assert.Equal(4, block.Counter);
        Assert.Equal(2, block.layers.Count);
        Assert.Equal(6, block.parameters().Count());
        Assert.Equal(3, block.buffers().Count());
        Assert.Equal(5, block.modules().Count());
        Assert.Equal("Block", block.GetName());
        Assert.Throws<ArgumentException>(() => block.register_module("layers", Identity()));
    }

    [Fact]
    public void A_shared_parameter_is_trained_once_and_saved_under_each_name()
    {
        using var tied = new Tied();
        Assert.Single(tied.parameters());
        Assert.Equal(["embedding.weight", "head.weight"], tied.state_dict().Keys);
        Assert.Same(tied.state_dict()["embedding.weight"], tied.state_dict()["head.weight"]);
    }

    [Fact]
    public void Conversion_keeps_parameters_their_tying_and_their_gradients()
    {
        using var scope = NewDisposeScope();
        using var tied = new Tied();
        var weight = tied.head.weight;
        tied.call(Integers(0, 2)).sum().backward();
        Assert.Same(tied, tied.to(bfloat16));
        Assert.Same(weight, tied.embedding.weight);
        Assert.Equal((ScalarType.BFloat16, ScalarType.BFloat16), (weight.dtype, weight.grad!.dtype));
        Assert.True(weight.requires_grad && weight.is_leaf);
        tied.@float();
        tied.zero_grad();
        Assert.Null(weight.grad);
        tied.call(Integers(1)).sum().backward();
        Assert.Equal([3L, 2], weight.grad!.shape);

        using var block = new Block();
        block.to(float64);
        Assert.Equal(ScalarType.Float64, block.get_buffer("position")!.dtype);
        Assert.Equal(ScalarType.Float64, block.get_buffer("scratch")!.dtype);
        Assert.Equal(ScalarType.Int64, block.get_buffer("counter")!.dtype);
        Assert.Throws<ArgumentException>(() => block.to(int32));
        block.cpu().half().@double().bfloat16();
        Assert.All(block.parameters(), parameter => Assert.Equal(ScalarType.BFloat16, parameter.dtype));
        block.to(CPU).to("cpu").to(CPU, float32).to(DeviceType.CPU);
        Assert.All(block.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.dtype));
    }

    [Fact]
    public void Loading_copies_values_and_keeps_the_destinations_dtype()
    {
        using var scope = NewDisposeScope();
        using var source = Linear(2, 3, dtype: float64);
        using var target = Linear(2, 3);
        var weight = target.weight;
        var (missing, unexpected) = target.load_state_dict(source.state_dict());
        Assert.Empty(missing.Concat(unexpected));
        Assert.Same(weight, target.weight);
        Assert.Equal(ScalarType.Float32, weight.dtype);
        Assert.Equal(source.weight.to(float32).ToDoubles(), weight.ToDoubles());

        var partial = new Dictionary<string, Tensor> { ["weight"] = zeros(3, 2), ["extra"] = zeros(1) };
        var error = Assert.Throws<InvalidOperationException>(() => target.load_state_dict(partial));
        Assert.Contains("Missing: bias. Unexpected: extra.", error.Message);
        (missing, unexpected) = target.load_state_dict(partial, strict: false);
        Assert.Equal(["bias", "|", "extra"], [.. missing, "|", .. unexpected]);
        AssertValues(target.weight, 0, 0, 0, 0, 0, 0);
        target.load_state_dict(new() { ["bias"] = zeros(3) }, skip: ["weight"]);
        Assert.Contains("weight: shape [2, 2] does not fit [3, 2]", Assert.Throws<ExternalException>(() => target.load_state_dict(new() { ["weight"] = zeros(2, 2) }, strict: false)).Message);
    }

    [Fact]
    public void Modes_and_functions_reach_every_submodule()
    {
        using var block = new Block();
        block.eval();
        Assert.All(block.modules().Append(block), module => Assert.False(module.training));
        block.train();
        Assert.All(block.modules().Append(block), module => Assert.True(module.training));
        var order = new List<string>();
        Assert.Same(block, block.apply(module => order.Add(module.GetName())));
        Assert.Equal("Block", order[^1]);
        Assert.Equal(6, order.Count);
    }

    [Fact]
    public void Hooks_see_and_replace_the_result_of_call()
    {
        using var scope = NewDisposeScope();
        using var identity = Identity();
        var x = Of(1);
        var hook = identity.register_forward_hook((_, _, result) => result * 2);
        AssertValues(identity.call(x), 2);
        AssertValues(identity.forward(x), 1);
        hook.remove();
        AssertValues(identity.call(x), 1);
    }

    [Fact]
    public void Modules_made_inside_a_scope_outlive_it()
    {
        Linear linear;
        Embedding embedding;
        using (NewDisposeScope()) (linear, embedding) = (Linear(2, 2), Embedding(2, 2));
        using (linear)
        using (embedding)
        {
            Assert.False(linear.weight.IsInvalid || linear.bias!.IsInvalid || embedding.weight.IsInvalid);
            Assert.Single(embedding.parameters());
        }
        Assert.True(linear.weight.IsInvalid);
    }

    [Fact]
    public void A_parameter_takes_over_its_tensor()
    {
        using var data = zeros(2);
        using var parameter = Parameter(data);
        Assert.True(data.IsInvalid);
        Assert.True(parameter.requires_grad && parameter.is_leaf);
        using var frozen = Parameter(zeros(1), requires_grad: false);
        Assert.False(frozen.requires_grad);
        using var extended = zeros(1).AsParameter();
        Assert.True(extended.requires_grad);
    }
}
