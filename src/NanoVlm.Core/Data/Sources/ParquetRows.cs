using System.Text;
using NanoVlm.Data.Parquet;
using NanoVlm.Images;

namespace NanoVlm.Data.Sources;

/// <summary>A row group of a parquet file in memory. A sample keeps alive only its own pictures.</summary>
internal sealed class ParquetRows
{
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private readonly ParquetValues<ReadOnlyMemory<byte>> user, assistant;
    private readonly ParquetValues<ReadOnlyMemory<byte>>? images, paths;
    private readonly ParquetValues<long>?[] ratings;

    private ParquetRows(
        ParquetValues<ReadOnlyMemory<byte>> user, ParquetValues<ReadOnlyMemory<byte>> assistant, ParquetValues<ReadOnlyMemory<byte>>? images,
        ParquetValues<ReadOnlyMemory<byte>>? paths, ParquetValues<long>?[] ratings) =>
        (this.user, this.assistant, this.images, this.paths, this.ratings) = (user, assistant, images, paths, ratings);

    /// <summary>Reads a row group.</summary>
    /// <exception cref="InvalidDataException">It is damaged; names the column.</exception>
    public static ParquetRows Read(ParquetLayout layout, int index) => layout.File.ReadGroup(index, group => new ParquetRows(
        group.Bytes(layout.User), group.Bytes(layout.Assistant), group.Bytes(layout.Images), group.Bytes(layout.ImagePaths),
        [.. layout.Ratings.Select(group.Integers)]));

    /// <summary>Makes a sample of a row.</summary>
    /// <exception cref="InvalidDataException">The row is not as expected.</exception>
    public RawSample Sample(int row, string origin)
    {
        var turns = new Turn[user.Count(row)];
        if (turns.Length == 0) throw new InvalidDataException("texts is empty; expected a turn or more.");
        if (assistant.Count(row) != turns.Length) throw new InvalidDataException($"texts has {turns.Length} entries of user for {assistant.Count(row)} of assistant; expected one each.");
        var rated = Enumerable.Range(0, ratings.Length).Where(i => ratings[i]?.Count(row) > 0).ToArray(); // null or empty: not rated
        foreach (var i in rated)
            if (ratings[i]!.Count(row) != turns.Length)
                throw new InvalidDataException($"{ParquetLayout.RatingNames[i]} has {ratings[i]!.Count(row)} entries for {turns.Length} turns; expected one each.");
        for (var i = 0; i < turns.Length; i++)
            turns[i] = new Turn(Text(user[row, i], "user", i), Text(assistant[row, i], "assistant", i))
            {
                Ratings = rated.Length == 0 ? null : new TurnRatings(Rating(0, i), Rating(1, i), Rating(2, i), Rating(3, i)),
            };
        return new RawSample(origin, Images(row, origin), turns, []);

        int? Rating(int which, int turn) => rated.Contains(which) && ratings[which]![row, turn] is { } value ? (int)Math.Clamp(value, int.MinValue, int.MaxValue) : null;
    }

    private StoredImage[] Images(int row, string origin)
    {
        var stored = new StoredImage[images?.Count(row) ?? 0];
        for (var i = 0; i < stored.Length; i++)
        {
            var name = paths is not null && i < paths.Count(row) && paths[row, i] is { Length: > 0 and < 1000 } path ? $" ({Encoding.UTF8.GetString(path.Span)})" : "";
            if (images![row, i] is not { Length: > 0 } bytes)
                throw new InvalidDataException($"image {i}{name} has no bytes; expected the picture file itself, not only its path.");
            stored[i] = new StoredImage($"{origin}, image {i}{name}", bytes);
        }
        return stored;
    }

    private static string Text(ReadOnlyMemory<byte>? bytes, string what, int turn)
    {
        try
        {
            return bytes is { } text ? Utf8.GetString(text.Span) : throw new InvalidDataException($"texts[{turn}].{what} is null; expected a string.");
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException($"texts[{turn}].{what} is not valid UTF-8.", error);
        }
    }
}
