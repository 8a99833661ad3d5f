using NanoVlm.Configuration;

namespace NanoVlm.Models;

/// <summary>
/// The floating-point operations of a training step, from shapes alone, a multiplication and an addition being two (Kaplan et al., 2020; attention as in
/// PaLM's appendix B, Chowdhery et al., 2022, with only the visible half of causal attention counted). Recomputed activations do not count.
/// </summary>
internal sealed class TrainingFlops
{
    private readonly double tile, projection, token, attention, label;

    /// <param name="config">The model.</param>
    /// <param name="trainsVision">Whether the tower is trained; a frozen one goes forward only.</param>
    /// <param name="trainsProjector">Whether the projector is trained.</param>
    /// <param name="trainsLanguage">Whether the language model is trained; gradients pass through a frozen one where something before it is.</param>
    public TrainingFlops(VlmConfig config, bool trainsVision = true, bool trainsProjector = true, bool trainsLanguage = true)
    {
        var vision = config.Vision();
        var language = config.Language();
        double hidden = vision.HiddenSize, grid = vision.ImageSize / vision.PatchSize, tokens = grid * grid + vision.PrefixTokens;
        var block = tokens * (8 * hidden * hidden + (vision.GatedMlp ? 6 : 4) * hidden * vision.IntermediateSize) + 4 * tokens * tokens * hidden;
        // Gradients go to the inputs and to the weights: each costs what forward does.
        tile = (trainsVision ? 3 : 1) * (grid * grid * 6 * hidden * vision.PatchSize * vision.PatchSize + vision.NumHiddenLayers * block);

        double shuffle = config.MpPixelShuffleFactor * config.MpPixelShuffleFactor, width = language.HiddenSize;
        projection = (1 + (trainsProjector ? 1 : 0) + (trainsVision ? 1 : 0)) * 2 * config.MpImageTokenLength
            * (config.MpKind == ProjectorKind.AveragePool ? hidden * width : shuffle * hidden * width + (config.MpKind == ProjectorKind.Mlp ? width * width : 0));

        double queries = language.NumAttentionHeads * language.HeadDim, keys = language.NumKeyValueHeads * language.HeadDim;
        double layers = language.NumHiddenLayers, through = trainsVision || trainsProjector || trainsLanguage ? 1 : 0, passes = 1 + through + (trainsLanguage ? 1 : 0);
        token = passes * layers * (4 * width * (queries + keys) + 6 * width * language.IntermediateSize);
        attention = (1 + 2 * through) * layers * 2 * queries;
        label = passes * 2 * width * language.VocabSize;
    }

    /// <summary>The operations of a step.</summary>
    /// <param name="documents">The tokens of each text that sees itself alone.</param>
    /// <param name="tiles">Image tiles.</param>
    /// <param name="labels">Positions with a label, which alone reach the head.</param>
    public double Of(IEnumerable<int> documents, long tiles, long labels) =>
        tiles * (tile + projection) + documents.Sum(length => length * (token + attention * length)) + labels * label;
}
