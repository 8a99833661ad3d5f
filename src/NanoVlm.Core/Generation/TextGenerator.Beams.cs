using NanoVlm.Data;
using static NanoVlm.Native.Scalars;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>An answer that a beam search found.</summary>
/// <param name="Completion">The answer.</param>
/// <param name="LogProbability">The sum over all tokens, the one that ends the text included.</param>
/// <param name="Score">The same over length^penalty, by which answers are ranked.</param>
public sealed record Beam(Completion Completion, double LogProbability, double Score);

public sealed partial class TextGenerator
{
    /// <summary>Searches for likely answers, keeping the likeliest few beginnings at every length (as transformers' <c>num_beams</c>).</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="beams">How many beginnings to keep; 1 is greedy.</param>
    /// <param name="options">The longest answer and stop strings; answers are not sampled.</param>
    /// <param name="lengthPenalty">The power of the length that log-probabilities are divided by; above 0 favours longer answers.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>At most <paramref name="beams"/> answers, the best first.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<Beam> BeamSearch(Sample prompt, int beams, GenerationOptions options, double lengthPenalty = 1, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(beams, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxNewTokens, 1);
        using var evaluating = new EvaluationMode(model);
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        using var rows = Read([prompt], options.MaxNewTokens, beams, cancellation);
        var open = new List<Path> { new([], [], 0) };
        var found = new List<Beam>();
        for (var length = 1; ; length++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var chances = rows.Logits.log_softmax(-1);
            var vocabulary = chances.shape[1];
            var total = chances.plus(tensor(open.Select(path => (float)path.LogProbability).ToArray(), [open.Count, 1], device: chances.device));
            // Twice as many as beams: as many may end here, one each, and still leave enough to go on with.
            var (values, places) = total.flatten().topk((int)Math.Min(beams * (1 + ends.Count), total.numel()));
            var (sums, indices, each) = (values.cpu().data<float>().ToArray(), places.cpu().data<long>().ToArray(), chances.cpu().data<float>().ToArray());
            var next = new List<(int Row, Path Path)>();
            for (var i = 0; i < indices.Length && next.Count < beams; i++)
            {
                var (row, id) = ((int)(indices[i] / vocabulary), (int)(indices[i] % vocabulary));
                if (ends.Contains(id))
                {
                    if (i < beams) Found(open[row], sums[i], length, StopReason.EndOfText);
                    continue;
                }
                var path = new Path([.. open[row].Ids, id], [.. open[row].Chances, each[indices[i]]], sums[i]);
                if (Text(path.Ids).Stopped) Found(path, sums[i], length, StopReason.StopString);
                else if (length == options.MaxNewTokens) Found(path, sums[i], length, StopReason.MaxNewTokens);
                else next.Add((row, path));
            }
            found = [.. found.OrderByDescending(beam => beam.Score).Take(beams)];
            // What goes on cannot get better than it is at this length where longer answers are not favoured over their chances.
            if (next.Count == 0 || (found.Count == beams && next[0].Path.LogProbability / Math.Pow(length, lengthPenalty) <= found[^1].Score)) return found;
            open = [.. next.Select(one => one.Path)];
            rows.Select([.. next.Select(one => one.Row)]);
            rows.Append(tensor(open.Select(path => (long)path.Ids[^1]).ToArray(), device: chances.device));
        }

        void Found(Path path, double sum, int length, StopReason reason)
        {
            var text = Text(path.Ids);
            text.Flush();
            var completion = new Completion(path.Ids, text.ToString(), text.Stopped ? StopReason.StopString : reason, options.LogProbabilities ? path.Chances : null);
            found.Add(new Beam(completion, sum, sum / Math.Pow(length, lengthPenalty)));
        }

        AnswerText Text(IReadOnlyList<int> ids)
        {
            var text = new AnswerText(tokenizer, options.StopStrings);
            foreach (var id in ids)
            {
                if (text.Stopped) break;
                text.Push(id);
            }
            return text;
        }
    }

    private sealed record Path(IReadOnlyList<int> Ids, IReadOnlyList<float> Chances, double LogProbability);
}
