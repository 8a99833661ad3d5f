namespace NanoVlm.Weights.Hub;

/// <summary>Adds up the progress of files that are downloaded side by side. Reports come one at a time.</summary>
/// <param name="files">The files.</param>
/// <param name="here">How many bytes of a file are here at the beginning.</param>
/// <param name="listener">Who is told.</param>
internal sealed class TransferProgress(IReadOnlyCollection<HubFile> files, Func<HubFile, long> here, IProgress<HubProgress>? listener)
{
    private readonly Dictionary<string, long> received = files.ToDictionary(file => file.Name, here);
    private readonly long bytes = files.Sum(file => file.Size);
    private long bytesDone = files.Sum(here);
    private int filesDone;

    /// <summary>Takes in what happens to a file, and how many bytes of it are here now.</summary>
    public void Report(HubFile file, HubFileState state, long now)
    {
        lock (received)
        {
            bytesDone += now - received[file.Name];
            received[file.Name] = now;
            if (state == HubFileState.Done) filesDone++;
            listener?.Report(new HubProgress(file.Name, state, file.Size, filesDone, files.Count, bytesDone, bytes));
        }
    }
}
