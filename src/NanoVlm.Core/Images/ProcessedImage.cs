namespace NanoVlm.Images;

/// <summary>A picture as a vision tower takes it.</summary>
/// <param name="Pixels">[Tiles, 3, Height, Width] normalised values: the grid row by row and, where there is more than one tile,
/// the whole picture shrunk to a tile, before the grid (nanoVLM) or after it (Idefics3).</param>
/// <param name="Tiles">Tiles in <paramref name="Pixels"/>: 1, or Rows * Columns + 1.</param>
/// <param name="Rows">Rows of the grid of tiles.</param>
/// <param name="Columns">Columns of the grid of tiles.</param>
/// <param name="Height">Rows of pixels of a tile.</param>
/// <param name="Width">Columns of pixels of a tile.</param>
public sealed record ProcessedImage(float[] Pixels, int Tiles, int Rows, int Columns, int Height, int Width);
