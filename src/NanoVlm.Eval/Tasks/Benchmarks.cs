using NanoVlm.Configuration;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>The benchmarks, by name.</summary>
public static class Benchmarks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<EvalTask> All { get; } =
    [
        new MmstarTask(), new MmmuTask(), ScienceQaTask.Full, ScienceQaTask.WithImages, new Ai2dTask(), new ChartQaTask(), DocumentVqaTask.Documents,
        DocumentVqaTask.Infographics, new TextVqaTask(), new VqaV2Task(), new OcrBenchTask(), new MmeTask(), new PopeTask(), new SeedBenchTask(), CaptioningTask.Coco,
        CaptioningTask.Flickr30k, ConversationTask.Shapes, ConversationTask.Conversations, new VqaJsonlTask(),
    ];

    internal static EvalTask? Find(string name) => All.FirstOrDefault(task => task.Name == name);

    /// <summary>Finds a benchmark.</summary>
    /// <param name="name">As <see cref="EvalTask.Name"/>.</param>
    /// <exception cref="NanoVlmException">There is none of that name; names the nearest.</exception>
    public static EvalTask Named(string name)
    {
        var names = All.Select(task => task.Name);
        return Find(name)
            ?? throw new NanoVlmException($"There is no task '{name}'{NearestName.Suggestion(NearestName.Of(name, names))}; there are {string.Join(", ", names)}.");
    }
}
