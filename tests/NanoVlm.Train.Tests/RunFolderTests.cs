namespace NanoVlm.Training.Tests;

public sealed class RunFolderTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    private string Place => temporary["run"];

    [Fact]
    public void The_last_checkpoints_and_the_best_stay()
    {
        using var run = new RunFolder(Place, keepLast: 2);
        for (var step = 1; step <= 6; step++) run.Save(step, isBest: step == 2, Write($"{step}"));
        Assert.Equal(["step_000002", "step_000005", "step_000006"], Steps());
        Assert.Equal("2", Content(run.Best));
        Assert.Equal("6", Content(run.Last));
    }

    [Fact]
    public void The_best_is_let_go_when_another_is_better()
    {
        using var run = new RunFolder(Place, keepLast: 1);
        for (var step = 1; step <= 4; step++) run.Save(step, isBest: step is 1 or 3, Write($"{step}"));
        Assert.Equal(["step_000003", "step_000004"], Steps());
    }

    [Fact]
    public void A_failed_write_leaves_what_was_there()
    {
        using var run = new RunFolder(Place, keepLast: 1);
        run.Save(1, isBest: true, Write("1"));
        var error = Assert.Throws<NanoVlmException>(() => run.Save(2, isBest: true, folder =>
        {
            Write("half")(folder);
            throw new IOException("No space left on device.");
        }));
        Assert.Contains("step_000002", error.Message);
        Assert.Contains("No space left", error.Message);
        Assert.Equal("1", Content(run.Best));
        Assert.Equal("1", Content(run.Last));
        Assert.Equal(["step_000001"], Steps());
    }

    [Fact]
    public void A_checkpoint_half_written_by_a_killed_run_is_removed()
    {
        Write("half")(Path.Combine(Place, "step_000007.partial"));
        using var run = new RunFolder(Place, keepLast: 1);
        Assert.Empty(Directory.EnumerateDirectories(Place));
    }

    [Fact]
    public void The_same_step_is_saved_once_and_can_become_the_best_later()
    {
        using var run = new RunFolder(Place, keepLast: 1);
        run.Save(1, isBest: false, Write("first"));
        run.Save(1, isBest: true, Write("again"));
        Assert.Equal(["step_000001"], Steps());
        Assert.Equal("step_000001", new FileInfo(run.Best).LinkTarget);
    }

    [Fact]
    public void The_checkpoints_of_an_earlier_run_are_not_touched()
    {
        using (var earlier = new RunFolder(Place, keepLast: 1)) earlier.Save(1, isBest: true, Write("1"));
        Assert.Contains("run_name", Assert.Throws<NanoVlmException>(() => new RunFolder(Place, keepLast: 1)).Message);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_named()
    {
        File.WriteAllText(temporary["run"], "a file in its place");
        var error = Assert.Throws<NanoVlmException>(() => new RunFolder(Place, keepLast: 1));
        Assert.Contains(Place, error.Message);
        Assert.Contains("train.output_dir", error.Message);
    }

    [Fact]
    public void A_record_replaces_the_one_before()
    {
        using var run = new RunFolder(Place, keepLast: 1);
        run.WriteJson("summary.json", new { TestAccuracy = 0.1 });
        run.WriteJson("summary.json", new { TestAccuracy = 0.2 });
        Assert.Contains("\"test_accuracy\": 0.2", File.ReadAllText(run.File("summary.json")));
        Assert.Single(Directory.EnumerateFiles(Place, "*.json*"));
    }

    [Fact]
    public void A_checkpoint_half_deleted_by_a_killed_run_is_removed()
    {
        Write("half")(Path.Combine(Place, "step_000007.deleted"));
        using var run = new RunFolder(Place, keepLast: 1, resume: true);
        Assert.Empty(run.Checkpoints);
        Assert.Empty(Directory.EnumerateDirectories(Place));
    }

    [Fact]
    public void Two_processes_do_not_train_in_one_folder()
    {
        using (var run = new RunFolder(Place, keepLast: 1))
            Assert.Contains("another process", Assert.Throws<NanoVlmException>(() => new RunFolder(Place, keepLast: 1, resume: true)).Message);
        new RunFolder(Place, keepLast: 1, resume: true).Dispose(); // free again
    }

    [Fact]
    public void Links_are_mended_after_a_kill_between_a_checkpoint_and_its_link()
    {
        using (var run = new RunFolder(Place, keepLast: 3))
            for (var step = 1; step <= 3; step++) run.Save(step, isBest: step == 1, Write($"{step}"));
        using var again = new RunFolder(Place, keepLast: 3, resume: true);
        Assert.Equal([3, 2, 1], again.Checkpoints.Select(RunFolder.StepOf));
        again.Relink(last: 2, best: 2);
        Assert.Equal("2", Content(again.Last));
        Assert.Equal("2", Content(again.Best));
        again.Relink(last: 3, best: 9); // which is gone
        Assert.Equal("2", Content(again.Best));
    }

    [Fact]
    public void Where_there_are_no_links_the_last_and_the_best_are_copies()
    {
        using (var run = new RunFolder(Place, keepLast: 1) { Links = false })
        {
            for (var step = 1; step <= 4; step++) run.Save(step, isBest: step is 1 or 2, Write($"{step}"));
            Assert.Equal("2", Content(run.Best));
            Assert.Equal("4", Content(run.Last));
            Assert.Null(new DirectoryInfo(run.Last).LinkTarget);
            Assert.Equal(["best", "last", "step_000002", "step_000004"], Directory.GetDirectories(Place).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        }
        // Links take the place of copies, and copies that of links.
        using (var run = new RunFolder(Place, keepLast: 1, resume: true)) run.Relink(last: 4, best: 4);
        Assert.Equal("step_000004", new DirectoryInfo(Path.Combine(Place, "best")).LinkTarget);
        using (var run = new RunFolder(Place, keepLast: 1, resume: true) { Links = false })
        {
            run.Save(5, isBest: false, Write("5"));
            Assert.Equal("5", Content(run.Last));
            Assert.Equal("4", Content(run.Best));
        }
    }

    public void Dispose() => temporary.Dispose();

    private IEnumerable<string?> Steps() =>
        Directory.EnumerateDirectories(Place).Where(path => new FileInfo(path).LinkTarget is null && !path.EndsWith(".partial", StringComparison.Ordinal)).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    private static string Content(string folder) => File.ReadAllText(Path.Combine(folder, "weights"));

    private static Action<string> Write(string text) => folder =>
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "weights"), text);
    };
}
