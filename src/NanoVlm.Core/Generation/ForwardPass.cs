using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Models;
using NanoVlm.Vision;
using NanoVlm.Weights;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Generation;

/// <summary>
/// Runs a model folder on stored inputs and stores what comes out, for comparing with another implementation: docs/forward.md has
/// the names.
/// </summary>
internal sealed record ForwardPass
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
    /// <param name="folder">The model folder: nanoVLM's or Hugging Face's, of a vision tower, a language model, a dual encoder or a
    /// vision-language model.</param>
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
        var foreign = Checkpoint.IsHuggingFace(folder);
        var (module, names) = foreign ? Pretrained.Open(folder) : Checkpoint.Open(folder);
        using var opened = module;
        if (module is VisionLanguageModel whole) whole.ComputeDtype = ComputeDtype;
        if (module is CausalLanguageModel alone) alone.ComputeDtype = ComputeDtype;
        foreach (var group in groups)
        {
            if (foreign) group.ShiftLabels(masked: module is VisionLanguageModel { Config.LmBidirectionalImages: true });
            Check(module, group);
        }
        var wanted = Wanted(names.Names);
        if (wanted.Length > 0 && !groups.Any(group => HasGradient(module, group)))
            throw new NanoVlmException($"{inputs}: gradients need 'labels' or a 'cotangent' beside the inputs of some group.");

        var results = new Dictionary<string, Tensor>();
        foreach (var group in groups)
        {
            try
            {
                var differentiates = wanted.Length > 0 && HasGradient(module, group);
                using var mode = differentiates ? enable_grad() : (IDisposable)no_grad();
                var loss = module switch
                {
                    VisionTransformer tower => Look(tower, group, Store),
                    DualEncoder encoder => Match(encoder, group, Store),
                    CausalLanguageModel decoder => Read(decoder, decoder.Embed(group.Ids!), null, group, Store),
                    _ => See((VisionLanguageModel)module, group, Store),
                };
                if (!differentiates || loss is null) continue;
                module.zero_grad();
                loss.backward();
                foreach (var name in wanted) Store("grad." + name, names.Gradient(name));
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

    private static void Check(Module module, ForwardInputs group)
    {
        switch (module)
        {
            case VisionTransformer tower:
                group.Needed(group.Pixels, "pixel_values", "a vision tower");
                if (group.Ids is not null || group.Labels is not null) throw new NanoVlmException($"{group.Where}: a vision tower takes 'pixel_values' and a 'cotangent' only.");
                group.CheckPixels(tower.Config);
                break;
            case CausalLanguageModel decoder:
                group.Needed(group.Ids, "input_ids", "a language model");
                group.CheckText(decoder.Config.VocabSize, decoder.Config.HiddenSize);
                break;
            case DualEncoder encoder:
                if (group.Ids is null && group.Pixels is null) throw new NanoVlmException($"{group.Where}: needs 'input_ids' or 'pixel_values'.");
                group.CheckPixels(encoder.Vision.Config);
                group.CheckText(encoder.Text.Config.VocabSize, encoder.Text.Config.Encoder.HiddenSize);
                break;
            case VisionLanguageModel model:
                if (group.Ids is null && group.Pixels is null) throw new NanoVlmException($"{group.Where}: needs 'input_ids' or 'pixel_values'.");
                group.CheckPixels(model.VisionEncoder.Config);
                group.CheckText(model.Config.LmVocabSize, model.Config.LmHiddenDim);
                break;
        }
    }

    // A dual encoder has a loss of its own.
    private static bool HasGradient(Module module, ForwardInputs group) => group.HasGradient || (module is DualEncoder && group is { Pixels: not null, Ids: not null });

    private string[] Wanted(IReadOnlyCollection<string> names)
    {
        if (Gradients.Contains("all")) return [.. names];
        foreach (var name in Gradients.Where(name => !names.Contains(name)))
            throw new NanoVlmException($"There is no parameter '{name}'{NearestName.Suggestion(NearestName.Of(name, names))}; 'all' stands for every one.");
        return [.. Gradients.Distinct()];
    }

    // A vision tower alone.
    private Tensor? Look(VisionTransformer tower, ForwardInputs group, Action<string, Tensor> store)
    {
        var states = HiddenStates ? new List<Tensor>() : null;
        var tokens = tower.forward(group.Pixels!, ComputeDtype, states);
        StoreStates("output.hidden_states.", states, store);
        store("output.last_hidden_state", tokens);
        if (tower.Config.Pooler != Pooler.None) store("output.pooler_output", tower.Pool(tokens));
        group.CheckCotangent(tokens.shape);
        return Product(tokens, group);
    }

    // Both towers of a dual encoder; the loss is of as many images and texts as there are pairs.
    private Tensor? Match(DualEncoder encoder, ForwardInputs group, Action<string, Tensor> store)
    {
        Tensor? last = null; // the text's hidden states, or the images' where there is no text
        var images = Embed("vision", group.Pixels, (pixels, states) => encoder.Vision.forward(pixels, ComputeDtype, states), encoder.Vision.Pool, "image_embeds");
        var texts = Embed("text", group.Ids, (ids, states) => encoder.Text.forward(ids, ComputeDtype, group.Mask, states), encoder.Text.Pool, "text_embeds");
        if (group.Cotangent is not null) group.CheckCotangent(last!.shape);
        if (images is null || texts is null) return Product(last!, group);
        var logits = encoder.Logits(images, texts);
        store("output.logits_per_image", logits);
        store("output.logits_per_text", logits.t());
        var pairs = Math.Min(logits.shape[0], logits.shape[1]);
        var loss = ContrastiveLoss.Sigmoid(logits.narrow(0, 0, pairs).narrow(1, 0, pairs));
        store("output.loss", loss.view(1));
        return Product(last!, group) ?? loss;

        Tensor? Embed(string tower, Tensor? input, Func<Tensor, List<Tensor>?, Tensor> forward, Func<Tensor, Tensor> pool, string name)
        {
            if (input is null) return null;
            var states = HiddenStates ? new List<Tensor>() : null;
            var tokens = last = forward(input, states);
            StoreStates($"output.{tower}_hidden_states.", states, store);
            var pooled = pool(tokens);
            foreach (var separator in "_.") // the goldens' spelling too
            {
                store($"output.{tower}{separator}last_hidden_state", tokens);
                store($"output.{tower}{separator}pooler_output", pooled);
            }
            var embeds = DualEncoder.Normalized(pooled);
            store("output." + name, embeds);
            return embeds;
        }
    }

    // A vision-language model: the tower, the projector, then the decoder on the text with the features in place.
    private Tensor? See(VisionLanguageModel model, ForwardInputs group, Action<string, Tensor> store)
    {
        Tensor? features = null, tokens = null;
        if (group.Pixels is { } pixels)
        {
            var states = HiddenStates ? new List<Tensor>() : null;
            tokens = model.VisionEncoder.forward(pixels, ComputeDtype, states);
            StoreStates("output.vision_hidden_states.", states, store);
            store("output.vision_last_hidden_state", tokens);
            store("output.image_hidden_states", features = model.Project(tokens, pixels));
        }
        if (group.Ids is null)
        {
            group.CheckCotangent(tokens!.shape);
            return Product(tokens, group);
        }
        var spans = group.Types is { } types ? VisionLanguageModel.Runs(types == scalar(1)) : null;
        return Read(model.Decoder, model.Embed(group.Ids, features), spans, group, store);
    }

    // The decoder on embeddings. What is returned has the gradients asked for: the loss, or the hidden states times their cotangent.
    private Tensor? Read(CausalLanguageModel decoder, Tensor embeddings, Tensor? spans, ForwardInputs group, Action<string, Tensor> store)
    {
        var states = HiddenStates ? new List<Tensor>() : null;
        var hidden = decoder.forward(embeddings, group.Mask, hiddenStates: states, spans: spans);
        StoreStates("output.hidden_states.", states, store);
        store("output.last_hidden_state", hidden);
        store("output.logits", decoder.Logits(hidden));
        Tensor? loss = null;
        if (group.Labels is { } labels)
        {
            var (sum, count) = VisionLanguageModel.Loss(decoder, hidden, labels);
            store("output.loss", (loss = sum / scalar(count)).view(1));
        }
        if (Generate > 0) StoreContinuation(decoder, embeddings, spans, group, store);
        return group.Cotangent is null ? loss : Product(hidden, group);
    }

    // What a cotangent's gradients are of: the sum of the output times it.
    private static Tensor? Product(Tensor hidden, ForwardInputs group) => group.Cotangent is { } cotangent ? (hidden.to(ScalarType.Float32) * cotangent).sum() : null;

    private void StoreContinuation(CausalLanguageModel decoder, Tensor embeddings, Tensor? spans, ForwardInputs group, Action<string, Tensor> store)
    {
        using var mode = no_grad();
        var made = Decoding.Continue(decoder, embeddings.detach(), group.Mask, Generate, spans: spans);
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
}
