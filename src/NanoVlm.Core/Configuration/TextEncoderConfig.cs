namespace NanoVlm.Configuration;

/// <summary>The architecture of SigLIP's text tower.</summary>
/// <param name="VocabSize">Rows of the token embedding.</param>
/// <param name="MaxPositionEmbeddings">The longest text, in tokens.</param>
/// <param name="ProjectionSize">The size of a text's vector.</param>
/// <param name="Encoder">Its blocks, which are those of a vision transformer.</param>
public sealed record TextEncoderConfig(int VocabSize, int MaxPositionEmbeddings, int ProjectionSize, VisionConfig Encoder);
