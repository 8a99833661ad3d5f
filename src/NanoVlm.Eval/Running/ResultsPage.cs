namespace NanoVlm.Evaluation.Running;

/// <summary>Results on one page.</summary>
public static class ResultsPage
{
    /// <summary>Writes the page.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="results">The results with their files.</param>
    public static void Write(string path, IReadOnlyList<(string File, EvaluationResult Result)> results) => WholeFile.Write(path, results.Count + "");
}
