using NanoVlm.Configuration;
using NanoVlm.Data.Shapes;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>The shapes that a run was tested on.</summary>
internal static class ShapesTest
{
    /// <summary>Finds the folder of a run's shapes, and renders them where they are not there yet.</summary>
    /// <param name="run">The run's configuration; null takes the built-in one.</param>
    /// <param name="say">Hears what takes time.</param>
    /// <param name="cancellation">Stops the rendering.</param>
    /// <exception cref="NanoVlmException">The run has several; or the folder holds something else.</exception>
    internal static string Find(RunConfig? run, Action<string> say, CancellationToken cancellation)
    {
        var sources = run is null ? [] : (run.Data.Test.Count > 0 ? run.Data.Test : run.Data.Train).OfType<ShapesSource>().ToArray();
        if (sources.Length > 1) throw new NanoVlmException($"The run has {sources.Length} sets of shapes; name the one to test on with --data.");
        var shapes = sources.SingleOrDefault() ?? RunConfig.Load().Data.Train.OfType<ShapesSource>().Single();
        Render(shapes, say, cancellation);
        return shapes.Path;
    }

    /// <summary>Renders shapes where they are not there yet.</summary>
    internal static void Render(ShapesSource shapes, Action<string> say, CancellationToken cancellation)
    {
        var options = new ShapesOptions
        {
            Seed = shapes.Seed,
            Train = shapes.Images,
            Validation = shapes.Validation,
            Test = shapes.Test,
            QuestionsPerImage = shapes.QuestionsPerImage,
        };
        var watch = System.Diagnostics.Stopwatch.StartNew();
        if (!File.Exists(Path.Combine(shapes.Path, ShapesDataset.StampFile)))
            say($"rendering {shapes.Images + shapes.Validation + shapes.Test} pictures of shapes to {shapes.Path}, once");
        if (ShapesDataset.Generate(shapes.Path, options, cancellation))
            say($"rendered {shapes.Images + shapes.Validation + shapes.Test} pictures of shapes to {shapes.Path} in {watch.Elapsed.TotalSeconds:0.0} s");
    }
}
