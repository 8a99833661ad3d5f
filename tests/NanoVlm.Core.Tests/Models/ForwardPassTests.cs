using NanoVlm.Generation;
using NanoVlm.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>The forward command's work: stored inputs in, named results out.</summary>
[Collection(KernelChoice.Name)]
public sealed class ForwardPassTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Kernel kernel = Kernel.Fused(false);

    public void Dispose()
    {
        kernel.Dispose();
        scope.Dispose();
        folder.Dispose();
    }

    [Theory, InlineData("nanovlm-tied"), InlineData("nanovlm-untied-longrope")]
    public void A_goldens_own_file_is_a_valid_input(string name)
    {
        var expected = Tensors(RepositoryFiles.Golden($"{name}/expected.safetensors"));
        var results = Run(new ForwardPass { HiddenStates = true, Gradients = ["all"], Generate = 16 }, name);
        Near.Equal(expected["forward.output.vision_encoder"], results["forward.output.vision_last_hidden_state"], 1e-4);
        Near.Equal(expected["forward.output.modality_projector"], results["forward.output.image_hidden_states"], 1e-4);
        Near.Equal(expected["forward.output.hidden_without_targets"], results["forward.output.last_hidden_state"], 1e-4);
        Near.Equal(expected["forward.output.logits_last16"], results["forward.output.logits"].narrow(1, expected["forward.input.input_ids"].shape[1] - 16, 16), 1e-4);
        Near.Equal(expected["text.output.logits"], results["text.output.logits"], 1e-4);
        foreach (var gradient in expected.Keys.Where(key => key.StartsWith("grad.", StringComparison.Ordinal)))
            Near.Equal(expected[gradient], results["forward." + gradient], 1e-3, gradient);
        Assert.Equal([1], results["forward.output.loss"].shape);
        Assert.Equal([2, 16], results["generate.output.generated_ids"].shape);
        Near.Equal(expected["forward.output.vision_encoder"].shape[2], results["forward.output.vision_hidden_states.0"].shape[2], 0);
        Assert.Contains("forward.output.hidden_states.2", results.Keys);
        Assert.DoesNotContain("forward.output.hidden_states.3", results.Keys);
        Assert.DoesNotContain(results.Keys, key => key.StartsWith("text.grad", StringComparison.Ordinal) || key.StartsWith("train", StringComparison.Ordinal));
    }

    [Fact]
    public void A_language_model_alone_needs_no_tokenizer()
    {
        var expected = Tensors(RepositoryFiles.Golden("nanovlm-lm/expected.safetensors"));
        var results = Run(new ForwardPass { Generate = 12 }, "nanovlm-lm");
        Near.Equal(expected["output.logits"], results["output.logits"], 1e-4);
        Assert.Equal(expected["output.generate"].data<long>().ToArray(), results["output.generate"].data<long>().ToArray());
        Assert.Equal([2, 12], results["output.generated_ids"].shape);
    }

    [Fact]
    public void A_cotangent_takes_the_place_of_labels()
    {
        var expected = Tensors(RepositoryFiles.Golden("nanovlm-lm/expected.safetensors"));
        var ids = expected["input.input_ids"];
        var cotangent = randn([.. ids.shape, 48], generator: new Generator(1));
        var results = Run(new ForwardPass { Gradients = ["norm.weight"] }, "nanovlm-lm", new() { ["a.input.input_ids"] = ids, ["a.input.cotangent"] = cotangent });
        // last_hidden_state = normalised * weight, so the weight's gradient is the sum of cotangent * last_hidden_state / weight.
        var weight = Tensors(RepositoryFiles.Golden("nanovlm-lm/model.safetensors"))["norm.weight"];
        Near.Equal((cotangent * results["a.output.last_hidden_state"]).sum([0, 1]) / weight, results["a.grad.norm.weight"], 1e-4);
    }

    [Fact]
    public void Images_alone_go_through_the_tower_and_the_projector()
    {
        var expected = Tensors(RepositoryFiles.Golden("nanovlm-tied/expected.safetensors"));
        var results = Run(new ForwardPass(), "nanovlm-tied", new() { ["input.pixel_values"] = expected["forward.input.images"] });
        Assert.Equal(["output.image_hidden_states", "output.vision_last_hidden_state"], results.Keys.Order());
    }

    [Fact]
    public void In_bfloat16_results_are_near_and_stored_as_float32()
    {
        var (full, half) = (Run(new ForwardPass(), "nanovlm-tied"), Run(new ForwardPass { ComputeDtype = ScalarType.BFloat16 }, "nanovlm-tied"));
        Assert.All(half.Values, tensor => Assert.Equal(ScalarType.Float32, tensor.dtype));
        Near.Equal(full["text.output.logits"], half["text.output.logits"], 5e-2);
        Assert.NotEqual(full["text.output.logits"].bytes.ToArray(), half["text.output.logits"].bytes.ToArray());
    }

    [Fact]
    public void What_is_wrong_with_the_inputs_is_said()
    {
        var ids = tensor(new long[] { 1, 2, 3 }, [1, 3]);
        Says("holds no inputs", new() { ["ids"] = ids });
        Says("'input_ids' has shape [3], expected [B, T]", new() { ["a.input.input_ids"] = ids.flatten() });
        Says("group 'a': 'attention_mask' has shape [1, 4], expected [1, 3], as input_ids", new() { ["a.input.input_ids"] = ids, ["a.input.attention_mask"] = ones(1, 4, ScalarType.Int64) });
        Says("'labels' has shape [1, 2]", new() { ["input.input_ids"] = ids, ["input.labels"] = ones(1, 2, ScalarType.Int64) });
        Says("'labels' has no label", new() { ["input.input_ids"] = ids, ["input.labels"] = full(1, 3, -100L, ScalarType.Int64) });
        Says("'labels' holds 586, which is outside the vocabulary of 586", new() { ["input.input_ids"] = ids, ["input.labels"] = full(1, 3, 586L, ScalarType.Int64) });
        Says("'input_ids' holds -1", new() { ["input.input_ids"] = ids - 2 });
        Says("'input_ids' holds Float32; integers", new() { ["input.input_ids"] = ids.to(ScalarType.Float32) });
        Says("'cotangent' has shape [1, 3, 47], expected [1, 3, 48]", new() { ["input.input_ids"] = ids, ["input.cotangent"] = zeros(1, 3, 47) });
        Says("'pixel_values' has shape [1, 3, 16, 30], expected [N, 3, H, W] with H and W multiples of 8", new() { ["input.images"] = zeros(1, 3, 16, 30) });
        Says("'input_ids' is missing", new() { ["input.images"] = zeros(1, 3, 32, 32), ["input.labels"] = ids });
        Says("needs 'input_ids' or 'pixel_values'", new() { ["input.labels"] = ids });
        Says("images give 4 features (1 tiles of 4), but input_ids hold 1 image tokens; by row: [0, 1]",
            new() { ["a.input.images"] = zeros(1, 3, 32, 32), ["a.input.input_ids"] = tensor(new long[] { 1, 2, 3, 520 }, [2, 2]) });
        Says("'cotangent' has shape [1, 3, 48]", new() { ["input.images"] = zeros(1, 3, 32, 32), ["input.cotangent"] = zeros(1, 3, 48) });
        Says("did you mean 'MP.proj.weight'", new() { ["input.input_ids"] = ids, ["input.labels"] = ids }, "MP.proj.weigth");
        Says("gradients need 'labels' or a 'cotangent'", new() { ["input.input_ids"] = ids }, "all");

        void Says(string message, Dictionary<string, Tensor> inputs, params string[] gradients)
        {
            var error = Assert.Throws<NanoVlmException>(() => Run(new ForwardPass { Gradients = gradients }, "nanovlm-tied", inputs));
            Assert.Contains(message, error.Message);
            Assert.DoesNotContain('\n', error.Message);
            Assert.False(File.Exists(folder["out.safetensors"]));
        }
    }

    [Fact]
    public void A_config_of_absurd_size_is_an_error_and_no_crash()
    {
        using var pause = AllocationCounter.Pause();
        using var golden = new HuggingFaceGolden("llama3-like");
        var model = golden.Variant("absurd");
        var config = Path.Combine(model, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"intermediate_size\": 96", "\"intermediate_size\": 2000000000"));
        Assert.Contains("A model of the size that config.json describes cannot be made", Assert.Throws<NanoVlmException>(() => golden.Run(new ForwardPass(), model)).Message);
    }

    private Dictionary<string, Tensor> Run(ForwardPass pass, string model, Dictionary<string, Tensor>? inputs = null)
    {
        if (inputs is not null) SafeTensorsWriter.Write(folder["in.safetensors"], inputs);
        var stored = pass.Run(RepositoryFiles.Golden(model), inputs is null ? RepositoryFiles.Golden($"{model}/expected.safetensors") : folder["in.safetensors"], folder["out.safetensors"]);
        var results = Tensors(folder["out.safetensors"]);
        Assert.Equal(stored.Order(), results.Keys.Order());
        return results;
    }

    private static Dictionary<string, Tensor> Tensors(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return file.Names.ToDictionary(name => name, file.Tensor);
    }
}
