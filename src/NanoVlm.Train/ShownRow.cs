using System.Globalization;
using System.Net;
using System.Text;
using NanoVlm.Data;
using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Training;

/// <summary>A row of a batch as the model sees it: every token with its label, document and position, and the tiles.</summary>
internal sealed record ShownRow(string Origins, IReadOnlyList<ShownToken> Tokens, IReadOnlyList<RgbImage> Tiles)
{
    /// <summary>Row <paramref name="row"/> of a batch.</summary>
    internal static ShownRow Of(Batch batch, int row, Tokenizer tokenizer, ImageProcessorConfig processor)
    {
        var tokens = new ShownToken[batch.Rows[row].Sum(sample => sample.Tokens)];
        for (var i = 0; i < tokens.Length; i++)
        {
            var at = row * batch.Length + i;
            tokens[i] = new ShownToken(
                (int)batch.InputIds[at], Spelled(batch.InputIds[at]), batch.Labels[at] == SampleBuilder.IgnoreLabel ? null : Spelled(batch.Labels[at]),
                batch.Layout?.Documents[at] ?? 1, batch.Layout?.Positions[at] ?? i);
        }
        var first = batch.Rows.Take(row).Sum(samples => samples.Sum(sample => sample.Tiles));
        var tiles = batch.Rows[row].Sum(sample => sample.Tiles);
        return new(string.Join(", ", batch.Rows[row].Select(sample => sample.Origin)), tokens, [.. Enumerable.Range(first, tiles).Select(tile => Picture(batch, tile, processor))]);

        string Spelled(long id) => tokenizer.Decode([(int)id]) is { Length: > 0 } text && !text.Contains('\uFFFD') ? text : tokenizer.IdToToken((int)id) ?? $"<{id}>";
    }

    /// <summary>A line for each token.</summary>
    internal string ToText()
    {
        var text = new StringBuilder().AppendLine(Origins).AppendLine("      id  document  position  token -> label");
        foreach (var token in Tokens)
            text.Append(CultureInfo.InvariantCulture, $"{token.Id,8}  {token.Document,8}  {token.Position,8}  {Quoted(token.Text)}").AppendLine(token.Label is null ? "" : $" -> {Quoted(token.Label)}");
        return text.ToString();

        static string Quoted(string text) => System.Text.Json.JsonSerializer.Serialize(text, Json.Readable);
    }

    /// <summary>Its text with what is learned marked, and its tiles.</summary>
    internal string ToHtml()
    {
        var text = new StringBuilder();
        var said = false;
        for (var i = 0; i < Tokens.Count; i++)
        {
            // A label stands on the token before the one that is learned.
            var learned = i > 0 && Tokens[i - 1].Label is not null;
            if (i > 0 && Tokens[i].Document != Tokens[i - 1].Document && Tokens[i].Document > 0) text.Append(said ? "</mark>" : "").Append("<hr>");
            else if (said && !learned) text.Append("</mark>");
            if (learned && (!said || Tokens[i].Document != Tokens[i - 1].Document)) text.Append("<mark>");
            said = learned;
            var run = 1;
            while (i + run < Tokens.Count && Tokens[i + run].Id == Tokens[i].Id) run++;
            text.Append(WebUtility.HtmlEncode(Tokens[i].Text));
            if (run <= 3) continue;
            text.Append(CultureInfo.InvariantCulture, $"<s> x {run}</s>");
            i += run - 1;
        }
        if (said) text.Append("</mark>");
        var tiles = string.Concat(Tiles.Select(tile => $"<img alt=\"\" src=\"data:image/png;base64,{Convert.ToBase64String(ImageCodec.EncodePng(tile))}\">"));
        return $"<figure>\n<div class=\"tiles\">{tiles}</div>\n<div class=\"tokens\">{text}</div>\n<figcaption><p class=\"note\">{WebUtility.HtmlEncode(Origins)}</p></figcaption>\n</figure>\n";
    }

    private static RgbImage Picture(Batch batch, int tile, ImageProcessorConfig processor)
    {
        var area = batch.TileSize * batch.TileSize;
        var pixels = new byte[area * 3];
        for (var i = 0; i < area; i++)
            for (var c = 0; c < 3; c++)
                pixels[i * 3 + c] = (byte)Math.Clamp(MathF.Round((batch.Pixels[(tile * 3 + c) * area + i] * processor.Std[c] + processor.Mean[c]) * 255), 0, 255);
        return new RgbImage(batch.TileSize, batch.TileSize, pixels);
    }
}

/// <summary>A token of a row.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">Its text.</param>
/// <param name="Label">The text of what the model has to say after it, or null.</param>
/// <param name="Document">The document of its row; 0: shared by all.</param>
/// <param name="Position">Where it stands in its document.</param>
internal sealed record ShownToken(int Id, string Text, string? Label, long Document, long Position);
