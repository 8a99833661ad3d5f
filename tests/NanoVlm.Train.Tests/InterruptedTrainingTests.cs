namespace NanoVlm.Training.Tests;

public sealed class InterruptedTrainingTests : IDisposable
{
    private const int Interrupt = 2, Terminate = 15;

    private readonly TemporaryFolder folder = new();

    public InterruptedTrainingTests() => File.WriteAllText(folder["tiny.json"], TinyRun.Config);

    [UnixTheory("signals")]
    [InlineData(Interrupt)]
    [InlineData(Terminate)]
    public async Task A_signal_saves_a_checkpoint_that_can_be_asked(int signal)
    {
        using var program = Train("train.max_steps=1000000", "train.eval_every=1000000", "train.save_every=1000000", "train.log_every=1");
        await program.Says("step 3/");
        program.Signal(signal);
        program.Finish().Failed(130, "stopping", "stopped");
        var last = folder["checkpoints/tiny/last"];
        Assert.StartsWith("step_", new FileInfo(last).LinkTarget);
        Assert.False(File.Exists(folder["checkpoints/tiny/summary.json"]));
        NanoVlmProgram.Run(folder.Path, "generate", "--model", last, "--prompt", "x", "--max-new-tokens", "2").Succeeded();
    }

    [UnixFact("signals")]
    public async Task A_second_signal_leaves_at_once()
    {
        using var program = Train("train.gradient_accumulation=400"); // a step of many seconds
        await program.Says("conversations to train on");
        program.Signal(Interrupt);
        await program.Says("stopping after this step");
        program.Signal(Interrupt);
        program.Finish().Failed(130);
        Assert.False(Path.Exists(folder["checkpoints/tiny/last"])); // the step was not waited for
    }

    [UnixFact("signals")]
    public async Task Nothing_is_left_of_pictures_half_rendered()
    {
        using var program = Train("data.train[0].images=100000");
        await program.Says("rendering");
        program.Signal(Interrupt);
        program.Finish().Failed(130);
        Assert.Empty(Directory.EnumerateDirectories(folder.Path, "data*"));
    }

    public void Dispose() => folder.Dispose();

    private NanoVlmProgram Train(params string[] set) => NanoVlmProgram.Start(folder.Path, ["train", "--config", "tiny.json", "--set", .. set]);
}
