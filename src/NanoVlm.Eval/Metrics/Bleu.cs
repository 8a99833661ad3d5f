namespace NanoVlm.Evaluation.Metrics;

/// <summary>BLEU (Papineni et al. 2002, https://aclanthology.org/P02-1040) over a corpus, as COCO's caption evaluation reckons it.</summary>
public static class Bleu
{
    /// <summary>BLEU-1 to BLEU-4 of a corpus: counts are summed over all captions first, and a caption's length is held against its closest reference's.</summary>
    /// <param name="items">Each image's caption and references, raw; an image without references counts only by its caption's length.</param>
    /// <param name="rules">VLMEvalKit splits captions at white space; the others as the Penn Treebank does, without punctuation.</param>
    /// <returns>Four values from 0 to 1.</returns>
    public static IReadOnlyList<double> Of(IReadOnlyList<(string Caption, IReadOnlyList<string> References)> items, Rules rules)
    {
        double tiny = 1e-15, small = 1e-9;
        var (correct, guessed) = (new double[4], new double[4]);
        double length = 0, referenceLength = 0;
        foreach (var item in items)
        {
            var caption = CaptionWords.Of(item.Caption, rules).Words();
            var references = item.References.Select(reference => CaptionWords.Of(reference, rules).Words()).ToArray();
            length += caption.Count;
            referenceLength += references.Length == 0 ? 0 : references.Select(reference => reference.Count).MinBy(count => (Math.Abs(count - caption.Count), count));
            for (var n = 1; n <= 4; n++)
            {
                guessed[n - 1] += Math.Max(0, caption.Count - n + 1);
                var most = new Dictionary<string, int>();
                foreach (var reference in references)
                    foreach (var (gram, count) in NGrams.Count(reference, n))
                        most[gram] = Math.Max(most.GetValueOrDefault(gram), count);
                correct[n - 1] += NGrams.Count(caption, n).Sum(gram => Math.Min(gram.Value, most.GetValueOrDefault(gram.Key)));
            }
        }

        var ratio = (length + tiny) / (referenceLength + small);
        var penalty = ratio < 1 ? Math.Exp(1 - 1 / ratio) : 1;
        var product = 1.0;
        var scores = new double[4];
        for (var n = 0; n < 4; n++)
        {
            product *= (correct[n] + tiny) / (guessed[n] + small);
            scores[n] = Math.Pow(product, 1.0 / (n + 1)) * penalty;
        }

        return scores;
    }
}
