namespace NanoVlm.Evaluation.Tasks;

/// <summary>The benchmarks that there are.</summary>
public static class EvalTasks
{
    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<EvalTask> All = [ConversationTask.Shapes];

    /// <summary>A benchmark by its name; null: there is none.</summary>
    /// <param name="name">As <c>--tasks</c> takes it.</param>
    public static EvalTask? Find(string name) => All.FirstOrDefault(task => task.Name == name);
}
