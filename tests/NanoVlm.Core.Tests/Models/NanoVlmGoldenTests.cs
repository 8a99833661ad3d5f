using System.Text.Json;
using NanoVlm.Generation;
using NanoVlm.Models;
using NanoVlm.Optimization;
using NanoVlm.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>The models against recordings of nanoVLM itself (tests/goldens), with fused kernels and with composites.</summary>
[Collection(KernelChoice.Name)]
public sealed class NanoVlmGoldenTests
{
    private const double Forward = 1e-4;
    private const double Gradient = 1e-3;

    public static TheoryData<string, bool> Models => new()
    {
        { "nanovlm-tied", false }, { "nanovlm-tied", true }, { "nanovlm-untied-longrope", false }, { "nanovlm-untied-longrope", true },
    };

    [Theory, MemberData(nameof(Models))]
    public void The_vision_tower_the_projector_and_the_decoder_give_nanoVLMs_states(string name, bool fused)
    {
        using var golden = new ModelGolden(name, fused);
        using var mode = no_grad();
        var images = golden["forward.input.images"];
        var patches = golden.Model.VisionEncoder.call(images, ScalarType.Float32);
        Near.Equal(golden["forward.output.vision_encoder"], patches, Forward, "vision tower");
        var side = (long)Math.Sqrt(patches.shape[1]);
        Near.Equal(golden["forward.output.modality_projector"], golden.Model.Projector.call(patches, side, side), Forward, "projector");

        var mask = golden["forward.input.attention_mask"];
        var hidden = golden.Model.forward(golden["forward.input.input_ids"], images, mask);
        var expected = golden["forward.output.hidden_without_targets"];
        if (fused) // the kernel gives zeros for a padding row that sees nothing, the reference the mean of what it may not see
            (expected, hidden) = (expected * mask.unsqueeze(-1), hidden * mask.unsqueeze(-1));
        Near.Equal(expected, hidden, Forward, "hidden states");
        var logits = golden.Model.Decoder.Logits(hidden);
        Near.Equal(golden["forward.output.logits_last16"], logits.narrow(1, hidden.shape[1] - 16, 16), Forward, "logits");
    }

    [Theory, MemberData(nameof(Models))]
    public void The_loss_and_every_gradient_are_nanoVLMs(string name, bool fused)
    {
        using var golden = new ModelGolden(name, fused);
        var loss = Loss(golden, "forward.input.");
        Near.Equal(golden.Json.GetProperty("forward.loss").GetDouble(), loss.ToDouble(), 1e-5, "loss");
        loss.backward();
        var parameters = golden.Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var norms = golden.Json.GetProperty("forward.grad_norm_per_parameter");
        Assert.Equal(norms.EnumerateObject().Select(norm => norm.Name).Order(), parameters.Keys.Order());
        foreach (var norm in norms.EnumerateObject())
            Near.Equal(norm.Value.GetDouble(), parameters[norm.Name].grad!.norm().ToDouble(), Gradient, norm.Name);
        foreach (var tensor in golden.Names.Where(n => n.StartsWith("grad.", StringComparison.Ordinal)))
            Near.Equal(golden[tensor], parameters[tensor["grad.".Length..]].grad!, Gradient, tensor);
    }

    [Theory, MemberData(nameof(Models))]
    public void Text_alone_gives_nanoVLMs_logits_and_loss(string name, bool fused)
    {
        using var golden = new ModelGolden(name, fused);
        using var mode = no_grad();
        var ids = golden["text.input.input_ids"];
        var hidden = golden.Model.forward(ids, null);
        Near.Equal(golden["text.output.logits"], golden.Model.Decoder.Logits(hidden), Forward, "logits");
        var (sum, count) = VisionLanguageModel.Loss(golden.Model.Decoder, hidden, ids.roll(-1, 1));
        Assert.Equal(ids.numel(), count);
        Near.Equal(golden.Json.GetProperty("text.loss_rolled_targets").GetDouble(), sum.ToDouble() / count, 1e-5, "loss");
    }

    [Theory, MemberData(nameof(Models))]
    public void Greedy_answers_are_nanoVLMs_token_for_token(string name, bool fused)
    {
        using var golden = new ModelGolden(name, fused);
        var (ids, images, mask) = (golden["generate.input.input_ids"], golden["generate.input.images"], golden["generate.input.attention_mask"]);
        var once = golden.Json.GetProperty("generate");
        var prompt = once.GetProperty("single_prompt_ids").Deserialize<long[]>()!;
        var first = once.GetProperty("images_of_first_prompt").GetInt64();
        var rest = images.narrow(0, first, images.shape[0] - first);
        foreach (var kind in new[] { "generate", "generate_with_eos" })
        {
            var expected = golden.Json.GetProperty(kind);
            var end = expected.GetProperty("eos_token_id").GetInt64();
            Assert.Equal(Rows(expected, "batch_new_ids"), Answers(ids, images, mask, end));
            Assert.Equal(Rows(expected, "single_new_ids"), Answers(tensor(prompt, [1, prompt.Length]), rest, null, end));
        }

        // nanoVLM fills a finished row with the end of text up to the end; here the loop stops once all rows are finished.
        long[][] Answers(Tensor input, Tensor pixels, Tensor? attention, long end)
        {
            var made = Decoding.Generate(golden.Model, input, pixels, attention, 16, endOfText: end);
            return [.. Enumerable.Range(0, (int)made.shape[0]).Select(row => (long[])[.. made.select(0, row).data<long>().ToArray(), .. Enumerable.Repeat(end, 16 - (int)made.shape[1])])];
        }

        static long[][] Rows(JsonElement kind, string key) => kind.GetProperty(key).Deserialize<long[][]>()!;
    }

    [Theory, MemberData(nameof(Models))]
    public void Training_follows_nanoVLMs_losses_and_norms_and_ends_at_its_weights(string name, bool fused)
    {
        using var golden = new ModelGolden(name, fused);
        var recipe = golden.Json.GetProperty("train");
        var accumulation = recipe.GetProperty("gradient_accumulation_steps").GetInt32();
        var parameters = golden.Model.named_parameters().ToArray();
        foreach (var (_, parameter) in parameters) parameter.requires_grad = false;
        var groups = new List<AdamW.ParamGroup>();
        foreach (var part in recipe.GetProperty("groups").EnumerateArray())
        {
            var own = parameters.Where(p => p.name.StartsWith(part[0].GetString() + ".", StringComparison.Ordinal)).Select(p => p.parameter).ToArray();
            foreach (var parameter in own) parameter.requires_grad = true;
            groups.Add(new AdamW.ParamGroup(own, part[1].GetDouble(), weight_decay: 0.01));
        }
        using var optimizer = new FusedAdamW(groups);
        var batch = 0;
        foreach (var step in recipe.GetProperty("history").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var at = $"step {step.GetProperty("step").GetInt32()}";
            foreach (var expected in step.GetProperty("losses").EnumerateArray())
            {
                var loss = TrainingLoss(golden, $"train.batch{batch++ % 4}.");
                Near.Equal(expected.GetDouble(), loss.ToDouble(), 1e-4, $"loss, {at}");
                (loss / accumulation).backward(); // a mean of means, as nanoVLM has it
            }
            var norm = GradientNorm.Measure(optimizer.parameters());
            Near.Equal(step.GetProperty("grad_norm").GetDouble(), norm, 1e-3, $"norm, {at}");
            foreach (var (group, rate) in groups.Zip(step.GetProperty("lrs").EnumerateArray())) group.LearningRate = rate.GetDouble();
            optimizer.step(Math.Min(1, recipe.GetProperty("max_grad_norm").GetDouble() / (norm + 1e-6)));
            optimizer.zero_grad();
        }
        foreach (var (key, parameter) in parameters)
        {
            var sums = recipe.GetProperty("final_parameters").GetProperty(key);
            var magnitude = sums.GetProperty("abs_sum").GetDouble();
            Near.Equal(magnitude, parameter.abs().sum(type: ScalarType.Float64).ToDouble(), 1e-3, $"sum of magnitudes of {key}");
            Assert.Equal(sums.GetProperty("sum").GetDouble(), parameter.sum(type: ScalarType.Float64).ToDouble(), 1e-3 * magnitude);
        }
        foreach (var tensor in golden.Names.Where(n => n.StartsWith("final.", StringComparison.Ordinal)))
            Near.Equal(golden[tensor], parameters.Single(p => p.name == tensor["final.".Length..]).parameter, 2e-3, tensor);
    }

    [Theory, MemberData(nameof(Models))]
    public void The_loss_in_bfloat16_is_near_nanoVLMs_under_autocast(string name, bool fused)
    {
        using var golden = new ModelGolden(name, fused);
        golden.Model.ComputeDtype = ScalarType.BFloat16;
        using var mode = no_grad();
        Near.Equal(golden.Json.GetProperty("forward.loss_bf16_autocast").GetDouble(), Loss(golden, "forward.input.").ToDouble(), 2e-3, "loss");
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_language_model_alone_gives_nanoVLMs_logits_and_continuations(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var expected = SafeTensorsFile.Open(RepositoryFiles.Golden("nanovlm-lm/expected.safetensors"));
        using var decoder = Checkpoint.LoadLanguageModel(RepositoryFiles.Golden("nanovlm-lm"));
        using var mode = no_grad();
        var ids = expected.Tensor("input.input_ids");
        var embeddings = decoder.Embed(ids);
        Near.Equal(expected.Tensor("output.logits"), decoder.Logits(decoder.forward(embeddings)), Forward, "logits");
        var made = Decoding.Continue(decoder, embeddings, null, 12);
        Assert.Equal(expected.Tensor("output.generate").data<long>().ToArray(), cat([ids, made], 1).data<long>().ToArray());
    }

    private static Tensor Loss(ModelGolden golden, string prefix)
    {
        var hidden = golden.Model.forward(golden[prefix + "input_ids"], golden[prefix + "images"], golden[prefix + "attention_mask"]);
        var (sum, count) = VisionLanguageModel.Loss(golden.Model.Decoder, hidden, golden[prefix + "labels"]);
        return sum / count;
    }

    private static Tensor TrainingLoss(ModelGolden golden, string prefix)
    {
        var (sum, count) = golden.Model.Loss(golden[prefix + "input_ids"], golden[prefix + "images"], golden[prefix + "labels"], golden[prefix + "attention_mask"]);
        return sum / count;
    }
}
