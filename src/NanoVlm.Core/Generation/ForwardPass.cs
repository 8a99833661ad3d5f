using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Models;
using NanoVlm.Weights;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Generation;

/// <summary>
/// Runs a model folder on stored inputs and stores what comes out, for comparing with another implementation: docs/forward.md has
/// the names.
/// </summary>
public sealed record ForwardPass
{
    /// <summary>Whether every block's input and the last block's output are stored.</summary>
    public bool HiddenStates { get; init; }

    /// <summary>The parameters whose gradients are stored; <c>all</c> stands for every one.</summary>
    public IReadOnlyList<string> Gradients { get; init; } = [];

    /// <summary>How many tokens to continue each prompt by, greedily; 0: none.</summary>
    public int Generate { get; init; }

    /// <summary>The dtype of activations: Float32 or BFloat16.</summary>
    public ScalarType ComputeDtype { get; init; } = ScalarType.Float32;

    /// <summary>Runs every group of inputs.</summary>
    /// <param name="folder">The model folder: a vision-language model, or a language model alone (<c>lm_use_tokens</c>).</param>
    /// <param name="inputs">A safetensors file with tensors <c>[group.]input.NAME</c>; others are ignored.</param>
    /// <param name="output">The file to write, whole or not at all.</param>
    /// <returns>What was stored, by name.</returns>
    /// <exception cref="NanoVlmException">A file cannot be read, inputs are missing or misshapen, or a gradient's name is unknown.</exception>
    /// <exception cref="ConfigurationException">The model's config.json is wrong.</exception>
    public IReadOnlyList<string> Run(string folder, string inputs, string output)
    {
        using var scope = NewDisposeScope();
        using var file = SafeTensorsFile.Open(inputs);
        var groups = ForwardInputs.Groups(file);
        var config = Checkpoint.Config(folder);
        foreach (var group in groups) group.Check(config); // before the weights are read
        using var module = Open(folder, config);
        var decoder = module as CausalLanguageModel ?? ((VisionLanguageModel)module).Decoder;
        var parameters = module.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var wanted = Wanted(parameters.Keys);
        if (wanted.Length > 0 && !groups.Any(group => group.HasGradient))
            throw new NanoVlmException($"{inputs}: gradients need 'labels' or a 'cotangent' beside the inputs of some group.");

        var results = new Dictionary<string, Tensor>();
        foreach (var group in groups)
        {
            try
            {
                using var mode = wanted.Length > 0 && group.HasGradient ? enable_grad() : (IDisposable)no_grad();
                var loss = module is VisionLanguageModel model ? See(model, group, Store) : Read(decoder, decoder.Embed(Ids(group), ComputeDtype), group, Store);
                if (wanted.Length == 0 || loss is null) continue;
                module.zero_grad();
                loss.backward();
                foreach (var name in wanted)
                    Store("grad." + name, parameters[name].grad?.clone() ?? zeros_like(parameters[name])); // a part that took no part has a gradient of zero
            }
            catch (ArgumentException e)
            {
                throw new NanoVlmException($"{group.Where}: {e.Message}", e);
            }

            void Store(string name, Tensor value) =>
                results.Add(group.Prefix + name, value.is_floating_point() ? value.detach().to(ScalarType.Float32) : value.detach());
        }
        SafeTensorsWriter.Write(output, results, new Dictionary<string, string> { ["format"] = "pt" });
        return [.. results.Keys];
    }

    private Module Open(string folder, VlmConfig config)
    {
        if (config.LmUseTokens) return Checkpoint.LoadLanguageModel(folder);
        var model = Checkpoint.LoadModel(folder);
        model.ComputeDtype = ComputeDtype;
        return model;
    }

    private string[] Wanted(IReadOnlyCollection<string> names)
    {
        if (Gradients.Contains("all")) return [.. names];
        foreach (var name in Gradients.Where(name => !names.Contains(name)))
            throw new NanoVlmException($"There is no parameter '{name}'{NearestName.Suggestion(NearestName.Of(name, names))}; 'all' stands for every one.");
        return [.. Gradients.Distinct()];
    }

    // A vision-language model: the tower, the projector, then the decoder on the text with the features in place.
    private Tensor? See(VisionLanguageModel model, ForwardInputs group, Action<string, Tensor> store)
    {
        Tensor? features = null;
        if (group.Pixels is { } pixels)
        {
            var states = HiddenStates ? new List<Tensor>() : null;
            var patches = model.VisionEncoder.forward(pixels, ComputeDtype, states);
            StoreStates("output.vision_hidden_states.", states, store);
            store("output.vision_last_hidden_state", patches);
            store("output.image_hidden_states", features = model.Projector.call(patches));
        }
        return group.Ids is null ? null : Read(model.Decoder, model.Embed(group.Ids, features), group, store);
    }

    // The decoder on embeddings. What is returned has the gradients asked for: the loss, or the hidden states times their cotangent.
    private Tensor? Read(CausalLanguageModel decoder, Tensor embeddings, ForwardInputs group, Action<string, Tensor> store)
    {
        var states = HiddenStates ? new List<Tensor>() : null;
        var hidden = decoder.forward(embeddings, group.Mask, hiddenStates: states);
        StoreStates("output.hidden_states.", states, store);
        store("output.last_hidden_state", hidden);
        store("output.logits", decoder.Logits(hidden));
        Tensor? loss = null;
        if (group.Labels is { } labels)
        {
            var (sum, count) = VisionLanguageModel.Loss(decoder, hidden, labels);
            store("output.loss", loss = sum / count);
        }
        if (Generate > 0) StoreContinuation(decoder, embeddings, group, store);
        return loss ?? (group.Cotangent is { } cotangent ? (hidden.to(ScalarType.Float32) * cotangent).sum() : null);
    }

    private void StoreContinuation(CausalLanguageModel decoder, Tensor embeddings, ForwardInputs group, Action<string, Tensor> store)
    {
        using var mode = no_grad();
        using var sampler = Sampler.Greedy();
        var made = Decoding.Continue(decoder, embeddings.detach(), group.Mask, ComputeDtype, Generate, sampler, endOfText: null);
        store("output.generated_ids", made);
        store("output.generate", cat([group.Ids!, made], 1));
    }

    private static void StoreStates(string name, List<Tensor>? states, Action<string, Tensor> store)
    {
        for (var i = 0; i < states?.Count; i++)
        {
            using var state = states[i]; // it is in no scope
            store(name + i, state);
        }
    }

    private static Tensor Ids(ForwardInputs group) => group.Ids ?? throw new NanoVlmException($"{group.Where}: a language model alone needs 'input_ids'.");
}
