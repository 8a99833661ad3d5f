namespace NanoVlm.Weights.Hub;

/// <summary>What happens to a file.</summary>
public enum HubFileState
{
    /// <summary>Another process downloads it; this one waits.</summary>
    Waiting,

    /// <summary>Bytes of it arrive.</summary>
    Receiving,

    /// <summary>It is whole and checked.</summary>
    Done,
}

/// <summary>How far a download is.</summary>
/// <param name="File">The file that this is about.</param>
/// <param name="State">What happens to it.</param>
/// <param name="FileBytes">Its size.</param>
/// <param name="FilesDone">The files that are whole.</param>
/// <param name="Files">The files that are missing from the cache and are downloaded.</param>
/// <param name="BytesDone">Their bytes that are here, those of earlier attempts included.</param>
/// <param name="Bytes">All their bytes.</param>
public sealed record HubProgress(string File, HubFileState State, long FileBytes, int FilesDone, int Files, long BytesDone, long Bytes);
