using NanoVlm.Models;
using static TorchSharp.torch;

namespace NanoVlm.Training;

/// <summary>Finds where numbers stop being finite: in the weights, then in what each module gives, in order, then in the gradients.</summary>
internal static class NonFinite
{
    /// <summary>A sentence that names the first bad module.</summary>
    /// <param name="model">The model, with the gradients of the step.</param>
    /// <param name="inputs">The batch whose loss is bad; null: the losses are sound.</param>
    internal static string FirstIn(VisionLanguageModel model, BatchTensors? inputs)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        foreach (var (name, parameter) in model.named_parameters())
            if (Bad(parameter)) return $"The weights of {Module(name)} are not finite ({name}): lower the learning rates, or go on from the checkpoint before.";
        if (inputs is not null && Outputs(model, inputs).FirstOrDefault(output => Bad(output.Value)) is { Module: { } module })
            return $"The first module to give what is not finite is {module}: use precision fp32, or look at the samples.";
        // Backward goes from the loss to the inputs: the last in the order of the forward pass is the first that went wrong.
        string? last = null;
        foreach (var (name, parameter) in model.named_parameters().OrderBy(entry => Order(entry.name)))
        {
            using var gradient = parameter.grad;
            if (gradient is not null && Bad(gradient)) last = name;
        }
        return last is null ? "All weights are finite." : $"The first gradient to go wrong is that of {Module(last)} ({last}): lower the learning rates, or use precision fp32.";
    }

    // What each module gives, in the order of the forward pass.
    private static IEnumerable<(string? Module, Tensor Value)> Outputs(VisionLanguageModel model, BatchTensors inputs)
    {
        Tensor? features = null;
        if (inputs.PixelValues is { } pixels)
        {
            yield return ("the image processor (pixel_values)", pixels);
            var states = new List<Tensor>();
            var tokens = model.VisionEncoder.forward(pixels, model.ComputeDtype, states);
            yield return ("vision_encoder.patch_embedding", states[0]);
            for (var block = 1; block < states.Count; block++) yield return ($"vision_encoder.blocks.{block - 1}", states[block]);
            yield return ("vision_encoder.layer_norm", tokens);
            Free(states);
            yield return ("MP", features = model.Project(tokens, pixels));
        }
        var embeddings = model.Embed(inputs.InputIds, features);
        yield return ("decoder.token_embedding", embeddings);
        var hidden = new List<Tensor>();
        var result = model.Decoder.forward(embeddings, hiddenStates: hidden, layout: inputs.Layout, spans: model.Spans(inputs.InputIds));
        for (var block = 1; block < hidden.Count; block++) yield return ($"decoder.blocks.{block - 1}", hidden[block]);
        Free(hidden);
        yield return ("decoder.norm", result);
        yield return ("decoder.head", model.Decoder.Logits(result));
    }

    private static void Free(List<Tensor> states)
    {
        foreach (var state in states) state.Dispose();
    }

    private static bool Bad(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return !tensor.isfinite().all().item<bool>();
    }

    private static int Order(string name) => name.StartsWith("vision_encoder.", StringComparison.Ordinal) ? 0 : name.StartsWith("MP.", StringComparison.Ordinal) ? 1 : 2;

    // decoder.blocks.3.attn.q_proj.weight belongs to decoder.blocks.3.attn.q_proj.
    private static string Module(string parameter) => parameter.LastIndexOf('.') is var dot and > 0 ? parameter[..dot] : parameter;
}
