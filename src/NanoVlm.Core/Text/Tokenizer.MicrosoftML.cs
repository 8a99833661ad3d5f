using System.Buffers;
using Microsoft.ML.Tokenizers;

namespace NanoVlm.Text;

// The members of Microsoft.ML.Tokenizers.Tokenizer. Ids and tokens are those of Encode(text), the post-processor's included, as that
// library's own tokenizers have them.
// Ranges are of the text that was given, in UTF-16: there is no normalized text to count in, since normalizers work on stretches between
// added tokens.
public sealed partial class Tokenizer : Microsoft.ML.Tokenizers.Tokenizer
{
    /// <inheritdoc/>
    public override Microsoft.ML.Tokenizers.Normalizer? Normalizer => _file.Normalizer is { } normalizer ? new NormalizerView(normalizer) : null;

    /// <inheritdoc/>
    public override Microsoft.ML.Tokenizers.PreTokenizer? PreTokenizer => _file.PreTokenizer is { } preTokenizer ? new PreTokenizerView(preTokenizer) : null;

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids) => Decode(ids as int[] ?? ids.ToArray());

    /// <summary>
    /// Decodes as many ids as the destination has room for; a character that several ids make is written whole or not at all.
    /// </summary>
    /// <param name="ids">Token ids; those without a token are passed over.</param>
    /// <param name="destination">Where the text goes.</param>
    /// <param name="idsConsumed">How many ids the written text stands for.</param>
    /// <param name="charsWritten">How long the written text is.</param>
    /// <returns><see cref="OperationStatus.DestinationTooSmall"/> where ids are left.</returns>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        (idsConsumed, charsWritten) = (0, 0);
        var (decoder, read) = (new StreamingDecoder(this), 0);
        foreach (var id in ids)
        {
            var certain = decoder.Push(id);
            read++;
            if (certain.Length == 0) continue;
            if (!certain.TryCopyTo(destination[charsWritten..])) return OperationStatus.DestinationTooSmall;
            charsWritten += certain.Length;
            idsConsumed = read;
        }
        var rest = decoder.Flush();
        if (!rest.TryCopyTo(destination[charsWritten..])) return OperationStatus.DestinationTooSmall;
        charsWritten += rest.Length;
        idsConsumed = read;
        return OperationStatus.Done;
    }

    /// <summary>Encodes the beginning of a text, as far as the limit of tokens allows; no character is cut.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The largest number of tokens is not above 0.</exception>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.MaxTokenCount);
        text ??= textSpan.ToString();
        var encoding = PostProcess([EncodeSequence(text, 0, settings.ConsiderNormalization, settings.ConsiderPreTokenization)], addSpecialTokens: true);
        var tokens = Tokens(encoding, text);
        var count = Math.Min(tokens.Length, settings.MaxTokenCount);
        while (count > 0 && count < tokens.Length && tokens[count].Offset.Start.Value < tokens[count - 1].Offset.End.Value) count--;
        return new EncodeResults<EncodedToken>
        {
            Tokens = count == tokens.Length ? tokens : tokens[..count],
            CharsConsumed = count == tokens.Length ? text.Length : tokens[count].Offset.Start.Value,
        };
    }

    // The post-processor's tokens have no text: they stand where the text begins, or behind its last token.
    private static EncodedToken[] Tokens(Encoding encoding, string text)
    {
        var places = CodeUnits(text);
        var tokens = new EncodedToken[encoding.Length];
        var end = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            var (from, to) = encoding.Offsets[i];
            if (encoding.SpecialTokensMask[i]) (from, to) = (end, end);
            else if (places is not null) (from, to) = (places[from], places[to]);
            tokens[i] = new EncodedToken(encoding.Ids[i], encoding.Tokens[i], from..to);
            end = to;
        }
        return tokens;
    }

    // The place of each code point in UTF-16, and of the end; null where every character is one.
    private static int[]? CodeUnits(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')) return null;
        var places = new List<int>(text.Length);
        for (var i = 0; i < text.Length; i++)
            if (i == 0 || !char.IsSurrogatePair(text[i - 1], text[i])) places.Add(i);
        return [.. places, text.Length];
    }

    private sealed class NormalizerView(Normalizers.Normalizer normalizer) : Microsoft.ML.Tokenizers.Normalizer
    {
        public override string Normalize(string original) => normalizer.Apply(WellFormed(original));
        public override string Normalize(ReadOnlySpan<char> original) => Normalize(original.ToString());
    }

    private sealed class PreTokenizerView(PreTokenizers.PreTokenizer preTokenizer) : Microsoft.ML.Tokenizers.PreTokenizer
    {
        public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());

        public override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
        {
            if (text.Length == 0) yield break;
            var split = preTokenizer.Apply(new SplitText(new AlignedText(WellFormed(text), 0, text.Length), [(0, text.Length)]));
            foreach (var (start, length) in split.Pieces)
            {
                var from = split.Text.OriginalStart(start);
                yield return (from, split.Text.OriginalEnd(start + length - 1) - from);
            }
        }
    }
}
