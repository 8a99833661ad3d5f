using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Projection;
using NanoVlm.Vision;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>
/// A vision-language model: image features take the place of the image tokens in the text, and a decoder reads both.
/// Names follow nanoVLM (models/vision_language_model.py).
/// </summary>
public sealed class VisionLanguageModel : Module
{
    /// <summary>The label of a position that has none.</summary>
    public const long IgnoreIndex = -100;

    private readonly VisionTransformer vision_encoder;
    private readonly CausalLanguageModel decoder;
    private readonly Module<Tensor, long, long, Tensor> MP;

    /// <param name="config">The architecture.</param>
    /// <param name="imageTokenId">The token that stands for an image feature.</param>
    /// <param name="language">The decoder's architecture where it behaves in ways that a checkpoint's configuration has no keys for, as models of transformers
    /// do around padding; null: the configuration's.</param>
    /// <param name="projector">A projector of your own, now the model's: from patches [N, rows * columns, vision hidden], rows and columns to
    /// [N, <see cref="VlmConfig.MpImageTokenLength"/>, language hidden]; null: the configuration's <see cref="ModalityProjector"/>.</param>
    /// <exception cref="NanoVlmException">The tower gives its CLS token alone, which a projector of patches cannot use.</exception>
    public VisionLanguageModel(VlmConfig config, long imageTokenId, LanguageConfig? language = null, Module<Tensor, long, long, Tensor>? projector = null) : base(nameof(VisionLanguageModel))
    {
        if (config.VitClsFlag)
            throw new NanoVlmException("vit_cls_flag: a tower whose only output is its CLS token is not supported; set it to false.");
        Config = config;
        ImageTokenId = imageTokenId;
        vision_encoder = new VisionTransformer(config.Vision());
        decoder = new CausalLanguageModel(language ?? config.Language());
        MP = projector ?? new ModalityProjector(config);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public VlmConfig Config { get; }

    /// <summary>The token that stands for an image feature.</summary>
    public long ImageTokenId { get; }

    /// <summary>The dtype of matrix products and attention, in both towers and the projector. Everything else, weights included, is float32.</summary>
    public ScalarType ComputeDtype
    {
        get => decoder.ComputeDtype;
        set => decoder.ComputeDtype = value;
    }

    /// <summary>Which parts compute their blocks again in the backward pass, to save the memory of their activations.</summary>
    public ActivationCheckpointing ActivationCheckpointing
    {
        get => (vision_encoder.CheckpointActivations, decoder.CheckpointActivations) switch
        {
            (true, true) => ActivationCheckpointing.All,
            (true, false) => ActivationCheckpointing.Vision,
            (false, true) => ActivationCheckpointing.Language,
            _ => ActivationCheckpointing.None,
        };
        set
        {
            vision_encoder.CheckpointActivations = value is ActivationCheckpointing.Vision or ActivationCheckpointing.All;
            decoder.CheckpointActivations = value is ActivationCheckpointing.Language or ActivationCheckpointing.All;
        }
    }

    /// <summary>The vision tower.</summary>
    public VisionTransformer VisionEncoder => vision_encoder;

    /// <summary>The language model.</summary>
    public CausalLanguageModel Decoder => decoder;

    /// <summary>The projector between them.</summary>
    public Module<Tensor, long, long, Tensor> Projector => MP;

    /// <summary>Image features in the language model's space.</summary>
    /// <param name="pixelValues">[N, 3, H, W].</param>
    /// <returns>[N, image tokens, hidden].</returns>
    public Tensor EncodeImages(Tensor pixelValues)
    {
        using var scope = NewDisposeScope();
        return Project(vision_encoder.call(pixelValues, ComputeDtype), pixelValues).MoveToOuterDisposeScope();
    }

    /// <summary>Image features of what the tower gave: its patches, projected.</summary>
    /// <param name="tokens">[N, prefix + patches, vision hidden].</param>
    /// <param name="pixelValues">[N, 3, H, W] as they went in.</param>
    /// <returns>[N, image tokens, hidden].</returns>
    public Tensor Project(Tensor tokens, Tensor pixelValues)
    {
        using var scope = NewDisposeScope();
        var (patches, rows, columns) = vision_encoder.Patches(tokens, pixelValues);
        return MP.call(patches, rows, columns).MoveToOuterDisposeScope();
    }

    /// <summary>Which tokens see each other in both directions: those of one image, where the architecture has it so.</summary>
    /// <param name="inputIds">[B, T], Int64.</param>
    /// <returns>[B, T], Int64: the number of the image from 1, 0 for text; null where all see what is before them only.</returns>
    public Tensor? Spans(Tensor inputIds) => Config.LmBidirectionalImages ? Runs(inputIds == scalar(ImageTokenId)) : null;

    /// <summary>Numbers runs of neighbours.</summary>
    /// <param name="members">[B, T], Bool.</param>
    /// <returns>[B, T], Int64: the number of the run from 1; 0: of none.</returns>
    public static Tensor Runs(Tensor members)
    {
        using var scope = NewDisposeScope();
        var inside = members.to(ScalarType.Int64);
        var before = cat([zeros_like(inside.narrow(1, 0, 1)), inside.narrow(1, 0, inside.shape[1] - 1)], 1);
        return ((inside * (before - scalar(1)).neg()).cumsum(1) * inside).MoveToOuterDisposeScope();
    }

    /// <summary>Embeddings of the text with the image features in place.</summary>
    /// <param name="inputIds">[B, T], Int64.</param>
    /// <param name="imageFeatures">[N, image tokens, hidden] in the order of the placeholders; null when there are none.</param>
    /// <returns>[B, T, hidden], float32.</returns>
    /// <exception cref="ArgumentException">The placeholders are not as many as the features; the message counts them by row.</exception>
    public Tensor Embed(Tensor inputIds, Tensor? imageFeatures)
    {
        using var scope = NewDisposeScope();
        var embeddings = decoder.Embed(inputIds);
        var placeholders = inputIds == scalar(ImageTokenId);
        var positions = placeholders.flatten().nonzero().flatten();
        var expected = imageFeatures is null ? 0 : imageFeatures.shape[0] * imageFeatures.shape[1];
        if (positions.shape[0] != expected)
            throw new ArgumentException(
                $"The images give {expected} features ({imageFeatures?.shape[0] ?? 0} tiles of {Config.MpImageTokenLength}), but input_ids hold "
                + $"{positions.shape[0]} image tokens; by row: [{string.Join(", ", placeholders.sum(1).cpu().data<long>().ToArray())}].");
        if (expected == 0) return embeddings.MoveToOuterDisposeScope();
        var shape = embeddings.shape;
        return embeddings.view(-1, shape[2])
            .index_copy(0, positions, imageFeatures!.view(-1, shape[2]).to(embeddings.dtype))
            .view(shape)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Hidden states of the text after the decoder's final norm.</summary>
    /// <param name="inputIds">[B, T], Int64.</param>
    /// <param name="pixelValues">[N, 3, H, W] in the order of the placeholders, or null.</param>
    /// <param name="attentionMask">[B, T], 0 where padding is, or null.</param>
    /// <returns>[B, T, hidden].</returns>
    public Tensor forward(Tensor inputIds, Tensor? pixelValues, Tensor? attentionMask = null)
    {
        using var scope = NewDisposeScope();
        var features = pixelValues is null ? null : EncodeImages(pixelValues);
        return decoder.forward(Embed(inputIds, features), attentionMask, spans: Spans(inputIds)).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of the cross-entropy over the labelled positions, from tokens and pixels, as training needs it: only they reach the
    /// head, and the last block computes no others.</summary>
    /// <param name="inputIds">[B, T], Int64.</param>
    /// <param name="pixelValues">[N, 3, H, W] in the order of the placeholders, or null.</param>
    /// <param name="labels">[B, T], Int64, already shifted: the label of a position is the next token. -100: none.</param>
    /// <param name="attentionMask">[B, T], 0 where padding is. Padding on the right needs no mask: no labelled token sees it.</param>
    /// <param name="layout">Where rows hold several texts, or null.</param>
    /// <returns>The sum, a float32 number, and how many positions have a label.</returns>
    public (Tensor Sum, long Count) Loss(Tensor inputIds, Tensor? pixelValues, Tensor labels, Tensor? attentionMask = null, RowLayout? layout = null)
    {
        using var scope = NewDisposeScope();
        var features = pixelValues is null ? null : EncodeImages(pixelValues);
        var (positions, targets) = Labelled(labels);
        var hidden = decoder.forward(Embed(inputIds, features), attentionMask, layout: layout, rows: positions, spans: Spans(inputIds)); // [N, hidden]
        return (decoder.CrossEntropy(hidden, targets).MoveToOuterDisposeScope(), positions.shape[0]);
    }

    /// <summary>Computes the loss of hidden states that were computed before. The decoder need not belong to a model with a tower.</summary>
    /// <param name="decoder">Its head is used.</param>
    /// <param name="hidden">[B, T, hidden], after the final norm.</param>
    /// <param name="labels">[B, T], Int64, already shifted.</param>
    /// <returns>The sum, a float32 number, and how many positions have a label.</returns>
    public static (Tensor Sum, long Count) Loss(CausalLanguageModel decoder, Tensor hidden, Tensor labels)
    {
        using var scope = NewDisposeScope();
        var (positions, targets) = Labelled(labels);
        var rows = hidden.view(-1, hidden.shape[^1]).index_select(0, positions);
        return (decoder.CrossEntropy(rows, targets).MoveToOuterDisposeScope(), positions.shape[0]);
    }

    // Numbers in B T of the positions with a label, and the labels.
    private static (Tensor Positions, Tensor Targets) Labelled(Tensor labels)
    {
        var flat = labels.flatten();
        var positions = (flat != scalar(IgnoreIndex)).nonzero().flatten();
        return (positions, flat.index_select(0, positions));
    }
}
