using NanoVlm.Data;
using static TorchSharp.torch;

namespace NanoVlm.Generation;

/// <summary>How likely a model finds a given answer.</summary>
/// <param name="LogProbability">The natural logarithm of the probability of all its tokens, in a row.</param>
/// <param name="Tokens">How many they are.</param>
/// <param name="IsGreedy">Whether each is the most likely one: the answer is what greedy decoding begins with.</param>
public sealed record AnswerLikelihood(double LogProbability, int Tokens, bool IsGreedy);

public sealed partial class TextGenerator
{
    /// <summary>Scores given answers, as in choosing among options by likelihood. The prompt is read once for all.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="answers">The answers; each is encoded on its own, without special tokens.</param>
    /// <param name="cancellation">Stops before the answers are read.</param>
    /// <returns>A likelihood an answer, in their order.</returns>
    /// <exception cref="NanoVlmException">An answer has no tokens.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<AnswerLikelihood> Score(Sample prompt, IReadOnlyList<string> answers, CancellationToken cancellation = default)
    {
        var ids = answers.Select(answer => tokenizer.Encode(answer, addSpecialTokens: false).Ids.ToArray()).ToArray();
        if (Array.FindIndex(ids, of => of.Length == 0) is >= 0 and var empty) throw new NanoVlmException($"answer {empty}, '{answers[empty]}', has no tokens; give a text.");
        if (ids.Length == 0) return [];
        using var evaluating = new EvaluationMode(model);
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var width = ids.Max(of => of.Length);
        using var rows = Read([prompt], width, ids.Length, cancellation);
        rows.Select(new int[ids.Length]);
        cancellation.ThrowIfCancellationRequested();
        var tokens = new long[ids.Length * width];
        for (var row = 0; row < ids.Length; row++)
            for (var i = 0; i < ids[row].Length; i++)
                tokens[row * width + i] = ids[row][i];
        var wanted = tensor(tokens, [ids.Length, width], device: rows.Logits.device);
        var logits = rows.Logits.unsqueeze(1); // [answers, 1, vocabulary]
        if (width > 1) logits = cat([logits, model.Decoder.Logits(rows.Read(wanted.narrow(1, 0, width - 1)))], 1);
        var chances = logits.log_softmax(-1).gather(2, wanted.unsqueeze(2)).cpu().data<float>().ToArray();
        var likeliest = (logits.argmax(-1) == wanted).cpu().data<bool>().ToArray();
        return [.. ids.Select((of, row) => new AnswerLikelihood(
            Enumerable.Range(row * width, of.Length).Sum(i => (double)chances[i]), of.Length, Enumerable.Range(row * width, of.Length).All(i => likeliest[i])))];
    }
}
