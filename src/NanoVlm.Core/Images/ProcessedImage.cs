namespace NanoVlm.Images;

/// <summary>A picture as a vision tower takes it.</summary>
/// <param name="Pixels">[Tiles, 3, TileSize, TileSize] normalised values. Where there is more than one tile, the first is
/// the whole picture shrunk to a tile, and the grid follows row by row.</param>
/// <param name="Tiles">Tiles in <paramref name="Pixels"/>: 1, or Rows * Columns + 1.</param>
/// <param name="Rows">Rows of the grid of tiles.</param>
/// <param name="Columns">Columns of the grid of tiles.</param>
public sealed record ProcessedImage(float[] Pixels, int Tiles, int Rows, int Columns);
