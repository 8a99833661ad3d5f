using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>The inputs of one run, read from tensors named <c>[group.]input.NAME</c> and checked against the model.</summary>
internal sealed class ForwardInputs
{
    private static readonly string[] Names = ["input_ids", "pixel_values", "images", "attention_mask", "labels", "cotangent"];
    private readonly string path;

    private ForwardInputs(SafeTensorsFile file, string prefix)
    {
        (path, Prefix) = (file.Path, prefix);
        Ids = Integers("input_ids");
        Pixels = Numbers("pixel_values") ?? Numbers("images");
        Mask = Integers("attention_mask");
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

    /// <summary>[N, 3, S, S].</summary>
    public Tensor? Pixels { get; }

    /// <summary>[B, T].</summary>
    public Tensor? Mask { get; }

    /// <summary>[B, T], already shifted.</summary>
    public Tensor? Labels { get; }

    /// <summary>[B, T, hidden].</summary>
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

    /// <summary>Checks shapes and ranges against a model.</summary>
    public void Check(VlmConfig config)
    {
        if (Ids is null && Pixels is null) throw new NanoVlmException($"{Where}: needs 'input_ids' or 'pixel_values'.");
        if (Pixels is not null)
            Require("pixel_values", Pixels, Pixels.shape is [_, 3, var height, var width] && height == config.VitImgSize && width == config.VitImgSize, $"[N, 3, {config.VitImgSize}, {config.VitImgSize}]");
        if (Ids is null)
        {
            if (Mask is not null || HasGradient) throw new NanoVlmException($"{Where}: 'attention_mask', 'labels' and 'cotangent' are of a text; 'input_ids' is missing.");
            return;
        }
        Require("input_ids", Ids, Ids.shape is [> 0, > 0], "[B, T], not empty");
        var shape = Ids.shape;
        var same = $"[{shape[0]}, {shape[1]}], as input_ids";
        if (Mask is not null) Require("attention_mask", Mask, Mask.shape.SequenceEqual(shape), same);
        if (Labels is not null) Require("labels", Labels, Labels.shape.SequenceEqual(shape), same);
        if (Cotangent is not null) Require("cotangent", Cotangent, Cotangent.shape.SequenceEqual([.. shape, config.LmHiddenDim]), $"[{shape[0]}, {shape[1]}, {config.LmHiddenDim}]");
        Bound("input_ids", Ids);
        if (Labels is null) return;
        var labelled = Labels.masked_select(Labels != VisionLanguageModel.IgnoreIndex);
        if (labelled.numel() == 0) throw Wrong("labels", $"has no label; all are {VisionLanguageModel.IgnoreIndex}");
        Bound("labels", labelled);

        void Bound(string name, Tensor ids)
        {
            var (least, most) = (ids.min().ToInt64(), ids.max().ToInt64());
            if (least < 0 || most >= config.LmVocabSize)
                throw Wrong(name, $"holds {(least < 0 ? least : most)}, which is outside the vocabulary of {config.LmVocabSize}");
        }
    }

    private void Require(string name, Tensor tensor, bool holds, string shape)
    {
        if (!holds) throw Wrong(name, $"has shape [{string.Join(", ", tensor.shape)}], expected {shape}");
    }

    private NanoVlmException Wrong(string name, string what) => new($"{Where}: '{name}' {what}.");

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
