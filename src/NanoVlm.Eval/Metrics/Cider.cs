namespace NanoVlm.Evaluation.Metrics;

/// <summary>CIDEr-D (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726) as COCO's caption evaluation reckons it: n from 1 to 4, sigma 6, counts clipped, times ten.</summary>
public static class Cider
{
    /// <summary>The score of each caption; a corpus has the mean. The rarer a run of words among the images' references, the more it weighs.</summary>
    /// <param name="items">Each image's caption and references, raw; without references the score is 0. Of one image alone all scores are 0: nothing is rare.</param>
    /// <param name="rules">As of <see cref="Bleu.Of"/>.</param>
    /// <returns>From 0 to 10, an image each.</returns>
    public static IReadOnlyList<double> Of(IReadOnlyList<(string Caption, IReadOnlyList<string> References)> items, Rules rules)
    {
        var tokenized = items.Select(item => (Caption: Words(item.Caption), References: item.References.Select(Words).ToArray())).ToArray();
        var images = new Dictionary<string, int>(); // in the references of how many images a run of words occurs
        foreach (var (_, references) in tokenized)
            foreach (var gram in references.SelectMany(reference => Enumerable.Range(1, 4).SelectMany(n => NGrams.Count(reference, n).Keys)).Distinct())
                images[gram] = images.GetValueOrDefault(gram) + 1;
        var all = Math.Log(items.Count);
        return [.. tokenized.Select(item => item.References.Length == 0 ? 0 : Score(item.Caption, item.References))];

        List<string> Words(string text) => CaptionWords.Of(text, rules).Words();

        double Score(List<string> caption, List<string>[] references)
        {
            var (ours, norms) = Weigh(caption);
            var sum = 0.0;
            foreach (var reference in references)
            {
                var (theirs, theirNorms) = Weigh(reference);
                double delta = Math.Max(0, caption.Count - 1) - Math.Max(0, reference.Count - 1); // published by runs of two words
                for (var n = 0; n < 4; n++)
                {
                    var product = ours[n].Sum(gram => theirs[n].TryGetValue(gram.Key, out var weight) ? Math.Min(gram.Value, weight) * weight : 0);
                    if (norms[n] != 0 && theirNorms[n] != 0)
                        product /= norms[n] * theirNorms[n];
                    sum += product * Math.Exp(-delta * delta / (2 * 6 * 6));
                }
            }

            return sum / 4 / references.Length * 10;
        }

        (Dictionary<string, double>[] Weights, double[] Norms) Weigh(List<string> words)
        {
            var weights = Enumerable.Range(1, 4)
                .Select(n => NGrams.Count(words, n).ToDictionary(gram => gram.Key, gram => gram.Value * (all - Math.Log(Math.Max(1, images.GetValueOrDefault(gram.Key))))))
                .ToArray();
            return (weights, Array.ConvertAll(weights, weight => Math.Sqrt(weight.Values.Sum(value => value * value))));
        }
    }
}
