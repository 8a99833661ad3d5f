using System.Globalization;
using System.Text;
using NanoVlm.Images;

namespace NanoVlm.Data.Sources;

/// <summary>A row of a <see cref="ParquetTable"/>. A value that is missing where one is expected is refused with file, row and column.</summary>
internal readonly struct TableRow
{
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private readonly ParquetTable table;
    private readonly TableGroup group;
    private readonly int groupIndex, row;

    internal TableRow(ParquetTable table, TableGroup group, int groupIndex, int row) => (this.table, this.group, this.groupIndex, this.row) = (table, group, groupIndex, row);

    /// <summary>What messages call it: its file, and its index in that.</summary>
    public string Origin => $"{group.Path}, row {group.FirstRow + row}";

    /// <summary>Whether its file has a column that may be missing.</summary>
    public bool Has(string column) => group.Has(column);

    /// <summary>A text.</summary>
    /// <exception cref="NanoVlmException">It is null, or not valid UTF-8.</exception>
    public string Text(string column) => TextOrNull(column) ?? throw Null(column);

    /// <summary>A text, or null where there is none.</summary>
    /// <exception cref="NanoVlmException">It is not valid UTF-8.</exception>
    public string? TextOrNull(string column) => group.Texts(column) is { } texts && texts.Count(row) > 0 && texts[row, 0] is { } bytes ? Decode(bytes, column) : null;

    /// <summary>A text or whole number, as text.</summary>
    /// <exception cref="NanoVlmException">It is null, or not valid UTF-8.</exception>
    public string Label(string column) => group.Integers(column) is null ? Text(column) : Integer(column).ToString(CultureInfo.InvariantCulture);

    /// <summary>A whole number.</summary>
    /// <exception cref="NanoVlmException">It is null.</exception>
    public long Integer(string column) => group.Integers(column) is { } values && values.Count(row) > 0 && values[row, 0] is { } value ? value : throw Null(column);

    /// <summary>A number.</summary>
    /// <exception cref="NanoVlmException">It is null.</exception>
    public double Number(string column) => group.Numbers(column) is { } values && values.Count(row) > 0 && values[row, 0] is { } value ? value : throw Null(column);

    /// <summary>A list of texts; empty where it is null.</summary>
    /// <exception cref="NanoVlmException">One of them is null or not valid UTF-8.</exception>
    public IReadOnlyList<string> Texts(string column)
    {
        if (group.Texts(column) is not { } texts) return [];
        var list = new string[texts.Count(row)];
        for (var i = 0; i < list.Length; i++) list[i] = texts[row, i] is { } bytes ? Decode(bytes, column) : throw Null($"{column}[{i}]");
        return list;
    }

    /// <summary>A member of a list of structures, a text each; empty where the list is null.</summary>
    /// <exception cref="NanoVlmException">One of them is null or not valid UTF-8.</exception>
    public IReadOnlyList<string> Texts(string column, string member) => Texts($"{column}.{member}");

    /// <summary>A picture, read when its bytes are asked for; null where there is none.</summary>
    public StoredImage? Image(string column) => Images(column) is [var image, ..] ? image : null;

    /// <summary>A list of pictures, each read when its bytes are asked for; empty where it is null.</summary>
    public IReadOnlyList<StoredImage> Images(string column)
    {
        var key = $"{column}.bytes";
        if (!group.Has(key)) return [];
        // Whether there is a picture is told by its path too, which is small; without paths the pictures must be read.
        var paths = group.Texts($"{column}.path");
        var count = paths?.Count(row) ?? table.Large(groupIndex, key).Count(row);
        var images = new List<StoredImage>(count);
        for (var i = 0; i < count; i++)
        {
            var path = paths?[row, i];
            var at = i;
            var self = this;
            images.Add(new StoredImage($"{Origin}, {column}{(count > 1 ? $"[{i}]" : "")}{(path is { Length: > 0 and < 1000 } named ? $" ({Encoding.UTF8.GetString(named.Span)})" : "")}", () => self.Large(key, at)));
        }
        return images;
    }

    /// <summary>Bytes of any kind.</summary>
    /// <exception cref="NanoVlmException">They are null, or their row group cannot be read.</exception>
    public ReadOnlyMemory<byte> Binary(string column) => group.Has(column) ? Large(column, 0) : throw Null(column);

    private ReadOnlyMemory<byte> Large(string key, int index)
    {
        var values = table.Large(groupIndex, key);
        return index < values.Count(row) && values[row, index] is { Length: > 0 } bytes ? bytes
            : throw new NanoVlmException($"{Origin}: {key} has no bytes; expected the file itself, not only its path.");
    }

    private string Decode(ReadOnlyMemory<byte> bytes, string column)
    {
        try
        {
            return Utf8.GetString(bytes.Span);
        }
        catch (DecoderFallbackException error)
        {
            throw new NanoVlmException($"{Origin}: column {column} is not valid UTF-8.", error);
        }
    }

    private NanoVlmException Null(string column) => new($"{Origin}: column {column} has no value; expected one.");
}
