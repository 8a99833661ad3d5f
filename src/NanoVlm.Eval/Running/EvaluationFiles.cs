namespace NanoVlm.Evaluation.Running;

/// <summary>What results are called where nobody names them.</summary>
internal static class EvaluationFiles
{
    /// <summary>The folder: <c>evaluations</c> in the run that a model is a checkpoint of, or here.</summary>
    internal static string FolderOf(string model)
    {
        if (ModelIdentity.RunOf(model) is not { } run) return "evaluations";
        var near = Path.GetRelativePath(".", Path.Combine(run, "evaluations"));
        return near.StartsWith("..", StringComparison.Ordinal) ? Path.GetFullPath(near) : near;
    }

    /// <summary>The file's name: the model's, the benchmarks', and what is not asked in full.</summary>
    internal static string NameOf(EvaluatedModel model, IEnumerable<string> tasks, EvaluationOptions options) =>
        $"{Path.GetFileName(model.Name)}-{string.Join('+', tasks)}{(options.Limit is { } limit ? $"-first{limit}" : "")}{(options.Blind ? "-blind" : "")}.json";
}
