using NanoVlm.Configuration;
using NanoVlm.Layers;
using NanoVlm.Models;
using NanoVlm.Weights;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>The inputs of one run, read from tensors named <c>[group.]input.NAME</c> and checked against the model.</summary>
internal sealed class ForwardInputs
{
    private static readonly string[] Names = ["input_ids", "pixel_values", "images", "pixel_attention_mask", "attention_mask", "token_type_ids", "labels", "cotangent"];
    private readonly string path;

    private ForwardInputs(SafeTensorsFile file, string prefix)
    {
        (path, Prefix) = (file.Path, prefix);
        Ids = Integers("input_ids");
        Pixels = Flat(Numbers("pixel_values") ?? Numbers("images"), Read("pixel_attention_mask"));
        Mask = Integers("attention_mask");
        Types = Integers("token_type_ids");
        Labels = Integers("labels");
        Cotangent = Numbers("cotangent");

        Tensor? Read(string name) => file.Contains(prefix + "input." + name) ? file.Tensor(prefix + "input." + name) : null;

        Tensor? Numbers(string name) => Read(name) is not { } tensor ? null
            : tensor.is_floating_point() ? tensor.to(ScalarType.Float32) : throw Wrong(name, $"holds {tensor.dtype}; numbers with a fraction (F32) are expected");

        Tensor? Integers(string name) => Read(name) is not { } tensor ? null
            : tensor.is_floating_point() ? throw Wrong(name, $"holds {tensor.dtype}; integers (I64) are expected") : tensor.to(ScalarType.Int64);
    }

    /// <summary>The group with its dot, or nothing.</summary>
    public string Prefix { get; }

    /// <summary>[B, T].</summary>
    public Tensor? Ids { get; }

    /// <summary>[N, 3, H, W].</summary>
    public Tensor? Pixels { get; }

    /// <summary>[B, T].</summary>
    public Tensor? Mask { get; }

    /// <summary>[B, T]: 1 where an image's tokens see each other in both directions.</summary>
    public Tensor? Types { get; }

    /// <summary>[B, T], already shifted once <see cref="ShiftLabels"/> was called where they were not.</summary>
    public Tensor? Labels { get; private set; }

    /// <summary>The gradient of the loss with respect to <c>last_hidden_state</c>, in its shape.</summary>
    public Tensor? Cotangent { get; }

    /// <summary>Whether there is something to take a gradient of.</summary>
    public bool HasGradient => Labels is not null || Cotangent is not null;

    /// <summary>The group as messages name it.</summary>
    public string Where => Prefix.Length == 0 ? path : $"{path}, group '{Prefix[..^1]}'";

    /// <summary>Every group of a file, in its order.</summary>
    public static IReadOnlyList<ForwardInputs> Groups(SafeTensorsFile file)
    {
        var prefixes = file.Names.Select(PrefixOf).OfType<string>().Distinct().ToArray();
        return prefixes.Length > 0 ? [.. prefixes.Select(prefix => new ForwardInputs(file, prefix))]
            : throw new NanoVlmException($"{file.Path}: holds no inputs; tensors named [group.]input.NAME are expected, NAME one of {string.Join(", ", Names)}.");
    }

    /// <summary>Makes the label of a position the token after it: transformers' labels are the tokens themselves.</summary>
    /// <param name="masked">Whether padding has no label, whatever is written, as in Gemma-3 with images.</param>
    public void ShiftLabels(bool masked)
    {
        if (masked && Labels is not null && Mask is not null && Mask.shape.SequenceEqual(Labels.shape)) Labels = Labels.masked_fill(Mask == scalar(0), scalar(VisionLanguageModel.IgnoreIndex));
        if (Labels is { Dimensions: 2 } labels && labels.shape[1] > 0)
            Labels = cat([labels.narrow(1, 1, labels.shape[1] - 1), full_like(labels.narrow(1, 0, 1), scalar(VisionLanguageModel.IgnoreIndex))], 1);
    }

    /// <summary>Checks images against a vision tower.</summary>
    public void CheckPixels(VisionConfig config)
    {
        if (Pixels is not null) Require("pixel_values", Pixels, PatchEmbed.Takes(config, Pixels.shape), PatchEmbed.Expected(config));
    }

    /// <summary>Checks a text against a model.</summary>
    public void CheckText(int vocabulary, int hiddenSize)
    {
        if (Ids is null)
        {
            if (Mask is not null || Types is not null || Labels is not null)
                throw new NanoVlmException($"{Where}: 'attention_mask', 'token_type_ids' and 'labels' are of a text; 'input_ids' is missing.");
            return;
        }
        Require("input_ids", Ids, Ids.shape is [> 0, > 0], "[B, T], not empty");
        var shape = Ids.shape;
        var same = $"[{shape[0]}, {shape[1]}], as input_ids";
        if (Mask is not null) Require("attention_mask", Mask, Mask.shape.SequenceEqual(shape), same);
        if (Types is not null) Require("token_type_ids", Types, Types.shape.SequenceEqual(shape), same);
        if (Labels is not null) Require("labels", Labels, Labels.shape.SequenceEqual(shape), same);
        CheckCotangent([.. shape, hiddenSize]);
        Bound("input_ids", Ids);
        if (Labels is null) return;
        var labelled = Labels.masked_select(Labels != scalar(VisionLanguageModel.IgnoreIndex));
        if (labelled.numel() == 0) throw Wrong("labels", $"has no label; all are {VisionLanguageModel.IgnoreIndex}");
        Bound("labels", labelled);

        void Bound(string name, Tensor ids)
        {
            var (least, most) = (ids.min().to(ScalarType.Int64).item<long>(), ids.max().to(ScalarType.Int64).item<long>());
            if (least < 0 || most >= vocabulary)
                throw Wrong(name, $"holds {(least < 0 ? least : most)}, which is outside the vocabulary of {vocabulary}");
        }
    }

    /// <summary>Checks the cotangent against the result that it is of.</summary>
    public void CheckCotangent(long[] shape)
    {
        if (Cotangent is not null) Require("cotangent", Cotangent, Cotangent.shape.SequenceEqual(shape), $"[{string.Join(", ", shape)}]");
    }

    /// <summary>That an input is there.</summary>
    public Tensor Needed(Tensor? input, string name, string why) => input ?? throw new NanoVlmException($"{Where}: {why} needs '{name}'.");

    private void Require(string name, Tensor tensor, bool holds, string shape)
    {
        if (!holds) throw Wrong(name, $"has shape [{string.Join(", ", tensor.shape)}], expected {shape}");
    }

    private NanoVlmException Wrong(string name, string what) => new($"{Where}: '{name}' {what}.");

    // [B, images, 3, H, W], as SmolVLM has it, where samples with fewer images are filled up with zeros.
    private Tensor? Flat(Tensor? pixels, Tensor? mask)
    {
        if (pixels is not { Dimensions: 5 }) return pixels;
        var all = pixels.flatten(0, 1);
        var real = (all.flatten(1) != scalar(0)).any(1).nonzero().flatten();
        if (mask is { Dimensions: 4 } && (mask.flatten(0, 1).index_select(0, real) == scalar(0)).any().item<bool>())
            throw Wrong("pixel_attention_mask", "has zeros; images that fill their frame in part are not supported");
        return all.index_select(0, real);
    }

    private static string? PrefixOf(string tensor)
    {
        foreach (var name in Names)
        {
            var end = "input." + name;
            if (tensor == end) return "";
            if (tensor.EndsWith("." + end, StringComparison.Ordinal)) return tensor[..^end.Length];
        }
        return null;
    }
}
