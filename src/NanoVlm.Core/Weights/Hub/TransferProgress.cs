namespace NanoVlm.Weights.Hub;

/// <summary>Adds up the progress of files that are downloaded side by side. Reports come one at a time.</summary>
internal sealed class TransferProgress(IReadOnlyCollection<HubFile> files, IProgress<HubProgress>? listener)
{
    private readonly Dictionary<string, long> received = files.ToDictionary(file => file.Name, _ => 0L);
    private readonly long bytes = files.Sum(file => file.Size);
    private long bytesDone;
    private int filesDone;

    /// <summary>Takes in how many bytes of a file are here.</summary>
    public void Report(HubFile file, HubFileState state, long here)
    {
        lock (received)
        {
            bytesDone += here - received[file.Name];
            received[file.Name] = here;
            if (state == HubFileState.Done) filesDone++;
            listener?.Report(new HubProgress(file.Name, state, file.Size, filesDone, files.Count, bytesDone, bytes));
        }
    }
}
