using System.Text.Json;
using System.Text.RegularExpressions;
using NanoVlm.Generation;
using NanoVlm.Models;
using TorchSharp;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>Hugging Face's families against recordings of transformers (tests/goldens), through the forward command.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class HuggingFaceGoldenTests
{
    private const double Forward = 1e-4;
    private const double Gradient = 1e-3;

    public static TheoryData<string, bool> Models => Both(HuggingFaceGolden.All);

    // Of a decoder with composites alone: see A_label_after_padding.
    public static TheoryData<string, bool> Gradients
    {
        get
        {
            var data = Both(HuggingFaceGolden.All.Except(HuggingFaceGolden.Decoders));
            foreach (var name in HuggingFaceGolden.Decoders) data.Add(name, false);
            return data;
        }
    }

    public static TheoryData<string, bool> Decoders => Both(HuggingFaceGolden.Decoders);

    public static TheoryData<string, bool> Multimodal => Both(HuggingFaceGolden.Multimodal);

    [Theory, MemberData(nameof(Models))]
    public void Every_hidden_state_output_and_loss_is_transformers(string name, bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var golden = new HuggingFaceGolden(name);
        var results = golden.Run(new ForwardPass { HiddenStates = true });
        var compared = 0;
        foreach (var (key, expected) in golden.Expected.Where(pair => pair.Key.Contains("output.") && !pair.Key.StartsWith("causal.")))
        {
            Assert.True(results.ContainsKey(key), $"{key} is not among {string.Join(", ", results.Keys)}");
            if (key == "padded.output.logits")
            {
                var real = golden.Expected["padded.input.attention_mask"].unsqueeze(-1); // other rows mean nothing
                Near.Equal(expected * real, results[key] * real, Forward, key);
            }
            else if (fused && key == "padded.output.loss")
                continue; // the first token's loss comes from a row that sees nothing; see A_label_after_padding
            else
                Near.Equal(expected, results[key], Forward, key);
            compared++;
        }
        Assert.True(compared > 2, $"{compared} outputs were compared");
    }

    [Theory, MemberData(nameof(Gradients))]
    public void Every_gradient_is_transformers(string name, bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var golden = new HuggingFaceGolden(name);
        var results = golden.Run(new ForwardPass { Gradients = ["all"] });
        foreach (var group in golden.Expected.Keys.Where(key => key.Contains("grad.")).GroupBy(key => key[..key.IndexOf("grad.", StringComparison.Ordinal)]))
        {
            // Transformers' gradients of a tower are of the mean of output times cotangent, ours of the sum.
            var share = golden.Expected.TryGetValue(group.Key + "input.cotangent", out var cotangent) ? 1.0 / cotangent.numel() : 1;
            var stored = results.Keys.Where(key => key.StartsWith(group.Key + "grad.", StringComparison.Ordinal)).Select(key => key[(group.Key.Length + 5)..]).ToArray();
            var largest = stored.Max(key => results[group.Key + "grad." + key].abs().max().ToDouble()) * share;
            foreach (var key in group)
            {
                var actual = results[group.Key + "grad." + HuggingFaceGolden.Gradient(key[(group.Key.Length + 5)..], stored)] * scalar(share);
                if (key.EndsWith("k_proj.bias", StringComparison.Ordinal)) // it shifts all scores of a query alike: what the file holds is noise
                    Assert.True((golden.Expected[key] - actual).abs().max().ToDouble() <= Gradient * largest, key);
                else
                    Near.Equal(golden.Expected[key], actual, Gradient, key);
            }
        }
    }

    [Theory, InlineData("llama-smollm2-like"), InlineData("llama3-like"), InlineData("gemma3-text")]
    public void Every_parameters_gradient_has_transformers_norm(string name)
    {
        using var kernel = Kernel.Fused(false);
        using var golden = new HuggingFaceGolden(name);
        var results = golden.Run(new ForwardPass { Gradients = ["all"] });
        var stored = results.Keys.Where(key => key.StartsWith("padded.grad.", StringComparison.Ordinal)).Select(key => key["padded.grad.".Length..]).ToArray();
        var norms = golden.Json.GetProperty("padded.grad_norm_per_parameter").EnumerateObject().ToArray();
        Assert.Equal(norms.Length, stored.Length);
        foreach (var norm in norms)
            Near.Equal(norm.Value.GetDouble(), results["padded.grad." + HuggingFaceGolden.Gradient(norm.Name, stored)].norm().ToDouble(), Gradient, norm.Name);
        Near.Equal(golden.Json.GetProperty("padded.grad_norm_total").GetDouble(), Math.Sqrt(stored.Sum(key => results["padded.grad." + key].square().sum().ToDouble())), Gradient, "total");
    }

    // What a row of padding gives is the kernel's own choice, and transformers' loss asks it for the first token.
    [Theory, InlineData("llama-smollm2-like"), InlineData("llama3-like"), InlineData("gemma3-text")]
    public void A_label_after_padding_aside_kernels_and_composites_have_one_loss_and_one_gradient(string name)
    {
        using var golden = new HuggingFaceGolden(name);
        var mask = golden.Expected["padded.input.attention_mask"];
        var before = cat([zeros_like(mask.narrow(1, 0, 1)), mask.narrow(1, 0, mask.shape[1] - 1)], 1);
        var inputs = golden.Expected.Where(pair => pair.Key.StartsWith("padded.input.", StringComparison.Ordinal)).ToDictionary(pair => pair.Key, pair => pair.Value);
        inputs["padded.input.labels"] = where(before == 0, full_like(mask, -100L), inputs["padded.input.labels"]);
        var (plain, fused) = (Run(false), Run(true));
        Assert.Equal(plain.Keys.Order(), fused.Keys.Order());
        foreach (var key in plain.Keys.Where(key => key.Contains("grad.") || key.EndsWith("loss", StringComparison.Ordinal)))
            Near.Equal(plain[key], fused[key], Gradient, key);

        Dictionary<string, Tensor> Run(bool fused)
        {
            using var kernel = Kernel.Fused(fused);
            return golden.Run(new ForwardPass { Gradients = ["all"] }, inputs: inputs);
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Greedy_continuations_are_transformers_token_for_token(string name, bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var golden = new HuggingFaceGolden(name);
        var alone = golden.Json.GetProperty("plain.generate");
        var prompt = Regex.Match(alone.GetProperty("prompt").GetString()!, @"\[0:1, :(\d+)\]$");
        var inputs = golden.Expected.Where(pair => pair.Key.StartsWith("padded.input.", StringComparison.Ordinal)).ToDictionary(pair => pair.Key, pair => pair.Value);
        inputs["plain.input.input_ids"] = golden.Expected["plain.input.input_ids"].narrow(0, 0, 1).narrow(1, 0, long.Parse(prompt.Groups[1].Value));
        var results = golden.Run(new ForwardPass { Generate = 20 }, inputs: inputs);
        Assert.Equal(Ids(alone), Ids(results["plain.output.generated_ids"]));
        Assert.Equal(Ids(golden.Json.GetProperty("padded.generate")), Ids(results["padded.output.generated_ids"]));
    }

    [Theory, MemberData(nameof(Multimodal))]
    public void Greedy_answers_to_an_image_are_transformers_token_for_token(string name, bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var golden = new HuggingFaceGolden(name);
        Assert.Equal(Ids(golden.Json.GetProperty("generate")), Ids(golden.Run(new ForwardPass { Generate = 12 })["output.generated_ids"]));
    }

    [Theory, MemberData(nameof(Multimodal))]
    public void Beside_a_text_and_another_picture_the_answers_are_the_same(string name, bool fused)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var kernel = Kernel.Fused(fused);
        using var golden = new HuggingFaceGolden(name);
        using var model = Pretrained.LoadVisionLanguageModel(RepositoryFiles.Golden(name));
        var ids = golden.Expected["input.input_ids"].data<long>().ToArray();
        var pixels = golden.Expected["input.pixel_values"];
        if (pixels.Dimensions == 5) pixels = pixels.flatten(0, 1);
        long[] text = [7, 11, 13, 5, 9];
        long[][] rows = [text, ids, [.. text, .. ids]];
        var (batch, mask) = TinyModel.Padded(rows, left: true);
        var made = Decoding.Generate(model, batch, cat([pixels, pixels.flip(-1)]), mask, 12);
        Assert.Equal(Ids(golden.Json.GetProperty("generate"))[0], made.select(0, 1).data<long>().ToArray());
        Assert.Equal(Decoding.Generate(model, tensor(text, [1, 5]), null, null, 12).data<long>().ToArray(), made.select(0, 0).data<long>().ToArray());
        Assert.Equal(Decoding.Generate(model, tensor(rows[2], [1, rows[2].Length]), pixels.flip(-1), null, 12).data<long>().ToArray(), made.select(0, 2).data<long>().ToArray());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Without_token_types_Gemmas_image_tokens_see_only_what_is_before_them(bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var golden = new HuggingFaceGolden("gemma3-mm");
        var inputs = golden.Expected.Where(pair => pair.Key.StartsWith("input.", StringComparison.Ordinal) && pair.Key != "input.token_type_ids")
            .ToDictionary(pair => "causal." + pair.Key, pair => pair.Value);
        var logits = golden.Run(new ForwardPass(), inputs: inputs)["causal.output.logits"];
        Near.Equal(golden.Expected["causal.output.logits"], logits, Forward);
        Assert.True((logits - golden.Expected["output.logits"]).abs().max().ToDouble() > 0.1);
    }

    private static TheoryData<string, bool> Both(IEnumerable<string> names)
    {
        var data = new TheoryData<string, bool>();
        foreach (var name in names)
        {
            data.Add(name, false);
            data.Add(name, true);
        }
        return data;
    }

    private static long[][] Ids(JsonElement generated) => generated.GetProperty("new_ids").Deserialize<long[][]>()!;

    private static long[][] Ids(Tensor made) => [.. Enumerable.Range(0, (int)made.shape[0]).Select(row => made.select(0, row).data<long>().ToArray())];
}
