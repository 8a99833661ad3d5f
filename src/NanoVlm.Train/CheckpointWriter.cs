using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Training;

/// <summary>Writes checkpoints while training goes on, one at a time, by a thread that leaves the processors to the training where they are busy.</summary>
internal sealed class CheckpointWriter(RunFolder run, Tokenizer tokenizer, ImageProcessor processor) : IDisposable
{
    private Task writing = Task.CompletedTask;

    /// <summary>Begins to write a checkpoint. Wait for the one before by <see cref="Finish"/> before the snapshot is taken: there is memory for one.</summary>
    /// <param name="step">The step after which it stands.</param>
    /// <param name="isBest">Whether it is the best so far.</param>
    /// <param name="snapshot">What it holds; freed when it is written.</param>
    /// <param name="trainingGoesOn">Whether the processors are wanted meanwhile; after the last step the run waits for this.</param>
    internal void Begin(int step, bool isBest, TrainingSnapshot snapshot, bool trainingGoesOn)
    {
        writing = Task.Factory.StartNew(() =>
        {
            if (trainingGoesOn) Posix.YieldToOthers();
            using (snapshot)
                run.Save(step, isBest, folder => snapshot.Write(folder, tokenizer, processor));
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default); // a thread of its own, whose priority nobody inherits
    }

    /// <summary>Throws if the last checkpoint is known not to have been written; does not wait.</summary>
    /// <exception cref="NanoVlmException">It could not be written.</exception>
    internal void Check()
    {
        if (writing.IsFaulted) Finish();
    }

    /// <summary>Waits until the last checkpoint is on the disk.</summary>
    /// <exception cref="NanoVlmException">It could not be written.</exception>
    internal void Finish() => writing.GetAwaiter().GetResult();

    /// <summary>Waits, and leaves failures alone.</summary>
    public void Dispose() => ((IAsyncResult)writing).AsyncWaitHandle.WaitOne();
}
